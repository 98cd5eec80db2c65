// What viewers see of numbers and times while the camera's own do what they like: traces in virtual
// time through MediaPipeline into a Stream.
#include <doctest/doctest.h>

#include <algorithm>
#include <functional>
#include <optional>

#include "gateway/media_pipeline.hpp"
#include "rtp/ps/muxer.hpp"

namespace {

constexpr std::int64_t ms = 1'000'000;
constexpr std::int64_t bits_33 = std::int64_t{1} << 33, bits_32 = std::int64_t{1} << 32;
using Bytes = std::vector<std::uint8_t>;

// 25 pictures a second, G.711 A beside them; `clock_bits` wide.
struct Camera {
  Camera() { call(); }
  // INVITEd: for the first time, or anew.
  void call() {
    pipeline.emplace(stream, gateway::PipelineConfig{}, ssrcs);
    muxer = rtp::ps::Muxer({.video = rtp::Codec::h264, .audio = rtp::Codec::g711a});
  }
  void send(const Bytes& ps, bool marker) {
    rtp::Packet packet;
    packet.payload = rtp::Slice::copy_of(ps);
    packet.marker = marker;
    packet.sequence = sequence++;
    packet.timestamp = static_cast<std::uint32_t>(clock());
    pipeline->on_packet(std::move(packet), now_ns);
  }
  std::int64_t clock() const { return pts % modulus; }
  void run(int frames) {
    for (; frames > 0; --frames) {
      Bytes ps;
      muxer.write_video(picture(since_key % 10 == 0), clock(), since_key % 10 == 0, ps);
      send(ps, true);
      ps.clear();
      muxer.write_audio(Bytes(320, 0xd5), clock(), false, ps);
      send(ps, true);
      pipeline->end_of_batch(now_ns, 1'700'000'000'000'000'000 + now_ns);
      ++since_key;
      pass(40 * ms);
      pts += 3600;
    }
  }
  void pass(std::int64_t for_ns) {
    const auto end = now_ns + for_ns;
    while (pipeline->next_deadline() && *pipeline->next_deadline() <= end) {
      now_ns = std::max(now_ns, *pipeline->next_deadline());
      pipeline->on_deadline(now_ns, 1'700'000'000'000'000'000 + now_ns);
    }
    now_ns = end;
  }
  static Bytes picture(bool key) {
    Bytes unit;
    if (key)
      unit = {0,    0,    0, 1, 0x67, 0x42, 0xc0, 0x1f, 0xda, 1,    0x40, 0x16,
              0xe9, 0xa8, 8, 0, 0,    0,    1,    0x68, 0xce, 0x3c, 0x80};
    const Bytes slice = {0, 0, 0, 1, static_cast<std::uint8_t>(key ? 0x65 : 0x41), 0x88, 0x80};
    unit.insert(unit.end(), slice.begin(), slice.end());
    unit.insert(unit.end(), 100, 0x91);
    return unit;
  }

  std::int64_t now_ns = 1'000 * ms, pts = 900'000, modulus = bits_33;
  std::uint16_t sequence = 100;
  int since_key = 0;
  gateway::Stream stream{"a/b", {.backlog_ns = 3'600'000 * ms}};
  rtp::SsrcGenerator ssrcs{1};
  rtp::ps::Muxer muxer{{}};
  std::optional<gateway::MediaPipeline> pipeline;
};

std::uint32_t ssrc_of(const rtp::OutPacket& packet) {
  const auto* at = packet.head.data() + rtp::OutPacket::prefix_size + 8;
  return static_cast<std::uint32_t>(at[0]) << 24 | static_cast<std::uint32_t>(at[1]) << 16 |
         static_cast<std::uint32_t>(at[2]) << 8 | at[3];
}

struct Line {
  std::int64_t span_90khz = 0;    // from the first packet to the last
  std::int64_t longest_step = 0;  // in the track's clock
  int packets = 0;
};

// Of one track: one SSRC, no gap in the numbers, times that only grow.
Line check_line(const gateway::Stream& stream, std::uint8_t track) {
  Line line;
  const rtp::OutPacket* last = nullptr;
  std::int64_t span = 0;
  for (auto i = stream.begin(); i < stream.end(); ++i) {
    const auto& packet = stream.packet(i);
    if (packet.track != track) continue;
    ++line.packets;
    if (last) {
      CHECK(ssrc_of(packet) == ssrc_of(*last));
      CHECK(static_cast<std::uint16_t>(packet.sequence - last->sequence) == 1);
      const auto step = static_cast<std::int32_t>(packet.timestamp - last->timestamp);
      CHECK(step >= 0);
      span += step;
      line.longest_step = std::max<std::int64_t>(line.longest_step, step);
    }
    last = &packet;
  }
  line.span_90khz = track == 0 ? span : span * 90 / 8;
  return line;
}

}  // namespace

TEST_CASE("viewers' numbers and times are the gateway's own") {
  struct Case {
    const char* name;
    std::function<void(Camera&)> event;
    int pause_ms;
    int extra_ms = 0;  // how far picture and time may be off
    std::int64_t first_pts = 900'000;
  };
  const Case cases[] = {
      {"nothing happens", [](Camera&) {}, 0},
      {"the clock wraps at 33 bits", [](Camera&) {}, 0, 0, bits_33 - 150 * 3600},
      {"the camera restarts: other SSRC, other numbers, clock at 0",
       [](Camera& c) {
         c.pass(5000 * ms);
         c.pipeline->on_source_switched();
         c.pts = 0;
         c.sequence = 60'000;
         c.since_key = 0;
       },
       5000},
      {"called anew: nothing is left of what received it",
       [](Camera& c) {
         c.pass(5000 * ms);
         c.call();
         c.pts = 7'000'000'000;
         c.sequence = 9;
         c.since_key = 0;
       },
       5000},
      {"called anew at once", [](Camera& c) { c.call(), c.since_key = 0; }, 0, 40},
      {"the clock jumps ahead by a day", [](Camera& c) { c.pts += 90'000ll * 86'400; }, 0, 80},
      {"the clock jumps back by an hour",
       [](Camera& c) { c.pts = (c.pts + bits_33 - 90'000ll * 3600) % bits_33; }, 0, 80},
  };
  for (const auto& c : cases) {
    CAPTURE(c.name);
    Camera camera;
    camera.pts = c.first_pts;
    camera.run(100);
    c.event(camera);
    camera.run(100);
    const auto video = check_line(camera.stream, 0), audio = check_line(camera.stream, 1);
    CHECK(video.packets >= 190);
    CHECK(audio.packets >= 180);
    // 200 pictures and the pause, to within what is allowed.
    const auto real = 199 * 3600 + c.pause_ms * 90;
    CHECK(std::abs(video.span_90khz - real) <= 90 * (c.extra_ms + 50));
    CHECK(std::abs(audio.span_90khz - real) <= 90 * (c.extra_ms + 550));  // it may begin late
    // And sender reports tell when the last picture was captured.
    const auto report = camera.stream.sender_report(0, 0);
    const auto ntp_ms = static_cast<std::int64_t>((report.ntp >> 32) - 2'208'988'800) * 1000 +
                        static_cast<std::int64_t>(((report.ntp & 0xffffffff) * 1000) >> 32);
    const auto captured_ms = (1'700'000'000'000'000'000 + camera.now_ns) / ms - 40;
    CHECK(std::abs(ntp_ms - captured_ms) <= 50 + c.extra_ms);
  }
}

TEST_CASE("a camera whose clock has 32 bits, over its wrap") {
  Camera camera;
  camera.modulus = bits_32;
  camera.pts = bits_32 - 150 * 3600;
  camera.run(200);
  const auto video = check_line(camera.stream, 0);
  CHECK(video.longest_step == 3600);
  CHECK(camera.pipeline->timestamp_jumps() == 0);
}
