#include "sip/random.hpp"

#include <bit>

namespace sip {
namespace {

using Block = std::array<std::uint32_t, 16>;

// RFC 8439 2.1
void quarter_round(Block& s, std::size_t a, std::size_t b, std::size_t c, std::size_t d) {
  s[a] += s[b];
  s[d] = std::rotl(s[d] ^ s[a], 16);
  s[c] += s[d];
  s[b] = std::rotl(s[b] ^ s[c], 12);
  s[a] += s[b];
  s[d] = std::rotl(s[d] ^ s[a], 8);
  s[c] += s[d];
  s[b] = std::rotl(s[b] ^ s[c], 7);
}

void double_round(Block& s) {
  quarter_round(s, 0, 4, 8, 12);
  quarter_round(s, 1, 5, 9, 13);
  quarter_round(s, 2, 6, 10, 14);
  quarter_round(s, 3, 7, 11, 15);
  quarter_round(s, 0, 5, 10, 15);
  quarter_round(s, 1, 6, 11, 12);
  quarter_round(s, 2, 7, 8, 13);
  quarter_round(s, 3, 4, 9, 14);
}

}  // namespace

void Random::refill() {
  const auto n = block_number_++;
  const Block start = {0x61707865,
                       0x3320646e,
                       0x79622d32,
                       0x6b206574,
                       seed_[0],
                       seed_[1],
                       seed_[2],
                       seed_[3],
                       seed_[4],
                       seed_[5],
                       seed_[6],
                       seed_[7],
                       static_cast<std::uint32_t>(n),
                       static_cast<std::uint32_t>(n >> 32),
                       0,
                       0};
  block_ = start;
  for (int i = 0; i < 10; ++i) double_round(block_);
  for (std::size_t i = 0; i < block_.size(); ++i) block_[i] += start[i];
  used_ = 0;
}

std::uint32_t Random::next() {
  if (used_ == block_.size()) refill();
  return block_[used_++];
}

void Random::append_hex(std::string& out, std::size_t bytes) {
  static constexpr char digits[] = "0123456789abcdef";
  std::uint32_t word = 0;
  for (std::size_t i = 0; i < bytes; ++i, word >>= 8) {
    if (i % 4 == 0) word = next();
    out += digits[(word >> 4) & 15];
    out += digits[word & 15];
  }
}

std::string Random::hex(std::size_t bytes) {
  std::string out;
  append_hex(out, bytes);
  return out;
}

}  // namespace sip
