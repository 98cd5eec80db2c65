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

  // The slots that the next calls will touch were last used some seconds ago: they are fetched
  // while the caller does something else.
  void expect_push() const {
    if (size() < slots_.size()) expect(slots_[end_ & (slots_.size() - 1)]);
  }
  void expect_pop() const {
    if (size() < 2) return;
    const auto& next = slots_[(begin_ + 1) & (slots_.size() - 1)];
    expect(next);
  }

  // Drops the oldest and lets go of its memory.
  void pop_front() {
    assert(!empty());
    auto& packet = slots_[begin_ & (slots_.size() - 1)];
    for (std::size_t i = 0; i < packet.slice_count; ++i) packet.slices[i].owner = {};
    ++begin_;
  }

 private:
  static void expect(const rtp::OutPacket& packet) {
    const auto* const bytes = reinterpret_cast<const char*>(&packet);
    for (std::size_t at = 0; at < sizeof packet; at += 64) __builtin_prefetch(bytes + at, 1);
  }

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
