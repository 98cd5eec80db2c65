// What the RTP payload formats of H.264 (RFC 6184) and H.265 (RFC 7798) have in common: single NAL
// unit packets and fragmentation units, cut through. The two differ in their Rules.
#pragma once

#include <array>
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
  picture,  // a coded slice
  other,    // SEI, ...: sent as it is
};

// Nothing of a unit leaves before its first slice header is there, because every packet says
// whether its unit is a random access point (IDR/IRAP; H.264 also SPS + PPS + an I slice). From
// then on a packet leaves as soon as it is full or its NAL has ended; the last one waits for the
// unit's end, for its marker bit. A unit without any picture is learnt from and not sent.
//
// A unit that lost bytes stops where they are missing: no further packet, no marker, no unit_end.
//
// Rules supplies: codec, nal_header_bytes, decide_bytes (how much of a NAL tells its role and
// kind), fu_header_bytes, role(), is_random_access(), is_intra(), write_fu_header(), complete().
template <class Rules>
class NalPacketizer {
 public:
  explicit NalPacketizer(const PacketizerConfig& config);

  void push(const EsChunk& chunk, std::int64_t arrival_ns, std::vector<OutPacket>& out);
  // The shortest way of bytes in the middle of a NAL unit that is sent in fragments; when
  // takes_more(), which what was pushed last decides. The last byte is not 0, and none begins a
  // start code.
  bool takes_more() const {
    return decided_ && nal_.fragmented && nal_.to_skip == 0 && !skipping_ && in_unit_ &&
           splitter_.inside();
  }
  void take_more(const Slice& bytes, std::int64_t arrival_ns, std::vector<OutPacket>& out);
  const ParameterSets& parameter_sets() const { return sets_; }
  std::uint32_t version() const { return version_; }
  bool ready() const;
  void describe(Track& track) const;
  std::uint16_t next_sequence() const { return writer_.next_sequence(); }
  const PacketizerCounters& counters() const { return writer_.counters; }

 private:
  static constexpr std::size_t max_set_bytes = 1024;        // of a parameter set
  static constexpr std::size_t max_waiting_packets = 1024;  // in front of the first slice

  struct Nal {
    bool open = false;
    bool known = false;  // its role is known
    NalRole role = NalRole::dropped;
    std::array<std::uint8_t, 4> head{};
    std::uint8_t head_size = 0;
    std::uint8_t to_skip = 0;  // bytes of the NAL header that fragments do not repeat
    bool fragmented = false, first_fragment = true;
  };
  // A parameter set as it was last seen.
  struct Learnt {
    bool in_unit = false;
    Slice nal;
  };

  void begin_unit(const EsChunk& chunk);
  void end_unit();
  void abandon_unit();
  void take(const NalPiece& piece);
  void read_head(const Slice& bytes);
  void know_nal();
  void add(Slice bytes);
  void add_to_fragment(Slice bytes);
  bool fills_up(const Slice& bytes) const;
  void begin_fragments();
  void form_fragment(bool last);
  void fill(OutPacket& packet, std::span<const std::uint8_t> payload_header);
  void send_fragment(std::span<const std::uint8_t> payload_header);
  void send(OutPacket&& packet, bool unit_end);
  void split_only_fragment();
  void form_single();
  void end_nal();
  void learn();
  void decide();
  void insert_sets();
  void release(bool unit_ends);
  void form(std::span<const std::uint8_t> payload_header);
  std::uint32_t timestamp() const;
  // What came so far belongs to a fragment that something follows.
  bool sends_nal() const { return nal_.open && nal_.known && nal_.role != NalRole::dropped; }

  PacketWriter writer_;
  NalSplitter splitter_;
  std::vector<NalPiece> pieces_;           // reused
  std::vector<OutPacket>* out_ = nullptr;  // during a call
  std::vector<OutPacket> formed_;          // packets that may not leave yet
  OutPacket held_;                         // slices of the open NAL that are in no packet yet
  std::size_t held_bytes_ = 0;
  Nal nal_;
  std::vector<std::uint8_t> set_bytes_;  // the parameter set that is coming in
  ParameterSets sets_;
  std::array<Learnt, 3> learnt_;  // vps, sps, pps
  std::uint32_t version_ = 0;
  bool in_unit_ = false, skipping_ = false;
  bool decided_ = false, key_ = false, any_sent_ = false;
  std::int64_t pts_90khz_ = 0;
  std::int64_t arrival_ns_ = 0;
};

}  // namespace rtp::payload
