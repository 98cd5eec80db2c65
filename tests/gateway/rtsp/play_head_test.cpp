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
