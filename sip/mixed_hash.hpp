// A fast hash with a secret seed, for tables and fingerprints that are never shown to anybody.
// Where others see the value, or may try to forge it, KeyedHash is the one.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

#include "sip/simd.hpp"

namespace sip {

__extension__ using Wide = unsigned __int128;

[[nodiscard]] inline std::uint64_t folded_product(std::uint64_t a, std::uint64_t b) {
  const auto product = static_cast<Wide>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

// One multiplication for sixteen bytes. What is multiplied is mixed with the seed on both sides: no
// text can be chosen that makes it zero.
[[nodiscard]] inline std::uint64_t mixed_hash(std::string_view text, std::uint64_t seed) {
  const auto secret = seed * 0xd6e8feb86659fd93u ^ 0x9e3779b97f4a7c15u;
  const auto word = [](const char* at) {
    std::uint64_t w = 0;
    std::memcpy(&w, at, sizeof w);
    return w;
  };
  const auto mixed = [&](std::uint64_t h, const char* at) {
    return folded_product(word(at) ^ secret, word(at + 8) ^ h);
  };
  const char* at = text.data();
  auto left = text.size();
  auto h = seed ^ left * 0x9e3779b97f4a7c15u;
  if (left >= 64) {  // a message: four at once, they do not wait for each other
    auto a = h, b = h + 1, c = h + 2, d = h + 3;
    for (; left >= 64; at += 64, left -= 64) {
      a = mixed(a, at), b = mixed(b, at + 16);
      c = mixed(c, at + 32), d = mixed(d, at + 48);
    }
    h = folded_product(a ^ secret, b) ^ folded_product(c ^ seed, d ^ secret);
  }
  for (; left >= 16; at += 16, left -= 16) h = mixed(h, at);
  if (left >= 8)
    h = folded_product(word(at) ^ secret, word(at + left - 8) ^ h);
  else if (left > 0)
    h = folded_product(simd::Block::load_word(at, left) ^ secret, h);
  return folded_product(h ^ secret, seed ^ 0xa0761d6478bd642fu);
}

}  // namespace sip
