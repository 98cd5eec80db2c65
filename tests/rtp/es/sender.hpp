// For tests only: a sender of elementary streams. Access units in, RTP packets out, by our own
// packetizers, which tests/rtp/payload checks against the RFCs.
#pragma once

#include <vector>

#include "rtp/packet.hpp"
#include "rtp/payload/packetizer.hpp"
#include "tests/rtp/payload/coded_media.hpp"
#include "tests/rtp/payload/depacketizer.hpp"

namespace rtp::testing {

class EsSender {
 public:
  EsSender(Codec codec, std::uint8_t payload_type, std::uint32_t max_payload_bytes = 1400)
      : packetizer_(codec, {.payload_type = payload_type,
                            .ssrc = 7,
                            .first_sequence = 65500,
                            .max_payload_bytes = max_payload_bytes}) {}

  // One unit as the packets that come off the wire.
  std::vector<Packet> send(const Bytes& unit, std::int64_t pts_90khz) {
    std::vector<OutPacket> out;
    packetizer_.push({.unit_begin = true,
                      .unit_end = true,
                      .pts_90khz = pts_90khz,
                      .bytes = Slice::copy_of(unit)},
                     0, out);
    std::vector<Packet> packets;
    for (const auto& packet : out) {
      Bytes wire(packet.head.begin() + 4, packet.head.begin() + 16);
      const Bytes payload = payload_of(packet);
      wire.insert(wire.end(), payload.begin(), payload.end());
      packets.push_back(*parse_packet(Slice::copy_of(wire)));
    }
    return packets;
  }

 private:
  payload::Packetizer packetizer_;
};

// The NAL units of an annex B byte stream.
inline std::vector<Bytes> split_annex_b(const Bytes& bytes) {
  std::vector<Bytes> nals;
  std::size_t zeros = 0;
  for (const auto byte : bytes) {
    if (byte == 1 && zeros >= 2) {
      if (!nals.empty())
        while (!nals.back().empty() && nals.back().back() == 0) nals.back().pop_back();
      nals.emplace_back();
    } else if (!nals.empty()) {
      nals.back().push_back(byte);
    }
    zeros = byte == 0 ? zeros + 1 : 0;
  }
  return nals;
}

struct ReceivedUnit {
  Bytes bytes;
  std::int64_t pts_90khz = 0;
  bool ended = false, damaged = false;
  std::uint8_t track = 0;
};

inline void collect(const std::vector<EsChunk>& chunks, std::vector<ReceivedUnit>& units) {
  for (const auto& chunk : chunks) {
    if (chunk.unit_begin)
      units.push_back(
          {.bytes = {}, .pts_90khz = chunk.pts_90khz, .damaged = false, .track = chunk.track});
    REQUIRE_FALSE(units.empty());
    auto unit = units.rbegin();
    while (unit->track != chunk.track) REQUIRE(++unit != units.rend());
    unit->bytes.insert(unit->bytes.end(), chunk.bytes.bytes().begin(), chunk.bytes.bytes().end());
    unit->ended = unit->ended || chunk.unit_end;
    unit->damaged = unit->damaged || chunk.damaged;
  }
}

}  // namespace rtp::testing
