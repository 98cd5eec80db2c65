#include "rtp/payload_demuxer.hpp"

#include <doctest/doctest.h>

#include "rtp/ps/muxer.hpp"
#include "tests/rtp/es/sender.hpp"

namespace rtp {
namespace {

using testing::Bytes;
using testing::EsSender;

std::vector<Packet> program(Codec codec, int frames, std::uint8_t payload_type) {
  std::mt19937 random(9);
  ps::Muxer muxer({.video = codec});
  std::vector<Packet> packets;
  for (int i = 0; i < frames; ++i) {
    Bytes pack;
    const auto unit = testing::coded_unit(codec, i == 0, 5000, 1, random);
    muxer.write_video(unit.annex_b(), 3600 * i, unit.key, pack);
    for (std::size_t at = 0; at < pack.size(); at += 1400) {
      auto& packet = packets.emplace_back();
      packet.payload_type = payload_type;
      packet.timestamp = static_cast<std::uint32_t>(3600 * i);
      packet.payload = Slice::copy_of(
          std::span(pack).subspan(at, std::min<std::size_t>(1400, pack.size() - at)));
    }
  }
  return packets;
}

std::vector<Packet> elementary(Codec codec, int frames, std::uint8_t payload_type) {
  std::mt19937 random(9);
  EsSender sender(codec, payload_type);
  std::vector<Packet> packets;
  for (int i = 0; i < frames; ++i)
    for (auto& packet :
         sender.send(testing::coded_unit(codec, i == 0, 5000, 1, random).annex_b(), 3600 * i))
      packets.push_back(packet);
  return packets;
}

void play(PayloadDemuxer& demuxer, const std::vector<Packet>& packets) {
  std::vector<EsChunk> chunks;
  for (const auto& packet : packets)
    demuxer.push(packet, {.marker = packet.marker, .rtp_timestamp = packet.timestamp}, chunks);
}

}  // namespace

TEST_CASE("what a sender sends is known by content before its payload type") {
  struct Case {
    const char* name;
    std::vector<Packet> packets;
    std::optional<es::Format> declared;
    bool is_elementary;
    Codec codec;
  };
  const Case cases[] = {
      {"PS as 96", program(Codec::h264, 5, 96), {}, false, Codec::h264},
      {"PS as 98", program(Codec::h264, 5, 98), {}, false, Codec::h264},
      {"PS, declared H264", program(Codec::h265, 5, 96), {{96, Codec::h264}}, false, Codec::h265},
      {"H.264 as 98", elementary(Codec::h264, 5, 98), {}, true, Codec::h264},
      {"H.265 as 100", elementary(Codec::h265, 5, 100), {}, true, Codec::h265},
      {"H.265 as 98", elementary(Codec::h265, 5, 98), {}, true, Codec::h265},
      {"H.265 as 99, which is SVAC", elementary(Codec::h265, 5, 99), {}, true, Codec::h265},
      {"H.264 as 96, which is PS", elementary(Codec::h264, 5, 96), {}, true, Codec::h264},
      {"H.265 as 111, of which nobody knows",
       elementary(Codec::h265, 5, 111),
       {},
       true,
       Codec::h265},
      {"declared H265", elementary(Codec::h265, 5, 96), {{96, Codec::h265}}, true, Codec::h265},
  };
  for (const auto& c : cases) {
    CAPTURE(c.name);
    PayloadDemuxer demuxer;
    if (c.declared) demuxer.declare(*c.declared);
    play(demuxer, c.packets);
    CHECK(demuxer.is_elementary() == c.is_elementary);
    REQUIRE(demuxer.tracks().size() == 1);
    CHECK(demuxer.tracks()[0].codec == c.codec);
    CHECK(demuxer.counters().units >= 4);
  }
}

TEST_CASE("another sender on the same stream may send the other kind") {
  PayloadDemuxer demuxer;
  play(demuxer, program(Codec::h264, 5, 96));
  const auto version = demuxer.tracks_version();
  demuxer.reconsider();
  play(demuxer, elementary(Codec::h265, 5, 96));
  CHECK(demuxer.is_elementary());
  CHECK(demuxer.tracks_version() > version);
  CHECK(demuxer.tracks()[0].codec == Codec::h265);
  // A program stream shows itself at once.
  play(demuxer, program(Codec::h264, 5, 96));
  CHECK_FALSE(demuxer.is_elementary());
  CHECK(demuxer.tracks()[0].codec == Codec::h264);
}

TEST_CASE(
    "joining in mid-GOP, an elementary stream without declaration is found at its key frame") {
  PayloadDemuxer demuxer;
  std::mt19937 random(4);
  EsSender sender(Codec::h264, 96);
  for (int i = 0; i < 20; ++i) {
    play(demuxer, sender.send(testing::coded_unit(Codec::h264, i == 10, 5000, 1, random).annex_b(),
                              3600 * i));
    CHECK(demuxer.is_elementary() == (i >= 10));
  }
}

TEST_CASE("encoding names") {
  CHECK(es::codec_of_encoding("h264") == Codec::h264);
  CHECK(es::codec_of_encoding("PCMA") == Codec::g711a);
  CHECK(es::codec_of_encoding("PS") == Codec::unknown);
  CHECK(es::codec_of_encoding("HIKVISION") == Codec::unknown);
}

}  // namespace rtp
