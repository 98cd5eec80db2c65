// The part that all packetizers share: their configuration and counters, and the head of an
// OutPacket (interleaved prefix, RTP fixed header RFC 3550 5.1). Pure.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "rtp/media.hpp"

namespace rtp::payload {

struct PacketizerConfig {
  std::uint8_t track = 0;
  std::uint8_t payload_type = 96;
  std::uint32_t ssrc = 0;
  std::uint16_t first_sequence = 0;
  std::uint32_t timestamp_offset = 0;      // RTP timestamp = offset + PTS in the track's clock
  std::uint32_t max_payload_bytes = 1400;  // RTP payload, payload header included; at least 64
  std::uint32_t clock_rate_hz = 0;         // of G.711; 0 = 8000
};

struct PacketizerCounters {
  std::uint64_t packets = 0, bytes = 0, units = 0, keys = 0;
  std::uint64_t damaged_units = 0;    // cut off, or dropped whole, for lost bytes
  std::uint64_t dropped_nals = 0;     // AUD, filler, headers that make no sense
  std::uint64_t dropped_bytes = 0;    // between frames, in no NAL
  std::uint64_t sets_inserted = 0;    // key units that got parameter sets put in front
  std::uint64_t copied_bytes = 0;     // frames in too many pieces to be sent as slices
  std::uint64_t timestamp_jumps = 0;  // audio: sample count set to the PTS again
};

// Numbers packets and writes their heads. Sequence numbers are given at seal(), in the order of
// sending.
class PacketWriter {
 public:
  explicit PacketWriter(const PacketizerConfig& config);

  // Starts a packet of the unit, a new one: payload header only, slices are still to be added.
  void begin(OutPacket& packet, std::uint32_t timestamp, std::int64_t pts_90khz,
             std::span<const std::uint8_t> payload_header) const;
  // Completes it: sizes, sequence number, marker bit. It is not to be changed afterwards.
  void seal(OutPacket& packet, bool marker);

  std::uint16_t next_sequence() const { return sequence_; }
  const PacketizerConfig& config() const { return config_; }
  PacketizerCounters counters;

 private:
  void join(OutPacket& packet) const;

  PacketizerConfig config_;
  std::array<std::uint8_t, OutPacket::prefix_size + 12> head_{};  // what all packets have alike
  std::uint16_t sequence_;
};

// Adds a slice behind the others, or to the last one when it continues it in memory. False, and
// nothing done, when there is no room for another slice.
bool append(OutPacket& packet, const Slice& bytes);
std::size_t payload_bytes(const OutPacket& packet);  // of its slices

}  // namespace rtp::payload
