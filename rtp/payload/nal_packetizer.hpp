// What the RTP payload formats of H.264 (RFC 6184) and H.265 (RFC 7798) have in common: single NAL
// unit packets and fragmentation units, cut through. The two differ in their Rules.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "rtp/media.hpp"
#include "rtp/payload/nal_splitter.hpp"
#include "rtp/payload/packet_writer.hpp"

namespace rtp::payload {

// What a NAL unit is to a packetizer.
enum class NalRole : std::uint8_t {
  dropped,  // AUD, filler, types that cannot be sent
  vps,
  sps,
  pps,
  prefix,   // belongs in front of a picture (SEI, ...)
  picture,  // a coded slice
  suffix,   // may follow one
};

// Rules supplies: header_bytes (1 or 2), fu_header_bytes (beyond the NAL header's replacement),
// role(first byte), starts_with_intra(first bytes) and write_fu().
template <class Rules>
class NalPacketizer {
 public:
  explicit NalPacketizer(const PacketizerConfig& config);

  void push(const EsChunk& chunk, std::int64_t arrival_ns, std::vector<OutPacket>& out);
  const ParameterSets& parameter_sets() const { return sets_; }
  std::uint32_t version() const { return version_; }
  bool ready() const;
  void describe(Track& track) const;
  std::uint16_t next_sequence() const { return writer_.next_sequence(); }
  const PacketizerCounters& counters() const { return writer_.counters; }

 private:
  struct Nal {
    NalRole role = NalRole::dropped;
    bool header_known = false;
    bool fragmented = false;  // its first fragment has been formed
    std::uint8_t header[3] = {};
    std::uint8_t header_size = 0;
    std::uint64_t bytes = 0;
  };

  void begin_unit(const EsChunk& chunk);
  void end_unit(std::vector<OutPacket>& out);
  void abandon_unit(std::vector<OutPacket>& out);
  void take(const NalPiece& piece, std::vector<OutPacket>& out);
  void begin_nal();
  void collect_header(Slice& bytes);
  void know_header();
  void add(const Slice& bytes);
  void end_nal();
  void form_fragment(bool last);
  void form_single();
  void learn(std::span<const std::uint8_t> bytes);
  void learnt();
  void decide(std::vector<OutPacket>& out);
  void insert_sets();
  void release(std::vector<OutPacket>& out, std::size_t keep, bool marker);
  OutPacket begin_packet(std::span<const std::uint8_t> payload_header) const;

  PacketWriter writer_;
  NalSplitter splitter_;
  std::vector<NalPiece> pieces_;   // reused
  std::vector<OutPacket> formed_;  // packets that may not leave yet
  OutPacket piece_;                // NAL bytes that are in no packet yet, as slices
  Nal nal_;
  std::vector<std::uint8_t> scratch_;  // the parameter set that is being learnt
  ParameterSets sets_;
  std::uint32_t version_ = 0;
  bool in_unit_ = false, skipping_ = false, decided_ = false, key_ = false, first_out_ = true;
  bool seen_vps_ = false, seen_sps_ = false, seen_pps_ = false, saw_picture_ = false;
  std::int64_t pts_90khz_ = 0;
  std::int64_t arrival_ns_ = 0;
};

}  // namespace rtp::payload
