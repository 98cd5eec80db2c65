// Cuts a byte stream with start codes (H.264 and H.265 annex B) into NAL units while it streams
// in. Pure, zero copy: pieces are sub-slices of what was pushed.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "rtp/slab.hpp"

namespace rtp::payload {

// Some bytes of a NAL unit, start code and trailing zeros taken off. The first piece has begin; the
// last has end and is empty, because an end is only learnt from what follows.
struct NalPiece {
  Slice bytes;
  bool begin = false;
  bool end = false;
};

class NalSplitter {
 public:
  // Appends the pieces to `out`. Up to two zero bytes are held back, when they might belong to a
  // start code. Bytes before the first start code are dropped and counted. `plain`: somebody has
  // looked already, and there is no whole start code in them.
  void push(const Slice& bytes, std::vector<NalPiece>& out, bool plain = false);
  // The stream ends here, or a unit does: closes the open NAL, forgets held zeros.
  void finish(std::vector<NalPiece>& out);
  // Forgets everything; used when bytes were lost.
  void reset();

  // What is pushed now continues a NAL unit, if nothing in it says otherwise.
  bool inside() const { return begun_ && zeros_ == 0; }
  std::uint64_t dropped_bytes() const { return dropped_bytes_; }

 private:
  std::size_t resolve_zeros(const Slice& bytes, std::vector<NalPiece>& out);
  void hold_zeros(const Slice& bytes, std::size_t zeros);
  void keep(const Slice& bytes, std::size_t at, std::size_t size, std::vector<NalPiece>& out);
  void drop_held();
  void begin_nal(std::vector<NalPiece>& out);
  void end_nal(std::vector<NalPiece>& out);

  bool in_nal_ = false;        // behind a start code
  bool begun_ = false;         // and a piece of that NAL has been given out
  std::size_t zeros_ = 0;      // that ended the newest slice; 3 stands for more
  std::array<Slice, 2> held_;  // those zeros, when they may still turn out to be content
  std::size_t held_count_ = 0;
  std::uint64_t dropped_bytes_ = 0;
};

}  // namespace rtp::payload
