// RTP payload of G.711 A-law and mu-law, RFC 3551 4.5.14: bytes as they are, one channel.
#pragma once

#include <cstdint>
#include <vector>

#include "rtp/media.hpp"
#include "rtp/payload/packet_writer.hpp"

namespace rtp::payload {

// A unit leaves as one packet, or as several of max_payload_bytes. Timestamps count samples; they
// are set to the PTS again when they differ from it by more than 100 ms. Packets of audio never say
// key, and never have the marker bit.
class G711Packetizer {
 public:
  G711Packetizer(Codec codec, const PacketizerConfig& config);

  void push(const EsChunk& chunk, std::int64_t arrival_ns, std::vector<OutPacket>& out);
  const ParameterSets& parameter_sets() const { return sets_; }
  std::uint32_t version() const { return 0; }
  bool ready() const { return true; }
  void describe(Track& track) const;
  std::uint16_t next_sequence() const { return writer_.next_sequence(); }
  const PacketizerCounters& counters() const { return writer_.counters; }

 private:
  void begin_unit(const EsChunk& chunk, std::vector<OutPacket>& out);
  void send(bool unit_end, std::vector<OutPacket>& out);

  PacketWriter writer_;
  ParameterSets sets_;  // always empty
  Codec codec_;
  std::uint32_t clock_rate_hz_;
  OutPacket packet_;  // the slices that have not left yet
  bool first_of_unit_ = true, lost_ = false;
  std::int64_t samples_ = 0;  // time of the next byte
  bool samples_known_ = false;
  std::int64_t arrival_ns_ = 0;
};

}  // namespace rtp::payload
