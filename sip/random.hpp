// Random text for tags, branches and Call-IDs (RFC 3261 19.3 asks for 32 bits that nobody can
// guess). The ChaCha20 stream of a seed: pure, and a test with a fixed seed repeats itself.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

namespace sip {

// 256 bits from which all randomness comes. The shell takes them from the system's random source; a
// test gives its own and gets the same messages every time.
using Seed = std::array<std::uint32_t, 8>;

class Random {
 public:
  explicit Random(const Seed& seed) : seed_(seed) {}

  std::uint32_t next();
  // Appends 2 * `bytes` lower-case hex digits.
  void append_hex(std::string& out, std::size_t bytes);
  std::string hex(std::size_t bytes);

 private:
  void refill();

  Seed seed_;
  std::uint64_t block_number_ = 0;
  std::array<std::uint32_t, 16> block_{};
  std::size_t used_ = 16;
};

}  // namespace sip
