#include "sip/keyed_hash.hpp"

#include <bit>
#include <cstring>

#include "sip/simd.hpp"

namespace sip {

static_assert(std::endian::native == std::endian::little, "words are read as they lie in memory");

namespace {

// Of a copy of the state: it stays in registers while many words go through it.
inline void round(KeyedHash::State& v) {
  v.v0 += v.v1;
  v.v1 = std::rotl(v.v1, 13) ^ v.v0;
  v.v0 = std::rotl(v.v0, 32);
  v.v2 += v.v3;
  v.v3 = std::rotl(v.v3, 16) ^ v.v2;
  v.v0 += v.v3;
  v.v3 = std::rotl(v.v3, 21) ^ v.v0;
  v.v2 += v.v1;
  v.v1 = std::rotl(v.v1, 17) ^ v.v2;
  v.v2 = std::rotl(v.v2, 32);
}

inline void compress(KeyedHash::State& v, std::uint64_t word) {
  v.v3 ^= word;
  round(v);
  round(v);
  v.v0 ^= word;
}

}  // namespace

KeyedHash::KeyedHash(const HashKey& key)
    : state_{key.k0 ^ 0x736f6d6570736575u, key.k1 ^ 0x646f72616e646f6du,
             key.k0 ^ 0x6c7967656e657261u, key.k1 ^ 0x7465646279746573u} {}

// The last bytes, fewer than eight.
void KeyedHash::push(std::uint64_t bytes, unsigned count) {
  total_ += count;
  tail_ |= bytes << (8 * tail_bytes_);
  const auto filled = tail_bytes_ + count;
  if (filled < 8) {
    tail_bytes_ = filled;
    return;
  }
  compress(state_, tail_);
  tail_ = tail_bytes_ == 0 ? 0 : bytes >> (8 * (8 - tail_bytes_));
  tail_bytes_ = filled - 8;
}

KeyedHash& KeyedHash::add(std::string_view text) {
  auto v = state_;
  const auto shift = 8 * tail_bytes_;
  total_ += text.size() & ~std::size_t{7};
  std::uint64_t word = 0;
  for (; text.size() >= 8; text.remove_prefix(8)) {
    std::memcpy(&word, text.data(), 8);
    compress(v, tail_ | word << shift);
    tail_ = shift == 0 ? 0 : word >> (64 - shift);
  }
  state_ = v;
  const auto rest = static_cast<unsigned>(text.size());
  word = rest == 0 ? 0 : simd::Block::load_word(text.data(), rest);
  push(word | std::uint64_t{0xff} << (8 * rest), rest + 1);  // 0xff: in no UTF-8 text
  return *this;
}

KeyedHash& KeyedHash::add(std::uint64_t number) {
  push(number, 8);
  return *this;
}

std::uint64_t KeyedHash::finish() {
  auto v = state_;
  compress(v, tail_ | total_ << 56);
  v.v2 ^= 0xff;
  for (int i = 0; i < 4; ++i) round(v);
  return v.v0 ^ v.v1 ^ v.v2 ^ v.v3;
}

}  // namespace sip
