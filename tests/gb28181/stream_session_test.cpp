// Each case lists what happens and when, and the whole trace that must come out. Time is virtual.
#include "gb28181/stream_session.hpp"

#include <doctest/doctest.h>

#include <functional>
#include <string>
#include <vector>

using namespace gb28181;
using namespace std::chrono_literals;
using namespace gb28181::stream_action;

namespace {

constexpr const char* camera = "34020000001320000001";

struct Describe {
  std::string operator()(const SendInvite& a) const { return "INVITE " + a.subject; }
  std::string operator()(const Answered& a) const {
    return "answered " + std::to_string(a.answer.ssrc.value_or(0));
  }
  std::string operator()(const ConnectMedia& a) const {
    return "connect " + a.host + ':' + std::to_string(a.port);
  }
  std::string operator()(const Started&) const { return "started"; }
  std::string operator()(const SendCancel&) const { return "CANCEL"; }
  std::string operator()(const SendBye&) const { return "BYE"; }
  std::string operator()(const Failed& a) const {
    return "failed " + std::to_string(a.status) + ' ' + a.reason;
  }
  std::string operator()(const Ended& a) const { return "ended " + a.reason; }
};

StreamRequest request(MediaTransport transport = MediaTransport::udp,
                      Operation operation = Operation::play) {
  StreamRequest made;
  made.channel_id = camera;
  made.platform_id = "34020000002000000001";
  made.offer.operation = operation;
  made.offer.transport = transport;
  made.offer.owner_id = made.platform_id;
  made.offer.host = "192.0.2.10";
  made.offer.port = 30000;
  made.offer.ssrc = 200000017;
  made.signalling_host = "203.0.113.5";
  return made;
}

std::string answer(const char* protocol = "RTP/AVP", int port = 30010, const char* more = "") {
  return std::string("v=0\r\no=1 0 0 IN IP4 10.0.0.5\r\ns=Play\r\nc=IN IP4 10.0.0.5\r\nt=0 0\r\n") +
         "m=video " + std::to_string(port) + ' ' + protocol + " 96\r\n" + more +
         "a=rtpmap:96 PS/90000\r\ny=0200000017\r\n";
}

using Step = std::function<void(StreamSession&, sip::TimePoint, StreamActions&)>;
struct Event {
  std::chrono::milliseconds at;
  Step step;
};

Step answered(std::string sdp) {
  return [sdp](auto& s, auto now, auto& out) { s.on_answer(sdp, now, out); };
}
Step failed(int status, const char* phrase) {
  return [=](auto& s, auto now, auto& out) { s.on_call_failed(status, phrase, now, out); };
}
Step progress(int status) {
  return [=](auto& s, auto now, auto&) { s.on_progress(status, now); };
}
Step media(std::uint64_t packets) {
  return [=](auto& s, auto now, auto& out) { s.on_media(packets, packets * 1000, now, out); };
}
Step refused(const char* why) {
  return [=](auto& s, auto now, auto& out) { s.on_connect_failed(why, now, out); };
}
Step closed(const char* why) {
  return [=](auto& s, auto now, auto& out) { s.on_media_closed(why, now, out); };
}
Step sent(unsigned times) {
  return [=](auto& s, auto, auto&) { s.note_invite("10.0.0.5:5060/udp", times); };
}
Step stop(const char* why) {
  return [=](auto& s, auto now, auto& out) { s.stop(why, now, out); };
}
Step paused(bool on) {
  return [=](auto& s, auto now, auto&) { s.set_paused(on, now); };
}
const Step bye = [](auto& s, auto now, auto& out) { s.on_call_ended(now, out); };
const Step file_sent = [](auto& s, auto now, auto& out) { s.on_file_sent(now, out); };

// From start to the last event and the last deadline.
std::string run(const StreamRequest& what, const std::vector<Event>& events) {
  const sip::TimePoint start{};
  StreamSession session(what, {});
  StreamActions actions;
  std::string trace;
  const auto record = [&](sip::TimePoint now) {
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(now - start).count();
    for (const auto& action : actions)
      trace += std::to_string(ms) + ':' + std::visit(Describe{}, action) + '\n';
    actions.clear();
  };
  session.start(start, actions);
  record(start);
  auto event = events.begin();
  while (event != events.end() || session.next_deadline() != sip::never) {
    const auto due = session.next_deadline();
    const bool next_is_event = event != events.end() && start + event->at <= due;
    const auto now = next_is_event ? start + event->at : due;
    if (next_is_event)
      (event++)->step(session, now, actions);
    else
      session.on_deadline(now, actions);
    record(now);
    REQUIRE(trace.size() < 10'000);
  }
  CHECK(session.state() == StreamSession::State::ended);
  return trace;
}

const std::string invite = "0:INVITE 34020000001320000001:0200000017,34020000002000000001:0\n";
const std::string id = camera;

}  // namespace

TEST_CASE("calls and what becomes of them") {
  struct Case {
    const char* name;
    StreamRequest what;
    std::vector<Event> events;
    std::string trace;
  };
  const auto udp = request();
  const auto passive = request(MediaTransport::tcp_passive);
  const auto active = request(MediaTransport::tcp_active);
  const auto playback = request(MediaTransport::udp, Operation::playback);
  const Case cases[] = {
      {"it plays until nobody watches",
       udp,
       {{100ms, progress(100)},
        {200ms, answered(answer())},
        {300ms, media(1)},
        {20000ms, media(900)},
        {30000ms, stop("no viewer")}},
       invite + "200:answered 200000017\n300:started\n30000:BYE\n30000:ended no viewer\n"},
      {"media before the 200",
       udp,
       {{100ms, media(3)}, {200ms, answered(answer())}, {300ms, bye}},
       invite + "200:answered 200000017\n200:started\n300:ended " + id + " ended the call (BYE)\n"},
      {"no answer",
       udp,
       {{14000ms, sent(7)}},
       invite + "15000:CANCEL\n15000:failed 504 " + id +
           " did not answer INVITE within 15 s (sent 7 times to 10.0.0.5:5060/udp)\n"},
      {"no final answer",
       udp,
       {{100ms, progress(180)}},
       invite + "15000:CANCEL\n15000:failed 504 " + id +
           " answered 180 to INVITE, but gave no final answer within 15 s\n"},
      {"a 200 after we gave up is ended",
       udp,
       {{16000ms, answered(answer())}},
       invite + "15000:CANCEL\n15000:failed 504 " + id +
           " did not answer INVITE within 15 s\n16000:BYE\n"},
      {"busy",
       udp,
       {{100ms, failed(486, "Busy Here")}},
       invite + "100:failed 503 " + id + " answered 486 Busy Here to INVITE\n"},
      {"unknown channel",
       udp,
       {{100ms, failed(404, "Not Found")}},
       invite + "100:failed 404 " + id + " answered 404 Not Found to INVITE\n"},
      {"off line",
       udp,
       {{100ms, failed(480, "")}},
       invite + "100:failed 503 " + id + " answered 480 to INVITE\n"},
      {"200 and then nothing",
       udp,
       {{1000ms, answered(answer())}},
       invite + "1000:answered 200000017\n11000:BYE\n11000:failed 504 " + id +
           " sent no RTP within 10 s after 200 OK: SDP said 10.0.0.5:30010/udp, 0 packets seen\n"},
      {"TCP passive and nobody connects",
       passive,
       {{1000ms, answered(answer("TCP/RTP/AVP", 9, "a=setup:active\r\n"))}},
       invite + "1000:answered 200000017\n11000:BYE\n11000:failed 504 " + id +
           " sent no RTP within 10 s after 200 OK: SDP said 10.0.0.5:9/tcp, 0 packets seen, it was "
           "to "
           "connect to 192.0.2.10:30000/tcp\n"},
      {"UDP answered to a TCP offer",
       passive,
       {{1000ms, answered(answer())}},
       invite + "1000:answered 200000017\n11000:BYE\n11000:failed 504 " + id +
           " sent no RTP within 10 s after 200 OK: SDP said 10.0.0.5:30010/udp, 0 packets seen, "
           "tcp-passive was offered\n"},
      {"both listen: we try to connect too",
       passive,
       {{1000ms, answered(answer("TCP/RTP/AVP", 30010, "a=setup:passive\r\n"))},
        {1100ms, media(1)},
        {1200ms, bye}},
       invite + "1000:answered 200000017\n1000:connect 10.0.0.5:30010\n1100:started\n1200:ended " +
           id + " ended the call (BYE)\n"},
      {"TCP active",
       active,
       {{1000ms, answered(answer("TCP/RTP/AVP", 30010, "a=setup:passive\r\n"))},
        {1100ms, media(1)},
        {1200ms, closed("end of stream")}},
       invite +
           "1000:answered 200000017\n1000:connect 10.0.0.5:30010\n1100:started\n1200:BYE\n"
           "1200:ended " +
           id + " closed the media connection after 1 packets: end of stream\n"},
      {"TCP active, refused again and again",
       active,
       {{1000ms, answered(answer("TCP/RTP/AVP", 30010, "a=setup:passive\r\n"))},
        {1100ms, refused("Connection refused")},
        {2200ms, refused("Connection refused")},
        {3300ms, refused("Connection refused")},
        {4400ms, refused("Connection refused")}},
       invite +
           "1000:answered 200000017\n1000:connect 10.0.0.5:30010\n2100:connect "
           "203.0.113.5:30010\n3200:connect 10.0.0.5:30010\n4300:connect 203.0.113.5:30010\n"
           "4400:BYE\n4400:failed 502 could not connect to " +
           id + " at 10.0.0.5:30010/tcp for its media in 4 attempts: Connection refused\n"},
      {"media refused",
       udp,
       {{100ms, answered(answer("RTP/AVP", 0))}},
       invite + "100:BYE\n100:failed 502 " + id +
           " answered 200 to INVITE, but its SDP is unusable: media refused: port 0\n"},
      {"200 without a body",
       udp,
       {{100ms, answered("")}},
       invite + "100:BYE\n100:failed 502 " + id +
           " answered 200 to INVITE, but its SDP is unusable: malformed SDP\n"},
      {"media lost",
       udp,
       {{200ms, answered(answer())}, {300ms, media(5)}, {400ms, media(5)}},
       invite + "200:answered 200000017\n300:started\n30300:BYE\n30300:ended " + id +
           " sent no RTP for 30 s: media lost after 5 packets, 5000 bytes\n"},
      {"BYE before media",
       udp,
       {{200ms, answered(answer())}, {300ms, bye}},
       invite + "200:answered 200000017\n300:failed 502 " + id +
           " answered 200 to INVITE and ended the call (BYE) before it sent RTP\n"},
      {"stopped while it rings",
       udp,
       {{500ms, stop("no viewer")}, {600ms, failed(487, "")}},
       invite + "500:CANCEL\n500:failed 503 no viewer\n"},
      {"a pause is no loss",
       playback,
       {{200ms, answered(answer())},
        {300ms, media(5)},
        {400ms, paused(true)},
        {100000ms, closed("paused")},
        {200000ms, paused(false)},
        {210000ms, media(6)},
        {211000ms, file_sent}},
       invite + "200:answered 200000017\n300:started\n211000:BYE\n211000:ended " + id +
           " has sent the whole recording\n"},
      {"a pause without end",
       playback,
       {{200ms, answered(answer())}, {300ms, media(5)}, {400ms, paused(true)}},
       invite +
           "200:answered 200000017\n300:started\n600400:BYE\n600400:ended paused for more than "
           "600 s\n"},
      {"no recording",
       playback,
       {{200ms, answered(answer())}, {300ms, file_sent}},
       invite + "200:answered 200000017\n300:BYE\n300:failed 404 " + id +
           " has no recording for this time (MediaStatus 121 without media)\n"},
      {"121 means nothing in live play",
       udp,
       {{200ms, answered(answer())}, {300ms, media(1)}, {400ms, file_sent}, {500ms, stop("x")}},
       invite + "200:answered 200000017\n300:started\n500:BYE\n500:ended x\n"},
  };
  for (const auto& c : cases) {
    CAPTURE(c.name);
    CHECK(run(c.what, c.events) == c.trace);
  }
}

TEST_CASE("nothing happens twice") {
  StreamSession session(request(), {});
  StreamActions actions;
  const sip::TimePoint now{};
  session.on_media(1, 1, now, actions);
  session.on_call_ended(now, actions);
  CHECK(actions.empty());
  session.start(now, actions);
  session.start(now, actions);
  CHECK(actions.size() == 1);
  session.on_answer(answer(), now, actions);
  session.on_answer(answer(), now, actions);
  CHECK(actions.size() == 2);
  session.stop("enough", now, actions);
  actions.clear();
  session.stop("enough", now, actions);
  session.on_call_ended(now, actions);
  session.on_media(9, 9, now, actions);
  session.on_deadline(now + 1h, actions);
  CHECK(actions.empty());
  CHECK(session.next_deadline() == sip::never);
}

TEST_CASE("what viewers are told") {
  struct Case {
    int sip, viewer;
  };
  const Case cases[] = {{403, 403}, {404, 404}, {408, 504}, {480, 503}, {486, 503}, {488, 502},
                        {500, 502}, {503, 503}, {600, 503}, {603, 403}, {302, 502}};
  for (const auto& c : cases) {
    CAPTURE(c.sip);
    CHECK(viewer_status(c.sip) == c.viewer);
  }
}
