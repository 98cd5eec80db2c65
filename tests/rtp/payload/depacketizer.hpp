// For tests only: puts the access units of a track together again from its packets, and checks on
// the way what every packet must hold. Written after the RFCs (6184 5.6 and 5.8, 7798 4.4,
// 3640 3.2, 3551), not after the packetizers.
#pragma once

#include <doctest/doctest.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "rtp/media.hpp"

namespace rtp::testing {

using Bytes = std::vector<std::uint8_t>;

struct Unit {
  std::vector<Bytes> nals;  // audio: one, the frame
  std::uint32_t timestamp = 0;
  std::int64_t pts_90khz = 0;
  bool key = false;
  bool complete = false;  // its last packet came
};

inline Bytes payload_of(const OutPacket& packet) {
  Bytes bytes(packet.head.begin() + 16, packet.head.begin() + packet.head_size);
  for (std::size_t i = 0; i < packet.slice_count; ++i)
    bytes.insert(bytes.end(), packet.slices[i].bytes().begin(), packet.slices[i].bytes().end());
  return bytes;
}

class Depacketizer {
 public:
  explicit Depacketizer(Codec codec) : codec_(codec) {}
  Codec codec() const { return codec_; }

  void push(const OutPacket& packet) {
    check_head(packet);
    if (packet.unit_begin) {
      units.emplace_back();
      units.back().timestamp = packet.timestamp;
      units.back().pts_90khz = packet.pts_90khz;
      units.back().key = packet.key;
      expect(fragment_.empty(), "a fragment without end");
    }
    REQUIRE_FALSE(units.empty());
    Unit& unit = units.back();
    // Samples go on counting within a unit of G.711.
    if (codec_ != Codec::g711a && codec_ != Codec::g711u)
      expect(unit.timestamp == packet.timestamp, "one timestamp per unit");
    expect(unit.key == packet.key, "key, the same in all of a unit");
    expect(!unit.complete, "a packet behind the last");
    take(payload_of(packet), packet, unit);
    unit.complete = packet.unit_end;
    if (packet.unit_end) expect(fragment_.empty(), "a fragment without end");
  }

  std::vector<Unit> units;

 private:
  // doctest's macros take longer than what is checked here, millions of times.
  static void expect(bool good, const char* what) {
    if (!good) FAIL_CHECK(what);
  }
  void check_head(const OutPacket& packet) {
    const auto& h = packet.head;
    const Bytes payload = payload_of(packet);
    expect(h[0] == '$' && h[1] == 2 * packet.track, "interleaved prefix");
    expect(static_cast<std::uint32_t>(h[2] << 8 | h[3]) == packet.size_bytes, "prefix's length");
    expect(packet.size_bytes == 12 + payload.size(), "size_bytes");
    expect(h[4] == 0x80, "version, no padding, extension or CSRC");
    expect((h[6] << 8 | h[7]) == packet.sequence, "sequence number in the head");
    const auto timestamp = static_cast<std::uint32_t>(h[8] << 24 | h[9] << 16 | h[10] << 8 | h[11]);
    expect(timestamp == packet.timestamp, "timestamp in the head");
    expect(!sequence_ || packet.sequence == static_cast<std::uint16_t>(*sequence_ + 1),
           "sequence numbers without gap");
    sequence_ = packet.sequence;
    const bool marker = h[5] & 0x80;
    if (codec_ == Codec::g711a || codec_ == Codec::g711u)
      expect(!marker, "marker");
    else
      expect(marker == packet.unit_end, "marker on the last packet");
  }

  void take(const Bytes& payload, const OutPacket& packet, Unit& unit) {
    REQUIRE_FALSE(payload.empty());
    switch (codec_) {
      case Codec::h264:
        if ((payload[0] & 31) == 28)
          fragment({static_cast<std::uint8_t>((payload[0] & 0xe0) | (payload[1] & 31))}, payload, 2,
                   unit);
        else
          single(payload, (payload[0] & 31) < 24, unit);
        break;
      case Codec::h265:
        if ((payload[0] >> 1 & 63) == 49)
          fragment(
              {static_cast<std::uint8_t>((payload[0] & 0x81) | (payload[2] & 63) << 1), payload[1]},
              payload, 3, unit);
        else
          single(payload, (payload[0] >> 1 & 63) < 48, unit);
        break;
      case Codec::aac:
        aac(payload, packet, unit);
        break;
      default:
        single(payload, true, unit);
    }
  }

  void single(const Bytes& payload, bool allowed, Unit& unit) {
    expect(allowed, "a NAL type that RTP uses itself");
    expect(fragment_.empty(), "a fragment without end");
    unit.nals.push_back(payload);
  }

  void fragment(const Bytes& nal_header, const Bytes& payload, std::size_t header_bytes,
                Unit& unit) {
    REQUIRE(payload.size() > header_bytes);
    const bool first = payload[header_bytes - 1] & 0x80, last = payload[header_bytes - 1] & 0x40;
    expect(!(first && last), "a fragment is first and last");
    expect(first == fragment_.empty(), "fragments in order");
    if (first) fragment_ = nal_header;
    expect(std::equal(nal_header.begin(), nal_header.end(), fragment_.begin()),
           "std::equal(nal_header.begin(), nal_header.end(), fragment_.begin())");
    fragment_.insert(fragment_.end(), payload.begin() + static_cast<std::ptrdiff_t>(header_bytes),
                     payload.end());
    if (last) {
      unit.nals.push_back(std::move(fragment_));
      fragment_.clear();
    }
  }

  void aac(const Bytes& payload, const OutPacket& packet, Unit& unit) {
    REQUIRE(payload.size() > 4);
    expect((payload[0] << 8 | payload[1]) == 16, "AU-headers-length");
    const std::size_t size = static_cast<std::size_t>(payload[2] << 5 | payload[3] >> 3);
    expect((payload[3] & 7) == 0, "AU-Index");
    fragment_.insert(fragment_.end(), payload.begin() + 4, payload.end());
    if (!packet.unit_end) return;
    expect(fragment_.size() == size, "AU-size");
    unit.nals.push_back(std::move(fragment_));
    fragment_.clear();
  }

  Codec codec_;
  std::optional<std::uint16_t> sequence_;
  Bytes fragment_;
};

}  // namespace rtp::testing
