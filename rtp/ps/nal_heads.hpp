// Finds where NAL units begin in a byte stream that comes in slices, and their first bytes, even
// across slices. Internal to rtp/ps.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "rtp/slab.hpp"

namespace rtp::ps {

// All bytes come out again, in order. Held back at the end of a slice are at most the bytes that
// may be a start code and a head.
class NalHeads {
 public:
  static constexpr std::size_t max_head_bytes = 3;
  struct Item {
    Slice bytes;                                      // with is_nal: from its start code on
    bool is_nal = false;                              // else they continue what came before
    std::array<std::uint8_t, max_head_bytes> head{};  // of the NAL unit
  };

  void set_head_bytes(std::size_t count) { head_bytes_ = count; }
  void push(const Slice& bytes, std::vector<Item>& out);
  // Gives out what is held.
  void flush(std::vector<Item>& out);
  void drop();
  bool holds() const { return held_count_ > 0; }

 private:
  static constexpr std::size_t start_code_bytes = 3;

  void scan(const Slice& bytes, std::size_t from, std::vector<Item>& out);
  void feed(Slice&& byte, std::vector<Item>& out);
  void complete(std::vector<Item>& out);
  void hold(const Slice& bytes);
  std::uint8_t held(std::size_t index) const { return *held_[index].data; }

  std::size_t head_bytes_ = max_head_bytes;
  std::array<Slice, start_code_bytes + max_head_bytes> held_;  // one byte each
  std::size_t held_count_ = 0;
};

}  // namespace rtp::ps
