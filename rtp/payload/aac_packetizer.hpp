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

// ADTS frames may lie anywhere in the chunks. Timestamps count samples; they are set to the PTS
// again when they differ from it by more than 100 ms.
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
  void begin_unit(const EsChunk& chunk);
  Slice take_header(const Slice& bytes);
  void begin_frame(const AdtsHeader& header);
  Slice take_body(const Slice& bytes);
  void add_slice(const Slice& bytes);
  void end_frame(std::vector<OutPacket>& out);
  void lose_sync();

  PacketWriter writer_;
  ParameterSets sets_;
  AdtsHeader format_{};  // of the newest frame
  std::uint32_t version_ = 0;
  std::array<std::uint8_t, 9> header_{};
  std::size_t header_size_ = 0;
  std::array<Slice, 16> body_;
  std::size_t body_count_ = 0;
  std::size_t body_missing_ = 0;
  std::optional<std::int64_t> pts_pending_;  // of the unit whose first frame has not begun
  std::int64_t samples_ = 0;                 // of the next frame, in the track's clock
  bool samples_known_ = false, resync_ = false;
  std::int64_t arrival_ns_ = 0;
};

}  // namespace rtp::payload
