#include "sip/keyed_hash.hpp"

#include <bit>
#include <cstring>

namespace sip {

static_assert(std::endian::native == std::endian::little, "words are read as they lie in memory");

KeyedHash::KeyedHash(const HashKey& key)
    : v0_(key.k0 ^ 0x736f6d6570736575u),
      v1_(key.k1 ^ 0x646f72616e646f6du),
      v2_(key.k0 ^ 0x6c7967656e657261u),
      v3_(key.k1 ^ 0x7465646279746573u) {}

void KeyedHash::round() {
  v0_ += v1_;
  v1_ = std::rotl(v1_, 13) ^ v0_;
  v0_ = std::rotl(v0_, 32);
  v2_ += v3_;
  v3_ = std::rotl(v3_, 16) ^ v2_;
  v0_ += v3_;
  v3_ = std::rotl(v3_, 21) ^ v0_;
  v2_ += v1_;
  v1_ = std::rotl(v1_, 17) ^ v2_;
  v2_ = std::rotl(v2_, 32);
}

void KeyedHash::compress(std::uint64_t word) {
  v3_ ^= word;
  round();
  round();
  v0_ ^= word;
}

void KeyedHash::push(std::uint64_t bytes, unsigned count) {
  total_ += count;
  tail_ |= bytes << (8 * tail_bytes_);
  const auto filled = tail_bytes_ + count;
  if (filled < 8) {
    tail_bytes_ = filled;
    return;
  }
  compress(tail_);
  tail_ = tail_bytes_ == 0 ? 0 : bytes >> (8 * (8 - tail_bytes_));
  tail_bytes_ = filled - 8;
}

KeyedHash& KeyedHash::add(std::string_view text) {
  std::uint64_t word = 0;
  for (; text.size() >= 8; text.remove_prefix(8)) {
    std::memcpy(&word, text.data(), 8);
    push(word, 8);
  }
  word = 0;
  if (!text.empty()) std::memcpy(&word, text.data(), text.size());
  const auto rest = static_cast<unsigned>(text.size());
  push(word | std::uint64_t{0xff} << (8 * rest), rest + 1);  // 0xff: in no UTF-8 text
  return *this;
}

KeyedHash& KeyedHash::add(std::uint64_t number) {
  push(number, 8);
  return *this;
}

std::uint64_t KeyedHash::finish() {
  compress(tail_ | total_ << 56);
  v2_ ^= 0xff;
  for (int i = 0; i < 4; ++i) round();
  return v0_ ^ v1_ ^ v2_ ^ v3_;
}

}  // namespace sip
