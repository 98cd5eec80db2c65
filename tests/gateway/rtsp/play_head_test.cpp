#include "gateway/rtsp/play_head.hpp"

#include <doctest/doctest.h>

#include "tests/gateway/rtsp/talk.hpp"

using namespace gateway;
using namespace gateway::rtsp;

namespace {

constexpr std::int64_t ms = 1'000'000;

// A stream whose packets are drawn: K begins a key unit of one packet, ( begins a unit, - goes on,
// ) ends it, [ begins a key unit, p is a unit of one packet, a is audio.
struct World {
  explicit World(ViewerLimits limits = {}, StreamLimits ring = {})
      : stream(test::make_stream("s", true, ring)),
        session("S", 1, *parse_target("rtsp://h/s"), std::make_shared<test::Hold>(stream)) {
    session.set_up(0, {});
    session.set_up(1, {});
    head.emplace(session, limits);
  }
  void publish(const char* drawing, std::int64_t at_ns = 0) {
    for (; *drawing; ++drawing) {
      const char c = *drawing;
      const bool key_now = c == 'K' || c == '[' || (in_key && (c == '-' || c == ')'));
      in_key = key_now && c != 'K' && c != ')';
      stream->publish(test::make_packet(sequence, sequence * 10u,
                                        {.track = static_cast<std::uint8_t>(c == 'a' ? 1 : 0),
                                         .begin = c != '-' && c != ')',
                                         .end = c != '-' && c != '(' && c != '[',
                                         .key = key_now,
                                         .arrival_ns = at_ns}));
      ++sequence;
    }
    stream->flush();
    head->refresh(at_ns);
  }
  // Sends up to `count` packets; the sequence numbers that went.
  std::string send(int count = 1000) {
    std::string sent;
    for (; count > 0; --count) {
      const auto i = head->next(head->position());
      if (i == stream->end()) break;
      sent += std::to_string(stream->packet(i).sequence) + ' ';
      head->sent(i);
    }
    return sent;
  }
  std::shared_ptr<Stream> stream;
  Session session;
  std::optional<PlayHead> head;
  std::uint16_t sequence = 0;
  bool in_key = false;
};

}  // namespace

TEST_CASE("a late viewer starts at the newest key frame, with the sound from there on") {
  World w;
  w.publish("Kpap[-)apa");
  w.head->start(w.session.start_position(), 0);
  CHECK(w.send() == "4 5 6 7 8 9 ");
  w.publish("pa");
  CHECK(w.send() == "10 11 ");
}

TEST_CASE("without a key frame it waits for one") {
  World w;
  w.publish("pap");
  CHECK_FALSE(w.session.start_position().has_value());
  w.head->start(std::nullopt, 0);
  w.publish("aap");
  CHECK(w.send().empty());
  w.publish("K");
  CHECK(w.send() == "6 ");
  CHECK(w.head->skipped_units() == 0);
}

TEST_CASE("only tracks that were set up") {
  World w;
  w.session.remove(1);
  w.publish("Kaaap");
  w.head->start(w.session.start_position(), 0);
  CHECK(w.send() == "0 4 ");
}

TEST_CASE("sound alone starts at once") {
  World w;
  w.session.remove(0);
  w.publish("Kaaap");
  w.head->start(w.session.start_position(), 0);
  w.publish("pa");
  CHECK(w.send() == "6 ");
}

TEST_CASE("too old a backlog: the unit is finished, then the newest key frame follows") {
  World w;
  w.publish("K");
  w.head->start(w.session.start_position(), 0);
  CHECK(w.send() == "0 ");
  w.publish("(--", 10 * ms);
  CHECK(w.send(2) == "1 2 ");
  w.publish("-)pKapKap", 20 * ms);
  w.head->check_backlog(1000 * ms);
  CHECK(w.send(1) == "3 ");  // not late enough
  w.head->check_backlog(2500 * ms);
  CHECK(w.send() == "4 5 10 11 12 ");
  CHECK(w.head->skips() == 1);
  CHECK(w.head->skipped_units() == 3);
}

TEST_CASE("without a later key frame it falls silent until there is one") {
  World w;
  w.publish("K");
  w.head->start(w.session.start_position(), 0);
  w.send();
  w.publish("ppa", 10 * ms);
  w.head->check_backlog(2500 * ms);
  CHECK(w.send().empty());
  w.publish("pa", 2600 * ms);
  CHECK(w.send().empty());
  w.publish("Ka", 2700 * ms);
  CHECK(w.send() == "6 7 ");
  CHECK(w.head->skipped_units() == 3);
}

TEST_CASE("what was old at the start is no backlog") {
  World w({.backlog_ns = 1000 * ms, .backlog_bytes = 500});
  w.publish("Kpppppppppp", 0);  // far more than 500 bytes, and 5 s old
  w.head->start(w.session.start_position(), 5000 * ms);
  CHECK(w.send(1) == "0 ");
  w.head->check_backlog(5500 * ms);
  CHECK(w.send(2) == "1 2 ");
  CHECK(w.head->skips() == 0);
}

TEST_CASE("too many bytes behind") {
  World w({.backlog_ns = 100'000 * ms, .backlog_bytes = 500});
  w.publish("K");
  w.head->start(w.session.start_position(), 0);
  w.send();
  w.publish("ppK", 1);
  w.head->check_backlog(2);
  CHECK(w.head->skips() == 0);  // 336 bytes
  w.publish("pp", 3);
  w.head->check_backlog(4);
  CHECK(w.send() == "3 4 5 ");
  CHECK(w.head->skips() == 1);
  CHECK(w.head->skipped_units() == 2);
}

TEST_CASE("overtaken by the ring: the next key frame that is left") {
  World w(ViewerLimits{}, StreamLimits{.ring_bytes = 1u << 20, .ring_packets = 6});
  w.publish("K");
  w.head->start(w.session.start_position(), 0);
  CHECK(w.send() == "0 ");
  w.publish("pppKppppppp", 1);
  const auto sent = w.send();
  CHECK(sent.empty());  // the key frame 4 is gone too
  CHECK(w.head->skips() == 1);
  w.publish("Kp", 2);
  CHECK(w.send() == "12 13 ");
}

TEST_CASE("after a pause nothing is sent twice") {
  World w;
  w.publish("Kpp");
  w.head->start(w.session.start_position(), 0);
  w.send();
  w.session.play();
  w.session.pause(w.stream->end());
  CHECK_FALSE(w.session.start_position().has_value());
  w.publish("pK");
  CHECK(w.session.start_position() == 4);
}

// ---- paced: over UDP ----

namespace {

// A picture each 40 ms; `pictures` of them, the first one a key frame.
void publish_group(World& w, int pictures, std::int64_t& now_ns) {
  for (int i = 0; i < pictures; ++i, now_ns += 40 * ms) w.publish(i == 0 ? "K" : "p", now_ns);
}

// What goes out until the head is level, as a paced viewer does it: looks each 4 ms.
struct Sent {
  std::int64_t last_ns = 0;
  int count = 0, most_at_once = 0;
};
Sent send_paced(World& w, std::int64_t& now_ns, int until_ms) {
  Sent sent;
  const auto end_ns = now_ns + until_ms * ms;
  auto next_picture_ns = now_ns;
  for (; now_ns < end_ns; now_ns += 4 * ms) {
    if (now_ns >= next_picture_ns) {
      w.publish("p", now_ns);
      next_picture_ns += 40 * ms;
    }
    w.head->check_backlog(now_ns);
    w.head->refresh(now_ns);
    int at_once = 0;
    for (;;) {
      const auto i = w.head->next(w.head->position());
      if (i == w.stream->end()) {
        if (w.head->catching_up()) sent.last_ns = now_ns;
        w.head->reached_end();
        break;
      }
      if (w.head->due_ns(i) > now_ns) break;
      w.head->sent(i);
      ++sent.count;
      ++at_once;
    }
    sent.most_at_once = std::max(sent.most_at_once, at_once);
  }
  return sent;
}

}  // namespace

TEST_CASE("paced: an old group of pictures leaves at four times its speed until it is level") {
  struct Case {
    const char* name;
    int pictures;
    int level_ms;  // age / 3
  };
  for (const Case& c : {Case{"2 s", 50, 667}, Case{"10 s", 250, 3333}}) {
    CAPTURE(c.name);
    World w(ViewerLimits{.backlog_ns = 1000 * ms, .backlog_bytes = 2000});
    w.head.emplace(w.session, ViewerLimits{.backlog_ns = 1000 * ms, .backlog_bytes = 2000}, true);
    std::int64_t now_ns = 1000 * ms;
    publish_group(w, c.pictures, now_ns);
    const auto start_ns = now_ns;
    w.head->start(w.session.start_position(), now_ns);
    const auto sent = send_paced(w, now_ns, c.level_ms + 1000);
    CHECK(sent.most_at_once <= 2);
    CHECK((sent.last_ns - start_ns) / ms >= c.level_ms - 60);
    CHECK((sent.last_ns - start_ns) / ms <= c.level_ms + 60);
    CHECK(w.head->skips() == 0);
    CHECK(w.head->position() == w.stream->end());
  }
}

TEST_CASE("paced: a newer key frame that saves enough is gone on with, what was promised is sent") {
  struct Case {
    const char* name;
    int pictures;
    std::uint64_t promised;
    const char* sent;
  };
  const Case cases[] = {
      {"too little to gain", 30, 0, "0 1 "},
      {"gains 2 s", 50, 0, "0 50 "},
      {"but not before packet 2", 50, 3, "0 1 2 50 "},
  };
  for (const auto& c : cases) {
    CAPTURE(c.name);
    World w;
    w.head.emplace(w.session, ViewerLimits{}, true);
    std::int64_t now_ns = 0;
    publish_group(w, c.pictures, now_ns);
    w.head->start(w.session.start_position(), now_ns, c.promised);
    std::string sent = w.send(1);
    w.publish("K", now_ns);
    while (sent.size() < std::string(c.sent).size()) {
      w.head->refresh(now_ns);
      sent += w.send(1);
    }
    CHECK(sent == c.sent);
    CHECK(w.head->skips() == 0);
  }
}

TEST_CASE("a picture that is begun and never finished: beyond help") {
  World w;
  w.publish("K");
  w.head->start(w.session.start_position(), 0);
  w.send();
  w.publish("(-----)", 100 * ms);
  CHECK(w.send(2) == "1 2 ");
  w.head->check_backlog(2500 * ms);
  CHECK_FALSE(w.head->stalled(9000 * ms));
  CHECK(w.head->stalled(12'600 * ms));
  w.send();
  CHECK_FALSE(w.head->stalled(12'600 * ms));
}
