// Reads the bits of a NAL unit's RBSP: emulation prevention bytes (00 00 03) are passed over, ue(v)
// and se(v) are Exp-Golomb codes (H.264 9.1). Past the end it yields zeros and good() is false.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace rtp::payload {

class BitReader {
 public:
  explicit BitReader(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}

  bool good() const { return good_; }

  std::uint32_t bit() {
    if (bits_left_ == 0 && !next_byte()) return 0;
    --bits_left_;
    return (current_ >> bits_left_) & 1u;
  }
  bool flag() { return bit() != 0; }

  std::uint32_t bits(int count) {  // at most 32
    std::uint32_t value = 0;
    for (; count > 0; --count) value = (value << 1) | bit();
    return value;
  }
  void skip(int count) {
    for (; count > 0; --count) bit();
  }

  std::uint32_t ue() {
    int zeros = 0;
    while (good_ && !bit()) ++zeros;
    if (zeros > 31) good_ = false;
    return good_ ? (1u << zeros) - 1 + bits(zeros) : 0;
  }
  std::int32_t se() {
    const std::uint32_t code = ue();
    const auto half = static_cast<std::int32_t>((code >> 1) + (code & 1));
    return code & 1 ? half : -half;
  }

 private:
  bool next_byte() {
    if (zeros_ >= 2 && at_ < bytes_.size() && bytes_[at_] == 3) {
      ++at_;
      zeros_ = 0;
    }
    if (at_ >= bytes_.size()) return good_ = false;
    current_ = bytes_[at_++];
    zeros_ = current_ == 0 ? zeros_ + 1 : 0;
    bits_left_ = 8;
    return true;
  }

  std::span<const std::uint8_t> bytes_;
  std::size_t at_ = 0;
  std::uint32_t current_ = 0;
  int bits_left_ = 0;
  int zeros_ = 0;
  bool good_ = true;
};

}  // namespace rtp::payload
