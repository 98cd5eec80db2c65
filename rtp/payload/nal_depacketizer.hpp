// Takes NAL units out of RTP payloads: H.264 (RFC 6184 5.6-5.8) and H.265 (RFC 7798 4.4). The
// inverse of NalPacketizer. Pure, zero copy: what comes out are sub-slices of the payloads and, for
// start codes and the headers that fragmentation took apart, of one small slab of its own.
#pragma once

#include <cstdint>
#include <vector>

#include "rtp/media.hpp"
#include "rtp/slab.hpp"

namespace rtp::payload {

// Single NAL unit packets, aggregates (STAP-A, STAP-B, AP) and fragments (FU-A, FU) are understood,
// and the start codes that some senders leave in front. What only interleaved mode has (MTAP, FU-B;
// RFC 6184 5.7.2) and PACI is counted and dropped: no camera was seen to send it. Holds no packet.
class NalDepacketizer {
 public:
  // Bytes of a NAL unit in annex B form. The first piece of a unit is its start code, or begins
  // with it; `end` says that the unit is complete.
  struct Piece {
    Slice bytes;
    bool begin = false, end = false;
  };

  // h264 or h265.
  explicit NalDepacketizer(Codec codec);

  // The data proved to be of the other codec.
  void set_codec(Codec codec);
  Codec codec() const { return codec_; }

  // `lost_before`: packets are missing; what is left of a fragmented unit is dropped.
  void push(const Slice& payload, bool lost_before, std::vector<Piece>& out);
  bool in_fragment() const { return in_fragment_; }

  struct Counters {
    std::uint64_t nals = 0;       // begun
    std::uint64_t orphans = 0;    // fragments whose beginning is missing
    std::uint64_t broken = 0;     // fragmented units whose end is missing
    std::uint64_t malformed = 0;  // shorter than their format, or sizes that do not add up
    std::uint64_t unsupported = 0;
  };
  const Counters& counters() const { return counters_; }

 private:
  std::size_t header_bytes() const { return codec_ == Codec::h265 ? 2 : 1; }
  void take_whole(Slice&& nal, std::vector<Piece>& out);
  void take_aggregate(const Slice& units, std::vector<Piece>& out);
  void take_fragment(const Slice& payload, std::vector<Piece>& out);
  void begin_fragment(const Slice& payload, std::uint8_t type, std::vector<Piece>& out);
  void break_off();

  Codec codec_;
  bool in_fragment_ = false;
  std::uint8_t fragment_type_ = 0;
  Slice codes_;  // 00 00 01 and each value that a NAL unit may begin with
  Counters counters_;
};

}  // namespace rtp::payload
