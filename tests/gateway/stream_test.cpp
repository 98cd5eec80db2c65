// The hub in isolation: what the ring keeps, where viewers start, who is told what.
#include "gateway/stream.hpp"

#include <doctest/doctest.h>

namespace {

constexpr std::int64_t ms = 1'000'000;

// "K" a key unit, "P" another video unit, "A" an audio unit; one packet each, 40 ms apart.
void publish(gateway::Stream& stream, std::string_view units, std::int64_t& now_ns,
             std::uint32_t size_bytes = 1000) {
  for (const char unit : units) {
    rtp::OutPacket packet;
    packet.track = unit == 'A' ? 1 : 0;
    packet.unit_begin = packet.unit_end = true;
    packet.key = unit == 'K';
    packet.size_bytes = size_bytes;
    packet.arrival_ns = now_ns;
    packet.pts_90khz = now_ns / 1000 * 9 / 100;
    packet.timestamp = static_cast<std::uint32_t>(packet.pts_90khz);
    stream.publish(std::move(packet));
    now_ns += 40 * ms;
  }
}

rtp::Track track(rtp::Codec codec) {
  rtp::Track t;
  t.codec = codec;
  return t;
}

struct VideoStream : gateway::Stream {
  explicit VideoStream(gateway::StreamLimits limits = {}) : Stream("a/b", limits) {
    set_tracks({track(rtp::Codec::h264), track(rtp::Codec::g711a)}, true);
  }
};

struct Watcher : gateway::Viewer {
  gateway::Stream* stream = nullptr;
  std::vector<std::uint64_t> ends;
  std::string end_reason;
  Watcher* to_detach = nullptr;
  void on_packets() override {
    ends.push_back(stream->end());
    if (to_detach) stream->detach(*to_detach);
  }
  void on_end(const std::string& reason) override { end_reason = reason; }
};

}  // namespace

TEST_CASE("a viewer starts at the newest key unit") {
  struct Case {
    const char* name;
    const char* units;
    std::optional<std::uint64_t> latest;
  };
  const Case cases[] = {
      {"nothing yet", "", std::nullopt},
      {"no key unit yet", "PPA", std::nullopt},
      {"one key unit", "PKPP", 1},
      {"the newer of two", "KPPAKP", 4},
  };
  for (const auto& c : cases) {
    SUBCASE(c.name) {
      VideoStream stream;
      std::int64_t now_ns = 0;
      publish(stream, c.units, now_ns);
      CHECK(stream.latest_key() == c.latest);
    }
  }
}

TEST_CASE("an audio-only stream can be joined anywhere") {
  gateway::Stream stream("a/b", {});
  stream.set_tracks({track(rtp::Codec::g711a)}, true);
  CHECK(stream.latest_key() == stream.end());
}

TEST_CASE("a slow viewer skips to the first key unit after its place") {
  VideoStream stream;
  std::int64_t now_ns = 0;
  publish(stream, "KPPKPPKP", now_ns);
  CHECK(stream.next_key(1) == 3);
  CHECK(stream.next_key(3) == 3);
  CHECK(stream.next_key(7) == std::nullopt);
}

TEST_CASE("the ring keeps the newest group of pictures and the recent past, within its limits") {
  struct Case {
    const char* name;
    gateway::StreamLimits limits;
    std::string units;
    std::uint64_t begin;
    std::optional<std::uint64_t> latest;
  };
  const Case cases[] = {
      {"all young", {.backlog_ns = 1000 * ms}, "KPPKPP", 0, 3},
      // 100 ms keep the newest and the two before it: the group of pictures is older and stays.
      {"old group before the newest goes", {.backlog_ns = 100 * ms}, "KPPPKPPPPPPP", 4, 4},
      {"a long group stays whole", {.backlog_ns = 100 * ms}, "K" + std::string(50, 'P'), 0, 0},
      {"bytes are bounded even so",
       {.ring_bytes = 10'000, .backlog_ns = 100 * ms},
       "K" + std::string(50, 'P'),
       41,
       std::nullopt},
      {"packets are bounded even so",
       {.ring_packets = 5, .backlog_ns = 100 * ms},
       "K" + std::string(50, 'P'),
       46,
       std::nullopt},
  };
  for (const auto& c : cases) {
    SUBCASE(c.name) {
      VideoStream stream(c.limits);
      std::int64_t now_ns = 0;
      publish(stream, c.units, now_ns);
      CHECK(stream.begin() == c.begin);
      CHECK(stream.end() == c.units.size());
      CHECK(stream.latest_key() == c.latest);
      CHECK(stream.ring_bytes() == 1000 * (stream.end() - stream.begin()));
    }
  }
}

TEST_CASE("packets keep their number and content while the ring grows and turns") {
  VideoStream stream({.ring_packets = 100});
  std::int64_t now_ns = 0;
  for (std::uint32_t i = 0; i < 1000; ++i) publish(stream, i % 50 ? "P" : "K", now_ns, 100 + i);
  for (auto i = stream.begin(); i < stream.end(); ++i)
    CHECK(stream.packet(i).size_bytes == 100 + i);
}

TEST_CASE("viewers hear of a batch once, and may leave while they are told") {
  VideoStream stream;
  Watcher first, second;
  first.stream = second.stream = &stream;
  stream.attach(first);
  stream.attach(second);
  std::int64_t now_ns = 0;
  publish(stream, "KPP", now_ns);
  stream.flush();
  CHECK(first.ends == std::vector<std::uint64_t>{3});
  CHECK(second.ends == std::vector<std::uint64_t>{3});

  first.to_detach = &second;
  stream.flush();
  CHECK(second.ends.size() == 1);
  CHECK(stream.viewer_count() == 1);

  stream.end("the camera hung up");
  CHECK(first.end_reason == "the camera hung up");
  CHECK(second.end_reason.empty());
}

TEST_CASE("a sender report maps the instant of capture, not that of sending") {
  VideoStream stream;
  std::int64_t now_ns = 0;
  publish(stream, "K", now_ns);  // captured at pts 0
  const std::int64_t captured_ns = 1'700'000'000'500'000'000;
  stream.set_clock(0, captured_ns);
  publish(stream, std::string(25, 'P'), now_ns);  // the newest was captured 1 s later
  const auto report = stream.sender_report(0, captured_ns + 9'000'000'000);
  CHECK(report.rtp_timestamp == 90'000);
  CHECK((report.ntp >> 32) == 1'700'000'001 + 2'208'988'800);
  CHECK(static_cast<std::uint32_t>(report.ntp) == 0x8000'0000);
  CHECK(report.packet_count == 26);
  CHECK(report.octet_count == 26 * 988);
}

TEST_CASE("a source that takes over goes on with the numbers and times of the one before") {
  VideoStream stream;
  CHECK_FALSE(stream.pts_at(0).has_value());
  std::int64_t now_ns = 0;
  const auto first = stream.continuation(0, rtp::Codec::h264);
  REQUIRE(first.has_value());
  CHECK_FALSE(first->next_sequence.has_value());  // nothing was sent: any will do
  for (std::uint16_t i = 0; i < 3; ++i) {
    rtp::OutPacket packet;
    packet.unit_begin = packet.unit_end = true;
    packet.size_bytes = 100;
    packet.sequence = static_cast<std::uint16_t>(65534 + i);
    packet.pts_90khz = 900'000 + 3600 * i;
    packet.timestamp = 0xffffff00u + 3600u * i;
    packet.arrival_ns = now_ns += 40 * ms;
    stream.publish(std::move(packet));
  }
  const auto on = stream.continuation(0, rtp::Codec::h264);
  REQUIRE(on.has_value());
  CHECK(on->next_sequence == 1);  // over the wrap
  CHECK(on->timestamp_offset == 0xffffff00u - 900'000u);
  CHECK(stream.pts_at(now_ns + 1000 * ms) == 900'000 + 7200 + 90'000);
  CHECK_FALSE(stream.continuation(0, rtp::Codec::h265).has_value());
  CHECK_FALSE(stream.continuation(7, rtp::Codec::h264).has_value());
}

TEST_CASE("remembered tracks serve until the source knows better") {
  struct Case {
    const char* name;
    std::vector<rtp::Track> remembered, real;
    bool corrected;  // viewers must come again
    std::size_t tracks;
  };
  auto with_sets = track(rtp::Codec::h264);
  with_sets.sets.sps = {0x67, 1};
  auto aac = track(rtp::Codec::aac), other_aac = aac;
  aac.sets.config = {0x12, 0x10};
  other_aac.sets.config = {0x14, 0x08};
  const auto h264 = track(rtp::Codec::h264), h265 = track(rtp::Codec::h265),
             g711 = track(rtp::Codec::g711a);
  const Case cases[] = {
      {"the same", {h264, g711}, {h264, g711}, false, 2},
      {"other parameter sets: they come in band", {h264}, {with_sets}, false, 1},
      {"sound is silent today", {h264, g711}, {h264}, false, 2},
      {"sound is new", {h264}, {h264, g711}, false, 2},
      {"another codec", {h264, g711}, {h265, g711}, true, 2},
      {"another codec, and no sound", {h264, g711}, {h265}, true, 1},
      {"other sound", {h264, g711}, {h264, aac}, true, 2},
      {"AAC that cannot say so in band", {h264, aac}, {h264, other_aac}, true, 2},
  };
  for (const auto& c : cases) {
    CAPTURE(c.name);
    gateway::Stream stream("a/b", {});
    CHECK_FALSE(stream.describable());
    stream.remember(c.remembered);
    CHECK(stream.describable());
    CHECK_FALSE(stream.ready());
    Watcher watcher;
    watcher.stream = &stream;
    stream.attach(watcher);
    const auto layout = stream.layout();
    stream.set_tracks(c.real, true);
    CHECK(stream.ready());
    CHECK(stream.tracks().size() == c.tracks);
    CHECK(watcher.end_reason.empty() != c.corrected);
    CHECK((stream.layout() != layout) == c.corrected);
    stream.detach(watcher);
  }
}
