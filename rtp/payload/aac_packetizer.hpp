// RTP payload format for AAC, RFC 3640 mode AAC-hbr, one frame per packet, from ADTS frames
// (ISO 13818-7 6.2).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "rtp/media.hpp"
#include "rtp/payload/aac.hpp"
#include "rtp/payload/packet_writer.hpp"

namespace rtp::payload {

// ADTS frames may lie anywhere in the chunks; a unit's PTS is that of the first frame that begins
// in it. Timestamps count samples; they are set to the PTS again when they differ from it by more
// than 100 ms. A frame is sent when it is complete; in more than three pieces it is copied. Packets
// of audio never say key.
class AacPacketizer {
 public:
  explicit AacPacketizer(const PacketizerConfig& config);

  void push(const EsChunk& chunk, std::int64_t arrival_ns, std::vector<OutPacket>& out);
  const ParameterSets& parameter_sets() const { return sets_; }
  std::uint32_t version() const { return version_; }
  bool ready() const { return !sets_.config.empty(); }
  void describe(Track& track) const;
  std::uint16_t next_sequence() const { return writer_.next_sequence(); }
  const PacketizerCounters& counters() const { return writer_.counters; }

 private:
  void lose_sync();
  Slice take_header(const Slice& bytes);
  Slice take_body(const Slice& bytes, std::vector<OutPacket>& out);
  void begin_frame(const AdtsHeader& header);
  void set_clock(std::int64_t pts_90khz);
  void add(const Slice& bytes);
  void end_frame(std::vector<OutPacket>& out);
  void send(OutPacket&& packet, bool last, std::vector<OutPacket>& out);

  PacketWriter writer_;
  ParameterSets sets_;
  AdtsHeader format_{};  // of the newest frame
  std::uint32_t version_ = 0;
  std::array<std::uint8_t, adts_header_bytes> header_{};  // as far as it has come in
  std::size_t header_size_ = 0;
  OutPacket frame_;                        // the slices of the frame that is coming in
  std::size_t to_skip_ = 0, missing_ = 0;  // of it: CRC, raw bytes
  std::optional<std::int64_t> unit_pts_;   // until the unit's first frame begins
  std::int64_t samples_ = 0;               // time of the next frame
  bool samples_known_ = false, lost_ = false, synced_ = false;
  bool first_of_unit_ = true;
  std::int64_t arrival_ns_ = 0;
};

}  // namespace rtp::payload
