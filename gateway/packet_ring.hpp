// A queue of packets that are known by a number that never repeats. Grows by doubling and never
// shrinks, so that a stream in steady state does not allocate.
#pragma once

#include <bit>
#include <cassert>
#include <cstdint>
#include <vector>

#include "rtp/media.hpp"

namespace gateway {

class PacketRing {
 public:
  std::uint64_t begin() const { return begin_; }
  std::uint64_t end() const { return end_; }
  std::size_t size() const { return static_cast<std::size_t>(end_ - begin_); }
  bool empty() const { return begin_ == end_; }

  // `index` is in [begin(), end()). The reference is valid until the next push_back().
  const rtp::OutPacket& operator[](std::uint64_t index) const {
    assert(index >= begin_ && index < end_);
    return slots_[index & (slots_.size() - 1)];
  }

  void push_back(rtp::OutPacket&& packet) {
    if (size() == slots_.size()) grow();
    slots_[end_ & (slots_.size() - 1)] = std::move(packet);
    ++end_;
  }

  // Drops the oldest and lets go of its memory.
  void pop_front() {
    assert(!empty());
    auto& packet = slots_[begin_ & (slots_.size() - 1)];
    for (auto& slice : packet.slices) slice = {};
    ++begin_;
  }

 private:
  void grow() {
    std::vector<rtp::OutPacket> larger(slots_.empty() ? 64 : 2 * slots_.size());
    for (auto i = begin_; i < end_; ++i)
      larger[i & (larger.size() - 1)] = std::move(slots_[i & (slots_.size() - 1)]);
    slots_ = std::move(larger);
  }

  std::vector<rtp::OutPacket> slots_;  // a power of two of them
  std::uint64_t begin_ = 0, end_ = 0;
};

}  // namespace gateway
