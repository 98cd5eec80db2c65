#include "rtp/ps/demuxer.hpp"

#include <doctest/doctest.h>

#include <string>

#include "rtp/payload/aac.hpp"
#include "rtp/ps/muxer.hpp"
#include "rtp/ps/pes.hpp"
#include "tests/rtp/payload/coded_media.hpp"

namespace rtp::ps {
namespace {

using testing::Bytes;

constexpr std::int64_t ms = 1'000'000;

// A camera in virtual time: a frame every 40 ms, its packets 100 us apart.
struct Camera {
  MuxerOptions options;
  std::size_t cut = 1400;
  bool marker = true, marker_always = false, marker_each_pes = false;
  std::size_t frame_bytes = 3000;

  Demuxer demuxer = Demuxer();
  Muxer muxer = Muxer(options);
  std::mt19937 random = std::mt19937(11);
  std::int64_t now_ns = 0;
  int frames = 0;
  bool lost = false;
  std::vector<EsChunk> chunks = {};

  // Per packet what became of it: ( begins a unit, . goes on, ) ends it, ! damaged; a for audio; t
  // is the timer. Packets in `drop` (by index in the frame) do not arrive.
  std::string frame(std::vector<std::size_t> drop = {}) {
    Bytes pack;
    const auto unit = testing::coded_unit(options.video, frames % 10 == 0, frame_bytes, 1, random);
    muxer.write_video(unit.annex_b(), 3600 * frames, unit.key, pack);
    std::string trace;
    std::size_t index = 0;
    now_ns = 40 * ms * frames;
    for (std::size_t at = 0; at < pack.size(); at += cut, ++index) {
      const std::size_t n = std::min(cut, pack.size() - at);
      const bool last = at + n == pack.size();
      if (std::count(drop.begin(), drop.end(), index)) {
        lost = true;
        continue;
      }
      trace += packet(std::span(pack).subspan(at, n),
                      marker_always || (marker && last) || (marker_each_pes && index % 2 == 1));
    }
    ++frames;
    return trace + timer();
  }

  std::string packet(std::span<const std::uint8_t> bytes, bool mark) {
    now_ns += ms / 10;
    chunks.clear();
    demuxer.push(Slice::copy_of(bytes),
                 {.marker = mark,
                  .lost_before = std::exchange(lost, false),
                  .rtp_timestamp = static_cast<std::uint32_t>(3600 * frames),
                  .arrival_ns = now_ns},
                 chunks);
    return describe() + " ";
  }

  std::string timer() {
    const auto deadline = demuxer.next_deadline();
    if (!deadline) return {};
    CHECK(*deadline == now_ns + 5 * ms);
    chunks.clear();
    demuxer.on_deadline(*deadline - 1, chunks);
    CHECK(chunks.empty());
    demuxer.on_deadline(*deadline, chunks);
    CHECK_FALSE(demuxer.next_deadline());
    return "t" + describe() + " ";
  }

  std::string describe() const {
    std::string text;
    for (const auto& chunk : chunks) {
      if (chunk.track) text += "a";
      if (chunk.damaged) text += "!";
      if (chunk.unit_begin) text += "(";
      if (!chunk.bytes.empty()) text += ".";
      if (chunk.unit_end) text += ")";
    }
    return text.empty() ? "-" : text;
  }
};

}  // namespace

TEST_CASE("a frame ends with its marker, or its length, or after 5 ms, as far as that is proven") {
  struct Case {
    std::string name;
    Camera camera;
    std::string first, fourth, sixth;  // frame's trace
  };
  Case cases[] = {
      {"marker", {.options = {}}, "(. . .) ", "(. . .) ", "(. . .) "},
      {"no marker: silence, then length, when proven",
       {.options = {}, .marker = false},
       "(. . . ",
       "(. . . t) ",
       "(. . .) "},
      {"marker on every packet",
       {.options = {}, .marker_always = true},
       "(. . .) ",
       "(. . .) ",
       "(. . .) "},
      {"frame over several PES, marker",
       {.options = {.max_pes_bytes = 1386}},
       "(. .. ..) ",
       "(. .. .) ",
       "(. .. .) "},
      {"frame over several PES, no marker",
       {.options = {.max_pes_bytes = 1386}, .marker = false},
       "(. .. .. ",
       "(. .. . t) ",
       "(. .. . t) "},
      {"no length, marker",
       {.options = {.video_length_zero = true}},
       "(. . . ",
       "(. . .) ",
       "(. . .) "},
      {"no length, no marker",
       {.options = {.video_length_zero = true}, .marker = false},
       "(. . . ",
       "(. . . t) ",
       "(. . . t) "},
  };
  for (auto& c : cases) {
    CAPTURE(c.name);
    CHECK(c.camera.frame() == c.first);
    for (int i = 0; i < 2; ++i) c.camera.frame();
    CHECK(c.camera.frame() == c.fourth);
    c.camera.frame();
    CHECK(c.camera.frame() == c.sixth);
    CHECK(c.camera.demuxer.counters().false_ends == 0);
  }
}

TEST_CASE("a marker that lies is found out") {
  // Packets of PES length and a marker on every second one: in the middle of frames.
  Camera camera{
      .options = {.max_pes_bytes = 700}, .cut = 714, .marker = false, .marker_each_pes = true};
  // Pack, system header and map shift the key frame's PES; what counts is what is learnt.
  for (int i = 0; i < 30; ++i) camera.frame();
  const auto& counters = camera.demuxer.counters();
  INFO(camera.demuxer.describe());
  CHECK(counters.false_ends <= 2);
}

TEST_CASE("only frames that lost bytes suffer") {
  struct Case {
    std::string name;
    std::vector<std::size_t> drop;
    std::string damaged, next;
  };
  const Case cases[] = {
      {"in the middle", {1}, "(. !)) ", "(. . .) "},
      {"the first", {0}, "- - ", "(. . .) "},
      {"the last", {2}, "(. . ", "!)(. . .) "},
      {"all", {0, 1, 2}, "", "(. . .) "},
  };
  for (const auto& c : cases) {
    CAPTURE(c.name);
    Camera camera{.options = {}};
    for (int i = 0; i < 3; ++i) CHECK(camera.frame() == "(. . .) ");
    camera.frame(c.drop);
    CHECK(camera.frame() == c.next);
    CHECK(camera.frame() == "(. . .) ");
    CHECK(camera.demuxer.counters().lost_gaps == 1);
  }
}

TEST_CASE("chunks are views of what was pushed") {
  Camera camera{.options = {.audio = Codec::g711a}};
  std::mt19937 random(1);
  Bytes pack;
  camera.muxer.write_video(testing::coded_unit(Codec::h264, true, 3000, 1, random).annex_b(), 0,
                           true, pack);
  camera.muxer.write_audio(Bytes(320, 0x55), 0, true, pack);
  const Slice payload = Slice::copy_of(pack);
  std::vector<EsChunk> chunks;
  camera.demuxer.push(payload, {.marker = true}, chunks);
  REQUIRE(chunks.size() == 2);
  for (const auto& chunk : chunks) {
    CHECK(chunk.bytes.data > payload.data);
    CHECK(chunk.bytes.data + chunk.bytes.size <= payload.data + payload.size);
    CHECK((chunk.unit_begin && chunk.unit_end));
  }
}

namespace {
Bytes operator+(Bytes a, const Bytes& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}
Bytes sized(std::uint8_t id, std::size_t size) {
  Bytes bytes = {
      0, 0, 1, id, static_cast<std::uint8_t>(size >> 8), static_cast<std::uint8_t>(size)};
  bytes.resize(6 + size, 0xa5);
  return bytes;
}
// The zeros around NAL units may come or not.
std::size_t solid(std::span<const std::uint8_t> bytes) {
  return bytes.size() - static_cast<std::size_t>(std::count(bytes.begin(), bytes.end(), 0));
}
struct Heard {
  std::string trace;
  std::size_t bytes = 0, tracks = 0;
  Codec last = Codec::unknown;
  std::string diagnosis;
  DemuxerCounters counters;
};
Heard hear(const std::vector<Bytes>& packets, bool marker = true) {
  Camera camera{.options = {}};
  Heard heard;
  for (const auto& packet : packets) {
    heard.trace += camera.packet(packet, marker);
    for (const auto& chunk : camera.chunks) heard.bytes += solid(chunk.bytes.bytes());
  }
  heard.tracks = camera.demuxer.tracks().size();
  if (heard.tracks) heard.last = camera.demuxer.tracks().back().codec;
  heard.diagnosis = camera.demuxer.diagnosis();
  heard.counters = camera.demuxer.counters();
  return heard;
}
Bytes video(std::size_t bytes, std::int64_t pts_90khz = 0, MuxerOptions options = {}) {
  std::mt19937 random(4);
  Bytes pack;
  Muxer muxer(options);
  muxer.write_video(testing::coded_unit(options.video, false, bytes, 1, random).annex_b(),
                    pts_90khz, false, pack);
  return pack;
}
Bytes pes(std::uint8_t id, const Bytes& payload, std::int64_t pts_90khz = 0) {
  Bytes bytes;
  write_pes_header(id, static_cast<std::uint32_t>(payload.size()), pts_90khz, false, bytes);
  return bytes + payload;
}
const Bytes small_pack = video(200);
const std::size_t small = solid(std::span(small_pack).subspan(14 + 14));
}  // namespace

TEST_CASE("private streams and padding are passed over, across packets") {
  for (const std::uint8_t id : Bytes{0xbd, 0xbe, 0xbf, 0xf0, 0xff}) {
    CAPTURE(int{id});
    const Bytes all = sized(id, 3000) + video(200);
    for (const std::size_t cut : {1, 5, 1400}) {
      std::vector<Bytes> packets;
      for (std::size_t at = 0; at < all.size(); at += cut)
        packets.emplace_back(
            all.begin() + static_cast<std::ptrdiff_t>(at),
            all.begin() + static_cast<std::ptrdiff_t>(std::min(at + cut, all.size())));
      packets.insert(packets.begin(), video(200));
      const auto heard = hear(packets, false);
      CHECK(heard.bytes == 2 * small);
      CHECK(heard.tracks == 1);
    }
  }
}

TEST_CASE("lengths that are wrong") {
  Bytes wrapped = video(70000, 3600, {.max_pes_bytes = 65535});
  // One PES whose length lost its 17th bit, as senders write it who do not split.
  std::mt19937 random(4);
  const Bytes unit = testing::coded_unit(Codec::h264, false, 70000, 1, random).annex_b();
  Bytes header;
  write_pes_header(0xe0, static_cast<std::uint32_t>((unit.size() + 8) & 0xffff) - 8, 3600, false,
                   header);
  wrapped = Bytes{0, 0, 1, 0xBA, 0x44, 0, 0x16, 0x8C, 4, 1, 0, 0x5F, 0x6B, 0xF8} + header + unit;
  auto heard = hear({video(200), wrapped, video(200, 7200)});
  CHECK(heard.trace == "(.) (.) (.) ");
  CHECK(heard.bytes == 2 * small + solid(unit));
  CHECK(heard.counters.pes_overruns == 1);

  Bytes too_long = video(200);
  too_long[18] = 0x40;
  heard = hear({too_long, video(200, 3600), video(200, 7200)});
  CHECK(heard.bytes == 3 * small);
  CHECK(heard.counters.pes_cut_short == 1);
}

TEST_CASE("zeros in front of a start code, noise between packs") {
  auto heard = hear({video(200) + Bytes(5, 0), video(200, 3600) + Bytes{0}, video(200, 7200)});
  CHECK(heard.bytes == 3 * small);
  CHECK(heard.trace == "(.) (.) (.) ");
  heard = hear({Bytes{9, 9, 9} + video(200), video(200, 3600)});
  CHECK(heard.bytes == 2 * small);
}

TEST_CASE("audio is told by its data") {
  Bytes aac;
  for (int i = 0; i < 3; ++i) {
    const auto header = payload::write_adts({.sampling_index = 8, .channels = 1}, 93);
    aac = aac + Bytes(header.begin(), header.end()) + Bytes(93, 0x21);
  }
  const Bytes g711(320, 0xd5), mu(320, 0xff), mp2 = Bytes{0xff, 0xfd, 0x54, 0xc0} + Bytes(300, 9);
  const auto mapped = [](std::uint8_t type) {
    Muxer muxer({.video = Codec::unknown, .audio = Codec::g711a, .audio_stream_type = type});
    Bytes bytes;
    muxer.write_audio(Bytes(), 0, false, bytes);
    return bytes;
  };
  struct Case {
    std::string name;
    Bytes map, frames;
    Codec codec;  // unknown: refused
    std::uint64_t corrected;
  };
  const Case cases[] = {
      {"AAC without map", {}, aac, Codec::aac, 0},
      {"G.711 A without map", {}, g711, Codec::g711a, 0},
      {"mu-law silence is no sync word", mapped(0x91), mu, Codec::g711u, 0},
      {"AAC called G.711", mapped(0x90), aac, Codec::aac, 1},
      {"G.711 called AAC", mapped(0x0f), g711, Codec::g711a, 1},
      {"G.729", mapped(0x99), g711, Codec::g729, 0},
      {"MPEG audio", {}, mp2, Codec::unknown, 0},
  };
  for (const auto& c : cases) {
    CAPTURE(c.name);
    std::vector<Bytes> packets = {c.map.empty() ? sized(0xbb, 6) : c.map};
    for (int i = 0; i < 4; ++i) packets.push_back(pes(0xc0, c.frames, 3600 * i));
    const auto heard = hear(packets);
    CHECK(heard.last == c.codec);
    CHECK(heard.tracks == (c.codec == Codec::unknown ? 0 : 1));
    CHECK(heard.counters.codecs_corrected == c.corrected);
    CHECK(heard.diagnosis.empty() == (c.codec != Codec::unknown));
  }
}

TEST_CASE("AAC without headers is refused, not played as G.711") {
  Muxer muxer({.video = Codec::unknown, .audio = Codec::aac});
  Bytes map;
  muxer.write_audio(Bytes(), 0, false, map);
  std::vector<Bytes> packets = {map};
  for (std::size_t i = 0; i < 5; ++i) packets.push_back(pes(0xc0, Bytes(100 + i, 0x21)));
  const auto heard = hear(packets);
  CHECK(heard.tracks == 0);
  CHECK(heard.diagnosis.find("ADTS") != std::string::npos);
}

TEST_CASE("one PES that begins inside a frame does not cost the rest its cut-through") {
  std::vector<Bytes> packets;
  for (int i = 0; i < 4; ++i) packets.push_back(video(200, 3600 * i));
  packets.push_back(pes(0xe0, Bytes(100, 0x77), 3600 * 4));
  for (int i = 5; i < 45; ++i) packets.push_back(video(200, 3600 * i));
  const auto heard = hear(packets);
  INFO(heard.trace);
  CHECK(heard.trace.ends_with("(.) (.) (.) (.) "));
}

TEST_CASE("a private stream that the map gives a codec is one") {
  Bytes map = {0, 0, 1, 0xBA, 0x44, 0, 0x16, 0x8C, 4, 1, 0, 0x5F, 0x6B, 0xF8};
  map = map + Bytes{0, 0, 1, 0xbc, 0, 0x0e, 0xe0, 0xff, 0, 0, 0, 4, 0x90, 0xbd, 0, 0, 1, 2, 3, 4};
  const auto heard = hear({map + pes(0xbd, Bytes(320, 0x55))});
  CHECK(heard.last == Codec::g711a);
  CHECK(heard.bytes == 320);
}

TEST_CASE("what cannot be played says why") {
  const auto heard = hear({Bytes{'I', 'M', 'K', 'H', 1, 1, 0, 0} + Bytes(40, 2)});
  CHECK(heard.tracks == 0);
  CHECK(heard.counters.vendor_headers == 1);
  CHECK(heard.diagnosis.find("IMKH") != std::string::npos);
}

TEST_CASE("no PTS: the RTP timestamp") {
  Camera camera{.options = {}};
  std::mt19937 random(4);
  for (int i = 0; i < 3; ++i) {
    const Bytes unit = testing::coded_unit(Codec::h264, false, 100, 1, random).annex_b();
    Bytes packet;
    write_pack_header(0, 1, packet);
    write_pes_header(0xe0, static_cast<std::uint32_t>(unit.size()), std::nullopt, false, packet);
    camera.packet(packet + unit, true);
    ++camera.frames;
    REQUIRE(camera.chunks.size() == 1);
    CHECK(camera.chunks[0].pts_90khz == 3600 * i);
  }
}

TEST_CASE("never more than eight streams") {
  std::vector<Bytes> packets;
  for (int id = 0xc0; id < 0xcc; ++id)
    packets.push_back(sized(0xbb, 6) + pes(static_cast<std::uint8_t>(id), Bytes(320, 0x55)));
  const auto heard = hear(packets);
  CHECK(heard.tracks == Demuxer::max_streams);
  CHECK(heard.counters.streams_refused == 4);
}

}  // namespace rtp::ps
