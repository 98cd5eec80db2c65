// RTP sequence numbers: 16 bits that wrap (RFC 3550 A.1). Pure.
#pragma once

#include <cstdint>

namespace rtp {

// How far `to` is ahead of `from`: -32768 .. 32767.
constexpr std::int16_t sequence_distance(std::uint16_t from, std::uint16_t to) {
  return static_cast<std::int16_t>(static_cast<std::uint16_t>(to - from));
}
constexpr bool sequence_before(std::uint16_t a, std::uint16_t b) {
  return sequence_distance(a, b) > 0;
}

// Turns sequence numbers into a count that does not wrap. The first one keeps its value; each
// later one is taken as the nearest to the highest so far.
class ExtendedSequence {
 public:
  std::uint64_t extend(std::uint16_t sequence) {
    if (!started_) {
      started_ = true;
      return highest_ = sequence;
    }
    const auto distance = sequence_distance(static_cast<std::uint16_t>(highest_), sequence);
    if (distance > 0) return highest_ += static_cast<std::uint64_t>(distance);
    const auto back = static_cast<std::uint64_t>(-static_cast<std::int32_t>(distance));
    // Older than the very first: there is no earlier cycle to count.
    return back > highest_ ? sequence : highest_ - back;
  }
  std::uint64_t highest() const { return highest_; }
  bool started() const { return started_; }
  void reset() { *this = {}; }

 private:
  std::uint64_t highest_ = 0;
  bool started_ = false;
};

}  // namespace rtp
