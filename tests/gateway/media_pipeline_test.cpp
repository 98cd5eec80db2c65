// A camera's packets in, a Stream out, in virtual time: what viewers can open, and when.
#include "gateway/media_pipeline.hpp"

#include <doctest/doctest.h>

#include <string>

#include "rtp/ps/muxer.hpp"
#include "tests/rtp/es/sender.hpp"

namespace {

constexpr std::int64_t ms = 1'000'000;
using Bytes = std::vector<std::uint8_t>;

// The SPS and PPS of a 1280x720 picture, and slices whose content does not matter to a relay.
const Bytes sps = {0, 0, 0, 1, 0x67, 0x42, 0xc0, 0x1f, 0xda, 0x01, 0x40, 0x16, 0xe9, 0xa8, 0x08};
const Bytes pps = {0, 0, 0, 1, 0x68, 0xce, 0x3c, 0x80};

Bytes picture(bool key, std::size_t size) {
  Bytes unit;
  if (key) {
    unit.insert(unit.end(), sps.begin(), sps.end());
    unit.insert(unit.end(), pps.begin(), pps.end());
  }
  const Bytes slice = {0, 0, 0, 1, static_cast<std::uint8_t>(key ? 0x65 : 0x41), 0x88};
  unit.insert(unit.end(), slice.begin(), slice.end());
  while (size-- > 0) unit.push_back(static_cast<std::uint8_t>(0x80 + size % 64));
  return unit;
}

// A camera at 25 fps, its packets of 1,000 bytes, and the pipeline that takes them.
struct Bench {
  explicit Bench(rtp::ps::MuxerOptions options = {}, gateway::PipelineConfig config = {})
      : muxer(options), pipeline(stream, config, ssrcs) {
    stream.set_clock(0, 0);
  }

  void send(const Bytes& ps, bool marker) {
    for (std::size_t at = 0; at < ps.size(); at += 1000) {
      rtp::Packet packet;
      const auto size = std::min<std::size_t>(1000, ps.size() - at);
      packet.payload = rtp::Slice::copy_of({ps.data() + at, size});
      packet.marker = marker && at + size == ps.size();
      packet.sequence = sequence++;
      packet.timestamp = static_cast<std::uint32_t>(pts);
      if (lose-- != 0) pipeline.on_packet(std::move(packet), now_ns);
    }
    pipeline.end_of_batch(now_ns, wall_offset_ns + now_ns);
  }
  void frame(bool key, std::size_t size = 3000) {
    Bytes ps;
    muxer.write_video(picture(key, size), pts, key, ps);
    send(ps, true);
    wait(40 * ms);
    pts += 3600;
  }
  void sound() {
    Bytes ps;
    muxer.write_audio(Bytes(320, 0xd5), pts, false, ps);
    send(ps, false);
  }
  // Lets time pass, and what is due happen.
  void wait(std::int64_t for_ns) {
    const auto end = now_ns + for_ns;
    while (pipeline.next_deadline() && *pipeline.next_deadline() <= end) {
      now_ns = std::max(now_ns, *pipeline.next_deadline());
      pipeline.on_deadline(now_ns, wall_offset_ns + now_ns);
    }
    now_ns = end;
  }

  static constexpr std::int64_t wall_offset_ns = 1'700'000'000'000'000'000;
  std::int64_t now_ns = 1'000 * ms, pts = 90'000;
  std::uint16_t sequence = 65'530;
  int lose = -1;  // so many packets from now, one is lost
  gateway::Stream stream{"a/b", {}};
  rtp::SsrcGenerator ssrcs{1};
  rtp::ps::Muxer muxer;
  gateway::MediaPipeline pipeline;
};

std::string codecs(const gateway::Stream& stream) {
  std::string text;
  for (const auto& track : stream.tracks()) text += std::string(rtp::to_string(track.codec)) + " ";
  return text;
}

const rtp::ps::MuxerOptions with_sound{.video = rtp::Codec::h264, .audio = rtp::Codec::g711a};

}  // namespace

TEST_CASE("a stream is ready with its first key frame, and not before") {
  Bench bench;
  bench.frame(false);
  bench.frame(false);
  CHECK_FALSE(bench.stream.ready());
  CHECK(bench.pipeline.diagnosis() != "");
  bench.frame(true);
  CHECK(bench.stream.ready());
  CHECK(codecs(bench.stream) == "H.264 ");
  CHECK(bench.stream.tracks()[0].sets.sps.size() == sps.size() - 4);
  CHECK(bench.stream.latest_key().has_value());
}

TEST_CASE("announced sound is waited for, but not for long") {
  struct Case {
    const char* name;
    int sound_after_frames;  // -1: never
    const char* tracks;
    std::int64_t ready_within_ms;
  };
  const Case cases[] = {
      {"sound at once", 0, "H.264 G.711A ", 80},
      {"sound in time", 5, "H.264 G.711A ", 240},
      {"no sound at all", -1, "H.264 ", 560},
  };
  for (const auto& c : cases) {
    SUBCASE(c.name) {
      Bench bench(with_sound);
      const auto start_ns = bench.now_ns;
      for (int i = 0; i < 15 && !bench.stream.ready(); ++i) {
        if (c.sound_after_frames >= 0 && i >= c.sound_after_frames) bench.sound();
        bench.frame(i == 0);
      }
      CHECK(bench.stream.ready());
      CHECK(codecs(bench.stream) == c.tracks);
      CHECK((bench.now_ns - start_ns) / ms <= c.ready_within_ms);
    }
  }
}

TEST_CASE("sound that shows up late becomes a track of its own") {
  Bench bench(with_sound);
  for (int i = 0; i < 20; ++i) bench.frame(i == 0);
  REQUIRE(codecs(bench.stream) == "H.264 ");
  const auto ssrc = bench.stream.tracks()[0].ssrc;
  bench.sound();
  CHECK(codecs(bench.stream) == "H.264 G.711A ");
  CHECK(bench.stream.tracks()[0].ssrc == ssrc);
  CHECK(bench.stream.tracks()[1].payload_type == 8);
}

TEST_CASE("no packet waits for the next frame") {
  Bench bench;
  for (int i = 0; i < 10; ++i) bench.frame(i == 0);
  const auto units = bench.stream.counters().units;
  bench.frame(false);
  CHECK(bench.stream.counters().units == units + 1);
  const auto& last = bench.stream.packet(bench.stream.end() - 1);
  CHECK(last.unit_end);
  CHECK((last.head[5] & 0x80) != 0);  // RTP marker
}

TEST_CASE("a lost packet costs its frame, and the numbers go on") {
  Bench bench;
  for (int i = 0; i < 5; ++i) bench.frame(i == 0);
  const auto units = bench.stream.counters().units;
  bench.lose = 1;
  bench.frame(false);
  for (int i = 0; i < 8; ++i) bench.frame(false);  // 200 ms, after which the gap is given up
  CHECK(bench.pipeline.reorder_counters().lost == 1);
  CHECK(bench.stream.counters().units >= units + 8);
  for (auto i = bench.stream.begin() + 1; i < bench.stream.end(); ++i) {
    const auto step = bench.stream.packet(i).sequence - bench.stream.packet(i - 1).sequence;
    CHECK(static_cast<std::uint16_t>(step) == 1);
  }
}

TEST_CASE("viewers' time and numbers go on when the camera starts anew") {
  Bench bench;
  for (int i = 0; i < 10; ++i) bench.frame(i == 0);
  const auto before = bench.stream.packet(bench.stream.end() - 1);
  bench.pipeline.on_source_switched();
  bench.pts = 5'000'000'000;
  bench.sequence = 7;
  bench.frame(true);
  const auto& after = bench.stream.packet(bench.stream.end() - 1);
  const auto step = static_cast<std::int32_t>(after.timestamp - before.timestamp);
  CHECK(step > 0);
  CHECK(step <= 2 * 3600);
  CHECK(after.key);
  const auto& first = bench.stream.packet(*bench.stream.latest_key());
  CHECK(static_cast<std::uint16_t>(first.sequence - before.sequence) == 1);
}

TEST_CASE("a sender report tells when a frame was captured") {
  Bench bench;
  for (int i = 0; i < 50; ++i) bench.frame(i == 0);
  const auto report = bench.stream.sender_report(0, 0);
  const auto seconds = static_cast<std::int64_t>(report.ntp >> 32) - 2'208'988'800;
  const auto captured_ns = Bench::wall_offset_ns + bench.now_ns - 40 * ms;
  CHECK(seconds == captured_ns / 1'000'000'000);
}

TEST_CASE("pictures without a program stream, and a camera that changes to that") {
  Bench bench;
  rtp::testing::EsSender sender(rtp::Codec::h264, 98, 1000);
  const auto frame = [&](bool key) {
    for (auto& packet : sender.send(picture(key, 3000), bench.pts))
      bench.pipeline.on_packet(std::move(packet), bench.now_ns);
    bench.pipeline.end_of_batch(bench.now_ns, Bench::wall_offset_ns + bench.now_ns);
    bench.wait(40 * ms);
    bench.pts += 3600;
  };
  SUBCASE("from the beginning") {
    for (int i = 0; i < 10; ++i) {
      frame(i == 0);
      CHECK(bench.stream.counters().units == static_cast<std::uint64_t>(i) + 1);
    }
    CHECK(bench.stream.ready());
    CHECK(bench.pipeline.is_elementary());
  }
  SUBCASE("after a restart") {
    for (int i = 0; i < 10; ++i) bench.frame(i == 0);
    const auto ssrc = bench.stream.tracks()[0].ssrc;
    bench.pipeline.on_source_switched();
    for (int i = 0; i < 10; ++i) frame(i == 0);
    CHECK(bench.stream.counters().units == 20);
    CHECK(bench.stream.tracks()[0].ssrc == ssrc);
    for (auto i = bench.stream.begin() + 1; i < bench.stream.end(); ++i) {
      const auto step = bench.stream.packet(i).sequence - bench.stream.packet(i - 1).sequence;
      CHECK(static_cast<std::uint16_t>(step) == 1);
    }
  }
  CHECK(codecs(bench.stream) == "H.264 ");
}

TEST_CASE("a deadline that has passed is never asked for again") {
  Bench bench(with_sound);
  bench.frame(true);  // ready but for the sound, which is waited for
  REQUIRE(bench.pipeline.next_deadline().has_value());
  bench.wait(2'000 * ms);
  CHECK(bench.stream.ready());
  const auto next = bench.pipeline.next_deadline();
  CHECK((!next || *next > bench.now_ns));
}
