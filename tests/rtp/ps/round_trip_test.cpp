// What a camera's muxer writes comes out of the packetizers unchanged, however the RTP packets cut
// it.
#include <doctest/doctest.h>

#include <optional>
#include <string>

#include "rtp/payload/packetizer.hpp"
#include "rtp/ps/demuxer.hpp"
#include "rtp/ps/muxer.hpp"
#include "tests/rtp/payload/coded_media.hpp"
#include "tests/rtp/payload/depacketizer.hpp"

namespace rtp::ps {
namespace {

using testing::Bytes;
using testing::CodedUnit;
using testing::Unit;

struct Frame {
  CodedUnit video;
  std::int64_t pts_90khz = 0;
};

struct Camera {
  std::string name;
  MuxerOptions options;
  std::size_t slices = 1;
  std::size_t key_bytes = 9000, bytes = 1500;
};

// Everything behind the demuxer.
struct Viewer {
  std::vector<std::optional<payload::Packetizer>> packetizers;
  std::vector<testing::Depacketizer> tracks;
  std::vector<OutPacket> packets;

  void take(const Demuxer& demuxer, const std::vector<EsChunk>& chunks) {
    while (tracks.size() < demuxer.tracks().size()) {
      const Codec codec = demuxer.tracks()[tracks.size()].codec;
      packetizers.emplace_back(
          std::in_place, codec,
          payload::PacketizerConfig{.track = static_cast<std::uint8_t>(tracks.size())});
      tracks.emplace_back(codec);
    }
    for (const auto& chunk : chunks) {
      REQUIRE(chunk.track < tracks.size());
      packets.clear();
      packetizers[chunk.track]->push(chunk, 0, packets);
      for (const auto& packet : packets) tracks[chunk.track].push(packet);
    }
  }
};

std::vector<Frame> frames_of(const Camera& camera, int count) {
  std::mt19937 random(7);
  std::vector<Frame> frames;
  for (int i = 0; i < count; ++i) {
    const bool key = i % 4 == 0;
    frames.push_back(
        {testing::coded_unit(camera.options.video, key, key ? camera.key_bytes : camera.bytes,
                             camera.slices, random),
         90000 + 3600 * i});
  }
  return frames;
}

Bytes audio_of(Codec codec, int index) {
  std::mt19937 random(static_cast<unsigned>(index));
  if (codec != Codec::aac) return testing::noise(random, 320);
  Bytes bytes;
  for (int i = 0; i < 2; ++i) {
    const Bytes raw = testing::noise(random, 200);
    const auto header = payload::write_adts({.sampling_index = 8, .channels = 1}, raw.size());
    bytes.insert(bytes.end(), header.begin(), header.end());
    bytes.insert(bytes.end(), raw.begin(), raw.end());
  }
  return bytes;
}

// As a camera does it: each pack begins a packet, the frame's last packet has the marker.
void send(const Bytes& pack, std::size_t cut, bool marker, std::uint32_t timestamp,
          Demuxer& demuxer, Viewer& viewer) {
  std::vector<EsChunk> chunks;
  for (std::size_t at = 0; at < pack.size(); at += cut) {
    const std::size_t n = std::min(cut, pack.size() - at);
    const Slice slice = Slice::copy_of(std::span(pack).subspan(at, n));
    chunks.clear();
    demuxer.push(slice, {.marker = marker && at + n == pack.size(), .rtp_timestamp = timestamp},
                 chunks);
    viewer.take(demuxer, chunks);
  }
}

void check_video(const std::vector<Frame>& frames, const std::vector<Unit>& units, bool last_open) {
  REQUIRE(units.size() == frames.size());
  for (std::size_t i = 0; i < units.size(); ++i) {
    CAPTURE(i);
    CHECK(units[i].pts_90khz == frames[i].pts_90khz);
    CHECK(units[i].key == frames[i].video.key);
    const bool open = last_open && i + 1 == units.size();
    CHECK(units[i].complete == !open);
    if (!open) CHECK(units[i].nals == frames[i].video.nals);
  }
}

void run(const Camera& camera, std::size_t cut, bool marker) {
  CAPTURE(camera.name);
  CAPTURE(cut);
  CAPTURE(marker);
  Muxer muxer(camera.options);
  Demuxer demuxer;
  Viewer viewer;
  const auto frames = frames_of(camera, 9);
  Bytes audio_sent;
  for (std::size_t i = 0; i < frames.size(); ++i) {
    Bytes pack;
    muxer.write_video(frames[i].video.annex_b(), frames[i].pts_90khz, frames[i].video.key, pack);
    if (camera.options.audio != Codec::unknown) {
      const Bytes audio = audio_of(camera.options.audio, static_cast<int>(i));
      muxer.write_audio(audio, frames[i].pts_90khz, true, pack);
      audio_sent.insert(audio_sent.end(), audio.begin(), audio.end());
    }
    send(pack, cut, marker, static_cast<std::uint32_t>(frames[i].pts_90khz), demuxer, viewer);
  }
  INFO(demuxer.describe());
  REQUIRE(demuxer.tracks().size() == (camera.options.audio == Codec::unknown ? 1u : 2u));
  CHECK(demuxer.tracks()[0].codec == camera.options.video);
  CHECK(demuxer.counters().damaged_units == 0);
  CHECK(demuxer.counters().false_ends == 0);
  const bool ended = viewer.tracks[0].units.back().complete;
  if (marker) CHECK((ended || camera.options.video_length_zero));
  check_video(frames, viewer.tracks[0].units, !ended);
  if (camera.options.audio == Codec::unknown) return;
  CHECK(demuxer.tracks()[1].codec == camera.options.audio);
  Bytes heard;
  for (const auto& unit : viewer.tracks[1].units) {
    if (camera.options.audio == Codec::aac) {
      const auto header =
          payload::write_adts({.sampling_index = 8, .channels = 1}, unit.nals[0].size());
      heard.insert(heard.end(), header.begin(), header.end());
    }
    for (const auto& nal : unit.nals) heard.insert(heard.end(), nal.begin(), nal.end());
  }
  CHECK(heard == audio_sent);
}

const Camera cameras[] = {
    {"H.264", {.video = Codec::h264}},
    {"H.265", {.video = Codec::h265}},
    {"H.264, G.711A", {.video = Codec::h264, .audio = Codec::g711a}},
    {"H.264, G.711U", {.video = Codec::h264, .audio = Codec::g711u}},
    {"H.265, AAC", {.video = Codec::h265, .audio = Codec::aac}},
    {"each NAL unit in a PES", {.video = Codec::h264, .pes_per_nal = true}, 2},
    {"slices", {.video = Codec::h265, .audio = Codec::g711a}, 4},
    {"a frame over many PES", {.video = Codec::h264, .max_pes_bytes = 700}, 2},
    {"no map", {.video = Codec::h264, .audio = Codec::g711a, .map = MuxerOptions::Map::never}},
    {"no map, H.265, AAC",
     {.video = Codec::h265, .audio = Codec::aac, .map = MuxerOptions::Map::never}},
    {"map once", {.video = Codec::h264, .audio = Codec::aac, .map = MuxerOptions::Map::once}},
    {"H.265 called H.264",
     {.video = Codec::h265, .audio = Codec::g711a, .video_stream_type = 0x1b}},
    {"H.264 called H.265", {.video = Codec::h264, .video_stream_type = 0x24}},
    {"AAC called G.711A", {.video = Codec::h264, .audio = Codec::aac, .audio_stream_type = 0x90}},
    {"PES without length", {.video = Codec::h264, .video_length_zero = true}, 2},
    {"PES without length, audio",
     {.video = Codec::h265, .audio = Codec::g711a, .video_length_zero = true}},
    {"no pack headers", {.video = Codec::h264, .audio = Codec::g711a, .pack_headers = false}},
};

}  // namespace

TEST_CASE("muxer to depacketizer, any cut") {
  for (const auto& camera : cameras) {
    for (const std::size_t cut : {1, 4, 64, 1400, 60000})
      for (const bool marker : {true, false}) run(camera, cut, marker);
  }
}

TEST_CASE("muxer to depacketizer, every cut around the headers") {
  const Camera camera = {"small", {.video = Codec::h264, .audio = Codec::aac}, 2, 300, 60};
  for (std::size_t cut = 1; cut < 420; cut += cut < 40 ? 1 : 17) run(camera, cut, cut % 2 == 0);
}

TEST_CASE("a frame longer than a PES can be") {
  const Camera camera = {"large", {.video = Codec::h264, .audio = Codec::g711a}, 1, 150000, 70000};
  for (const bool marker : {true, false}) run(camera, 1400, marker);
}

}  // namespace rtp::ps
