// Program streams that other people's muxers wrote: tests/data/ps. What comes out is compared with
// what ffmpeg took out of the same file (tests/data/ps/README.md says how).
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>

#include "rtp/payload/packetizer.hpp"
#include "rtp/ps/demuxer.hpp"
#include "tests/rtp/payload/depacketizer.hpp"

namespace rtp::ps {
namespace {

using testing::Bytes;

struct File {
  std::string name;
  Codec codec;
  std::size_t units, keys, nals;
  std::uint64_t hash;  // FNV-1a over the NAL units, AUD and filler left out
  std::size_t audio_frames;
};

const File files[] = {
    {"ffmpeg-mpeg-h264-mp2.mpg", Codec::h264, 40, 2, 45, 0x6030418c5d9f2624, 0},
    {"ffmpeg-vob-h264-bframes.vob", Codec::h264, 40, 2, 45, 0x967e0d6cd85bd2df, 0},
    {"ffmpeg-vob-h265.vob", Codec::h265, 40, 2, 48, 0x970dc09f055d450c, 0},
    {"gst-mpegpsmux-h264-aac.ps", Codec::h264, 40, 2, 85, 0xd3f2b7d7921e9a76, 26},
};

Bytes read(const std::string& name) {
  std::ifstream in(std::string(PS_CORPUS) + "/" + name, std::ios::binary);
  return Bytes(std::istreambuf_iterator<char>(in), {});
}

std::uint64_t hash_of(const std::vector<testing::Unit>& units) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const auto& unit : units)
    for (const auto& nal : unit.nals)
      for (const std::uint8_t byte : nal) hash = (hash ^ byte) * 0x100000001b3;
  return hash;
}

std::size_t nals_of(const std::vector<testing::Unit>& units) {
  std::size_t count = 0;
  for (const auto& unit : units) count += unit.nals.size();
  return count;
}

struct Result {
  std::vector<testing::Unit> video, audio;
  std::string state;
};

Result play(const Bytes& bytes, std::size_t cut) {
  Demuxer demuxer;
  std::vector<std::optional<payload::Packetizer>> packetizers;
  std::vector<testing::Depacketizer> tracks;
  std::vector<EsChunk> chunks;
  std::vector<OutPacket> packets;
  const auto take = [&] {
    while (tracks.size() < demuxer.tracks().size()) {
      const Codec codec = demuxer.tracks()[tracks.size()].codec;
      packetizers.emplace_back(std::in_place, codec, payload::PacketizerConfig{});
      tracks.emplace_back(codec);
    }
    for (const auto& chunk : chunks) {
      packets.clear();
      packetizers[chunk.track]->push(chunk, 0, packets);
      for (auto& packet : packets) tracks[chunk.track].push(packet);
    }
  };
  for (std::size_t at = 0; at < bytes.size(); at += cut) {
    chunks.clear();
    demuxer.push(Slice::copy_of(std::span(bytes).subspan(at, std::min(cut, bytes.size() - at))), {},
                 chunks);
    take();
  }
  // The end of the file ends the last frame: as the first does, by its beginning.
  chunks.clear();
  demuxer.push(Slice::copy_of(std::span(bytes).first(std::min<std::size_t>(2048, bytes.size()))),
               {}, chunks);
  take();
  Result result{{}, {}, demuxer.describe()};
  for (auto& track : tracks) {
    const bool video = track.codec() == Codec::h264 || track.codec() == Codec::h265;
    (video ? result.video : result.audio) = std::move(track.units);
  }
  // What the repeated beginning itself put out.
  while (!result.video.empty() && !result.video.back().complete) result.video.pop_back();
  return result;
}

}  // namespace

TEST_CASE("files of other muxers play whole") {
  for (const auto& file : files) {
    CAPTURE(file.name);
    const Bytes bytes = read(file.name);
    REQUIRE(bytes.size() > 1000);
    for (const std::size_t cut : {1, 188, 1400, 65536}) {
      CAPTURE(cut);
      auto result = play(bytes, cut);
      INFO(result.state);
      REQUIRE(result.video.size() >= file.units);
      result.video.resize(file.units);
      CHECK(nals_of(result.video) == file.nals);
      CHECK(hash_of(result.video) == file.hash);
      std::size_t keys = 0;
      for (const auto& unit : result.video) keys += unit.key;
      CHECK(keys == file.keys);
      // Shown at 25 frames per second, in whatever order they were sent, and although most have
      // no PTS of their own. In crumbs the slice headers cannot be read: then it is a guess.
      std::vector<std::int64_t> times;
      for (const auto& unit : result.video) times.push_back(unit.pts_90khz);
      std::sort(times.begin(), times.end());
      for (std::size_t i = 0; cut >= 1400 && i < times.size(); ++i)
        CHECK(std::abs(times[i] - times[0] - 3600 * static_cast<std::int64_t>(i)) <= 90);
      if (file.audio_frames) CHECK(result.audio.size() >= file.audio_frames);
    }
  }
}

}  // namespace rtp::ps
