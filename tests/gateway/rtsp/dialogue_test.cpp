// Protocol manners: raw bytes in, answers out. In the tables a line's end is written |, and $S is
// the session that the last SETUP opened.
#include "gateway/rtsp/dialogue.hpp"

#include <doctest/doctest.h>

#include "tests/gateway/rtsp/talk.hpp"

using namespace gateway;
using namespace gateway::rtsp;
using test::Talk;

namespace {

std::string expand(std::string_view text, const std::string& session) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '|') {
      out += "\r\n";
    } else if (text.substr(i, 2) == "$S") {
      out += session;
      ++i;
    } else {
      out += text[i];
    }
  }
  return out;
}

std::string session_in(const std::string& answer) {
  const auto at = answer.find("Session: ");
  if (at == std::string::npos) return {};
  return answer.substr(at + 9, answer.find_first_of(";\r", at) - at - 9);
}

// What is asked, in order, and what each answer must hold; a leading ! means must not.
struct Exchange {
  const char* ask;
  std::vector<const char*> holds;
};
struct Case {
  const char* name;
  std::vector<Exchange> exchanges;
};

constexpr const char* describe = "DESCRIBE rtsp://h/cam RTSP/1.0|CSeq: 1||";
constexpr const char* set_up_tcp =
    "SETUP rtsp://h/cam/trackID=0 RTSP/1.0|CSeq: 2|Transport: RTP/AVP/TCP;interleaved=0-1||";
constexpr const char* set_up_second =
    "SETUP rtsp://h/cam/trackID=1 RTSP/1.0|CSeq: 3|Session: $S|"
    "Transport: RTP/AVP/TCP;interleaved=2-3||";
constexpr const char* set_up_udp =
    "SETUP rtsp://h/cam/trackID=0 RTSP/1.0|CSeq: 2|Transport: "
    "RTP/AVP;unicast;client_port=5000-5001||";
constexpr const char* play = "PLAY rtsp://h/cam RTSP/1.0|CSeq: 4|Session: $S||";
constexpr const char* still_there = "OPTIONS * RTSP/1.0|CSeq: 99||";

void run(const Case& c) {
  CAPTURE(c.name);
  Talk talk;
  std::string session;
  for (const auto& exchange : c.exchanges) {
    CAPTURE(exchange.ask);
    const auto answer = talk.say(expand(exchange.ask, session));
    CAPTURE(answer);
    if (const auto opened = session_in(answer); !opened.empty()) session = opened;
    for (const char* part : exchange.holds) {
      CAPTURE(part);
      const bool absent = part[0] == '!';
      const bool found = answer.find(expand(part + absent, session)) != std::string::npos;
      CHECK(found != absent);
    }
  }
  // Whatever was asked, the connection goes on.
  CHECK(talk.say(expand(still_there, "")).find("200 OK\r\nCSeq: 99") != std::string::npos);
  CHECK_FALSE(talk.closed);
}

const std::string large_body(65537, 'x');

const Case cases[] = {
    // ---- requests
    {"OPTIONS of the server",
     {{"OPTIONS * RTSP/1.0|CSeq: 1||",
       {"RTSP/1.0 200 OK|CSeq: 1|",
        "Public: OPTIONS, DESCRIBE, SETUP, PLAY, PAUSE, GET_PARAMETER, SET_PARAMETER, "
        "TEARDOWN|"}}}},
    {"OPTIONS of a stream", {{"OPTIONS rtsp://h/nothing RTSP/1.0|CSeq: 1||", {"200 OK"}}}},
    {"any letter case", {{"options * rtsp/1.0|CSEQ: 7||", {"200 OK|CSeq: 7|"}}}},
    {"bare line feeds", {{"OPTIONS * RTSP/1.0\nCSeq: 1\n\n", {"200 OK|CSeq: 1|"}}}},
    {"two in one segment",
     {{"OPTIONS * RTSP/1.0|CSeq: 1||OPTIONS * RTSP/1.0|CSeq: 2||", {"CSeq: 1|", "CSeq: 2|"}}}},
    {"folded header", {{"OPTIONS *  RTSP/1.0|X: a|  b|CSeq: 1||", {"200 OK|CSeq: 1|"}}}},
    {"no CSeq", {{"OPTIONS * RTSP/1.0||", {"400 Bad Request", "!CSeq:"}}}},
    {"CSeq that is no number", {{"OPTIONS * RTSP/1.0|CSeq: abc||", {"400 Bad Request"}}}},
    {"CSeq 0", {{"OPTIONS * RTSP/1.0|CSeq: 0||", {"200 OK|CSeq: 0|"}}}},
    {"unknown method",
     {{"FLY rtsp://h/cam RTSP/1.0|CSeq: 1||",
       {"501 Not Implemented|CSeq: 1|", "Public: OPTIONS"}}}},
    {"ANNOUNCE",
     {{"ANNOUNCE rtsp://h/cam RTSP/1.0|CSeq: 1|Content-Length: 3||v=0",
       {"405 Method Not Allowed|CSeq: 1|", "Allow: OPTIONS, DESCRIBE"}}}},
    {"RECORD", {{"RECORD rtsp://h/cam RTSP/1.0|CSeq: 1||", {"405 Method Not Allowed"}}}},
    {"RTSP 2.0", {{"OPTIONS * RTSP/2.0|CSeq: 5||", {"505 RTSP Version not supported|CSeq: 5|"}}}},
    {"HTTP", {{"GET / HTTP/1.1|Host: h||", {"RTSP/1.0 400 Bad Request"}}}},
    {"a word", {{"HELLO||", {"400 Bad Request"}}}},
    {"broken header", {{"OPTIONS * RTSP/1.0|CSeq: 3|nonsense||", {"400 Bad Request|CSeq: 3|"}}}},
    {"foreign scheme", {{"DESCRIBE http://h/cam RTSP/1.0|CSeq: 1||", {"400 Bad Request"}}}},
    {"Require",
     {{"OPTIONS * RTSP/1.0|CSeq: 1|Require: a|Require: b|Proxy-Require: c||",
       {"551 Option not supported", "Unsupported: a, b, c|"}}}},
    {"a response of the client", {{"RTSP/1.0 200 OK|CSeq: 1||", {"!RTSP"}}}},
    {"body too large",
     {{"SET_PARAMETER * RTSP/1.0|CSeq: 4|Content-Length: 65537||",
       {"413 Request Entity Too Large|CSeq: 4|"}},
      {large_body.c_str(), {}}}},
    // ---- DESCRIBE
    {"DESCRIBE",
     {{describe,
       {"200 OK|CSeq: 1|", "Content-Base: rtsp://h/cam/|", "Content-Type: application/sdp|",
        "m=video", "m=audio", "a=control:trackID=1|"}}}},
    {"DESCRIBE of nothing",
     {{"DESCRIBE rtsp://h/none RTSP/1.0|CSeq: 1||",
       {"404 Not Found|CSeq: 1|", "X-Reason: no such channel|", "||no such channel|"}}}},
    {"DESCRIBE of the server", {{"DESCRIBE * RTSP/1.0|CSeq: 1||", {"404 Not Found"}}}},
    {"Accept without SDP",
     {{"DESCRIBE rtsp://h/cam RTSP/1.0|CSeq: 1|Accept: text/html||", {"406 Not Acceptable"}}}},
    {"Accept with SDP",
     {{"DESCRIBE rtsp://h/cam RTSP/1.0|CSeq: 1|Accept: text/html, Application/SDP;q=1||",
       {"200 OK"}}}},
    {"DESCRIBE with a query",
     {{"DESCRIBE rtsp://h/cam?a=1 RTSP/1.0|CSeq: 1||",
       {"Content-Base: rtsp://h/cam?a=1/|", "a=control:rtsp://h/cam/trackID=0?a=1|"}}}},
    // ---- SETUP
    {"SETUP interleaved",
     {{describe, {}},
      {set_up_tcp,
       {"200 OK|CSeq: 2|",
        "Transport: RTP/AVP/TCP;unicast;interleaved=0-1;ssrc=11223344;mode=\"PLAY\"|",
        "Session: S1;timeout=60|"}}}},
    {"SETUP without DESCRIBE", {{set_up_tcp, {"200 OK", "Session: S1;timeout=60|", "!com.ses"}}}},
    {"SETUP UDP",
     {{set_up_udp,
       {"Transport: RTP/AVP;unicast;client_port=5000-5001;server_port=7000-7001;ssrc=11223344"}}}},
    {"both tracks in one session",
     {{set_up_tcp, {}},
      {set_up_second, {"200 OK", "interleaved=2-3;ssrc=55667788", "Session: S1;timeout=60|"}}}},
    {"channels that are taken",
     {{set_up_tcp, {}},
      {"SETUP rtsp://h/cam/trackID=1 RTSP/1.0|CSeq: 3|Session: $S|Transport: "
       "RTP/AVP/TCP;interleaved=0-1||",
       {"200 OK", "interleaved=2-3;"}}}},
    {"channels taken by another session",
     {{set_up_tcp, {}}, {set_up_tcp, {"interleaved=2-3;", "Session: S2;"}}}},
    {"odd channels are kept",
     {{"SETUP rtsp://h/cam/trackID=0 RTSP/1.0|CSeq: 1|Transport: RTP/AVP/TCP;interleaved=7-8||",
       {"interleaved=7-8;"}}}},
    {"no channels",
     {{"SETUP rtsp://h/cam/trackID=1 RTSP/1.0|CSeq: 1|Transport: RTP/AVP/TCP||",
       {"interleaved=2-3;"}}}},
    {"same track again",
     {{set_up_tcp, {}},
      {"SETUP rtsp://h/cam/trackID=0 RTSP/1.0|CSeq: 3|Session: $S|Transport: "
       "RTP/AVP/TCP;interleaved=0-1||",
       {"200 OK", "interleaved=0-1;"}}}},
    {"no Transport",
     {{"SETUP rtsp://h/cam/trackID=0 RTSP/1.0|CSeq: 1||",
       {"400 Bad Request", "Transport is missing"}}}},
    {"multicast, then unicast on the same connection",
     {{"SETUP rtsp://h/cam/trackID=0 RTSP/1.0|CSeq: 1|Transport: RTP/AVP;multicast||",
       {"461 Unsupported transport|CSeq: 1|", "!Session"}},
      {set_up_tcp, {"200 OK"}}}},
    {"no such track",
     {{"SETUP rtsp://h/cam/trackID=2 RTSP/1.0|CSeq: 1|Transport: RTP/AVP/TCP||",
       {"404 Not Found", "!Session"}}}},
    {"aggregate SETUP of two tracks",
     {{describe, {}},
      {"SETUP rtsp://h/cam RTSP/1.0|CSeq: 2|Transport: RTP/AVP/TCP||",
       {"459 Aggregate operation not allowed"}}}},
    {"aggregate SETUP of one track",
     {{"DESCRIBE rtsp://h/video RTSP/1.0|CSeq: 1||", {}},
      {"SETUP rtsp://h/video RTSP/1.0|CSeq: 2|Transport: RTP/AVP/TCP||", {"200 OK", "!com.ses"}}}},
    {"session of another presentation",
     {{set_up_tcp, {}},
      {"SETUP rtsp://h/video/trackID=0 RTSP/1.0|CSeq: 3|Session: $S|Transport: RTP/AVP/TCP||",
       {"459 "}}}},
    {"tracks of different transports",
     {{set_up_tcp, {}},
      {"SETUP rtsp://h/cam/trackID=1 RTSP/1.0|CSeq: 3|Session: $S|Transport: "
       "RTP/AVP;client_port=5002-5003||",
       {"461 "}}}},
    {"unknown session",
     {{"SETUP rtsp://h/cam/trackID=0 RTSP/1.0|CSeq: 1|Session: nobody|Transport: RTP/AVP/TCP||",
       {"454 Session Not Found"}}}},
    {"control URL as ffmpeg appends it",
     {{"DESCRIBE rtsp://h/cam?a=1 RTSP/1.0|CSeq: 1||", {}},
      {"SETUP rtsp://h/cam?a=1/trackID=1 RTSP/1.0|CSeq: 2|Transport: RTP/AVP/TCP||",
       {"200 OK", "ssrc=55667788"}}}},
    {"control URL as we print it",
     {{"DESCRIBE rtsp://h/cam?a=1 RTSP/1.0|CSeq: 1||", {}},
      {"SETUP rtsp://h/cam/trackID=1?a=1 RTSP/1.0|CSeq: 2|Transport: RTP/AVP/TCP||",
       {"200 OK", "ssrc=55667788"}}}},
    // ---- PLAY, PAUSE, TEARDOWN
    {"PLAY", {{set_up_tcp, {}}, {play, {"200 OK|CSeq: 4|", "Range: npt=now-|", "Session: S1|"}}}},
    {"PLAY without session", {{"PLAY rtsp://h/cam RTSP/1.0|CSeq: 1||", {"454 Session Not Found"}}}},
    {"PLAY of an unknown session",
     {{"PLAY rtsp://h/cam RTSP/1.0|CSeq: 1|Session: x||", {"454 Session Not Found"}}}},
    {"PLAY of one track of two",
     {{set_up_tcp, {}},
      {set_up_second, {}},
      {"PLAY rtsp://h/cam/trackID=0 RTSP/1.0|CSeq: 4|Session: $S||",
       {"460 Only aggregate operation allowed"}},
      {play, {"200 OK"}}}},
    {"PLAY of the only track",
     {{set_up_tcp, {}},
      {"PLAY rtsp://h/cam/trackID=0 RTSP/1.0|CSeq: 4|Session: $S||", {"200 OK"}}}},
    {"PLAY of another URL",
     {{set_up_tcp, {}}, {"PLAY rtsp://h/video RTSP/1.0|CSeq: 4|Session: $S||", {"404 Not Found"}}}},
    {"PLAY with the slash of Content-Base",
     {{set_up_tcp, {}},
      {"PLAY rtsp://h/cam/ RTSP/1.0|CSeq: 4|Session: $S;timeout=60||", {"200 OK"}}}},
    {"any Range, Scale and Speed",
     {{set_up_tcp, {}},
      {"PLAY rtsp://h/cam RTSP/1.0|CSeq: 4|Session: $S|Range: clock=20200101T000000Z-|Scale: "
       "4|Speed: 9||",
       {"200 OK", "Range: npt=now-|", "Scale: 1.0|"}}}},
    {"broken Range",
     {{set_up_tcp, {}},
      {"PLAY rtsp://h/cam RTSP/1.0|CSeq: 4|Session: $S|Range: ???||",
       {"200 OK", "Range: npt=now-|"}}}},
    {"PLAY twice", {{set_up_tcp, {}}, {play, {}}, {play, {"200 OK"}}}},
    {"SETUP while playing",
     {{set_up_tcp, {}},
      {play, {}},
      {set_up_second, {"455 Method Not Valid in This State", "Allow: PAUSE"}}}},
    {"PAUSE, PLAY",
     {{set_up_tcp, {}},
      {play, {}},
      {"PAUSE rtsp://h/cam RTSP/1.0|CSeq: 5|Session: $S||", {"200 OK"}},
      {play, {"200 OK"}}}},
    {"PAUSE before PLAY",
     {{set_up_tcp, {}},
      {"PAUSE rtsp://h/cam RTSP/1.0|CSeq: 5|Session: $S||", {"455 ", "Allow: PLAY"}}}},
    {"SETUP after PAUSE",
     {{set_up_tcp, {}},
      {play, {}},
      {"PAUSE rtsp://h/cam RTSP/1.0|CSeq: 5|Session: $S||", {}},
      {set_up_second, {"200 OK"}}}},
    {"GET_PARAMETER as a sign of life",
     {{set_up_tcp, {}},
      {"GET_PARAMETER rtsp://h/cam RTSP/1.0|CSeq: 5|Session: $S||",
       {"200 OK|CSeq: 5|", "Session: S1|"}}}},
    {"SET_PARAMETER, empty",
     {{"SET_PARAMETER rtsp://h/cam RTSP/1.0|CSeq: 5|Content-Length: 2|||", {"200 OK"}}}},
    {"unknown parameter",
     {{"GET_PARAMETER rtsp://h/cam RTSP/1.0|CSeq: 5|Content-Length: 6||jitter",
       {"451 Parameter Not Understood", "||jitter"}}}},
    {"GET_PARAMETER of an unknown session",
     {{"GET_PARAMETER rtsp://h/cam RTSP/1.0|CSeq: 5|Session: x||", {"454 "}}}},
    {"TEARDOWN",
     {{set_up_tcp, {}},
      {play, {}},
      {"TEARDOWN rtsp://h/cam RTSP/1.0|CSeq: 6|Session: $S||", {"200 OK|CSeq: 6|"}},
      {play, {"454 "}}}},
    {"TEARDOWN of one track",
     {{set_up_tcp, {}},
      {set_up_second, {}},
      {play, {}},
      {"TEARDOWN rtsp://h/cam/trackID=1 RTSP/1.0|CSeq: 6|Session: $S||", {"200 OK"}},
      {play, {"200 OK"}},
      {"TEARDOWN rtsp://h/cam/trackID=0 RTSP/1.0|CSeq: 7|Session: $S||", {"200 OK"}},
      {play, {"454 "}}}},
    {"TEARDOWN without session", {{"TEARDOWN rtsp://h/cam RTSP/1.0|CSeq: 6||", {"454 "}}}},
    // ---- SAT>IP: the dialogue of Debian's VLC
    {"SAT>IP",
     {{"SETUP rtsp://h:1/cam RTSP/1.0|CSeq: 0|Transport: RTP/AVP;unicast;client_port=9342-9343||",
       {"200 OK|CSeq: 0|", "com.ses.streamID: 1|", "Session: S1;timeout=60|",
        "client_port=9342-9343;server_port=7000-7001"}},
      {"PLAY rtsp://h:1/stream=1 RTSP/1.0|CSeq: 1|Session: $S||", {"200 OK|CSeq: 1|"}},
      {"OPTIONS rtsp://h:1/stream=1 RTSP/1.0|CSeq: 2|Session: $S||", {"200 OK"}},
      {"TEARDOWN rtsp://h:1/stream=1 RTSP/1.0|Session: $S||", {"200 OK"}}}},
    {"SAT>IP of another stream number",
     {{"SETUP rtsp://h/cam RTSP/1.0|CSeq: 0|Transport: RTP/AVP;client_port=2-3||", {}},
      {"PLAY rtsp://h/stream=2 RTSP/1.0|CSeq: 1|Session: $S||", {"404 "}}}},
    {"SAT>IP interleaved",
     {{"SETUP rtsp://h/video RTSP/1.0|CSeq: 0|Transport: RTP/AVP/TCP;interleaved=0-1||",
       {"200 OK", "com.ses.streamID: 1|"}}}},
};

}  // namespace

TEST_CASE("protocol manners") {
  for (const auto& c : cases) run(c);
}

TEST_CASE("one source is opened once for DESCRIBE, SETUP and the rest") {
  Talk talk;
  talk.say(expand(describe, ""));
  talk.say(expand(describe, ""));
  const auto session = session_in(talk.say(expand(set_up_tcp, "")));
  talk.say(expand(set_up_second, session));
  talk.say(expand(play, session));
  CHECK(talk.opened == 1);
}

TEST_CASE("who holds the stream") {
  Talk talk;
  const std::weak_ptr<Stream> stream = talk.streams["cam"];
  talk.say(expand(describe, ""));
  talk.streams.clear();
  CHECK_FALSE(stream.expired());
  SUBCASE("DESCRIBE, for a while") {
    talk.now += std::chrono::seconds(14);
    talk.dialogue.on_tick(talk.now);
    CHECK_FALSE(stream.expired());
    talk.now += std::chrono::seconds(2);
    talk.dialogue.on_tick(talk.now);
    CHECK(stream.expired());
  }
  SUBCASE("a session, to its end") {
    const auto session = session_in(talk.say(expand(set_up_tcp, "")));
    talk.now += std::chrono::seconds(60);
    talk.dialogue.on_tick(talk.now);
    CHECK_FALSE(stream.expired());
    talk.say(expand("TEARDOWN rtsp://h/cam RTSP/1.0|CSeq: 9|Session: $S||", session));
    talk.last = {};
    talk.say(expand(still_there, ""));
    CHECK(stream.expired());
  }
}

TEST_CASE("RTP-Info is of the first packet that will be sent") {
  Talk talk;
  auto& stream = *talk.streams["cam"];
  stream.publish(test::make_packet(10, 1000, {.key = true}));
  stream.publish(test::make_packet(70, 500, {.track = 1}));
  stream.publish(test::make_packet(11, 4600, {.key = true}));
  stream.publish(test::make_packet(71, 660, {.track = 1}));
  const auto session = session_in(talk.say(expand(set_up_tcp, "")));
  talk.say(expand(set_up_second, session));
  const auto answer = talk.say(expand(play, session));
  CHECK(answer.find("RTP-Info: url=rtsp://h/cam/trackID=0;seq=11;rtptime=4600,"
                    "url=rtsp://h/cam/trackID=1;seq=71;rtptime=660\r\n") != std::string::npos);
  CHECK(talk.last.start_from.at == 2);
  CHECK(talk.last.start->id() == session);
}

TEST_CASE("a stream that has ended cannot be played, and is opened anew") {
  Talk talk;
  const auto session = session_in(talk.say(expand(set_up_tcp, "")));
  talk.streams["cam"]->end("camera said BYE");
  CHECK(talk.say(expand(play, session)).find("404 Not Found") != std::string::npos);
  talk.say(expand(describe, ""));
  CHECK(talk.opened == 2);
}

TEST_CASE("a session's life") {
  using std::chrono::seconds;
  Talk talk;
  const auto session = session_in(talk.say(expand(set_up_tcp, "")));
  const auto expired_after = [&](int s) {
    return !talk.sessions.expired(talk.now + seconds(s)).empty();
  };
  CHECK_FALSE(expired_after(75));
  CHECK(expired_after(76));
  talk.now += seconds(70);
  SUBCASE("any request that names it") {
    talk.say(expand("OPTIONS * RTSP/1.0|CSeq: 5|Session: $S||", session));
    CHECK_FALSE(expired_after(75));
  }
  SUBCASE("interleaved data") {
    talk.say(std::string("$\1\0\1x", 5));
    CHECK_FALSE(expired_after(75));
  }
  SUBCASE("data on a channel of nobody is none") {
    talk.say(std::string("$\5\0\1x", 5));
    CHECK(expired_after(6));
  }
  SUBCASE("a request without the session is none") {
    talk.say(expand(still_there, ""));
    CHECK(expired_after(6));
  }
}

TEST_CASE("a session from another connection: only when it is sent over UDP") {
  Talk talk;
  Dialogue other(talk.context, 2, false);
  const auto ask = [&](const std::string& session) {
    const auto text = expand("GET_PARAMETER rtsp://h/cam RTSP/1.0|CSeq: 5|Session: $S||", session);
    return other.on_request(*parse_request(text), talk.now).response.status;
  };
  CHECK(ask(session_in(talk.say(expand(set_up_udp, "")))) == 200);
  CHECK(ask(session_in(talk.say(expand(set_up_tcp, "")))) == 454);
}

TEST_CASE("limits") {
  Talk talk;
  talk.context.sessions_per_connection = 2;
  CHECK(talk.say(expand(set_up_tcp, "")).find("200 OK") != std::string::npos);
  CHECK(talk.say(expand(set_up_tcp, "")).find("200 OK") != std::string::npos);
  CHECK(talk.say(expand(set_up_tcp, "")).find("453 Not Enough Bandwidth") != std::string::npos);
  CHECK(talk.sessions.size() == 2);
}
