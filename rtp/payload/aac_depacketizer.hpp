// Takes AAC frames out of RTP payloads: RFC 3640, mode AAC-hbr (sizeLength 13, indexLength 3),
// which GB/T 28181-2022 annex C prescribes. Pure; of the frames not a byte is copied.
#pragma once

#include <cstdint>
#include <vector>

#include "rtp/payload/aac.hpp"
#include "rtp/slab.hpp"

namespace rtp::payload {

class AacDepacketizer {
 public:
  // A part of a frame; the first one is an ADTS header that was made for it.
  struct Piece {
    Slice bytes;
    std::uint32_t frame = 0;  // in the packet: its time is so many frames behind the RTP timestamp
    bool begin = false, end = false;
  };
  static constexpr std::size_t max_frames = 64;  // in a packet; more are dropped

  // What the frames are; a payload does not tell.
  explicit AacDepacketizer(const AdtsHeader& format) : format_(format) {}

  // Appends the pieces. False: the payload could not be read, or a fragment lacks what came before.
  bool push(const Slice& payload, bool lost_before, std::vector<Piece>& out);

 private:
  bool take_fragment(const Slice& bytes, std::size_t size, std::vector<Piece>& out);
  Slice header_for(std::size_t raw_bytes);

  AdtsHeader format_;
  std::size_t missing_ = 0;  // of a frame that lies in several packets
  SlabRef headers_;          // a slab serves for many frames
  std::size_t headers_used_ = 0;
};

}  // namespace rtp::payload
