// A fast hash with a secret seed, for tables and fingerprints that are never shown to anybody.
// Where others see the value, or may try to forge it, KeyedHash is the one.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

namespace sip {

__extension__ using Wide = unsigned __int128;

[[nodiscard]] inline std::uint64_t mixed_hash(std::string_view text, std::uint64_t seed) {
  std::uint64_t h = seed ^ (text.size() * 0x9e3779b97f4a7c15u);
  const auto mix = [&h](std::uint64_t word) {
    const auto product = static_cast<Wide>(h ^ word) * 0xd6e8feb86659fd93u;
    h = static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
  };
  std::uint64_t word = 0;
  for (; text.size() >= 8; text.remove_prefix(8)) {
    std::memcpy(&word, text.data(), 8);
    mix(word ^ seed);
  }
  word = 0;
  if (!text.empty()) std::memcpy(&word, text.data(), text.size());
  mix(word + 1);
  mix(seed);
  return h;
}

}  // namespace sip
