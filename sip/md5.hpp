// MD5 (RFC 1321), for digest authentication, where it is what devices speak: some ten short hashes
// a login, for which libcrypto's setting up costs more than the hashing.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sip {

class Md5 {
 public:
  using Bytes = std::array<std::uint8_t, 16>;

  Md5& add(std::string_view text);
  // Ends the hash.
  [[nodiscard]] Bytes finish();

 private:
  void block(const char* at);

  std::array<std::uint32_t, 4> state_ = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};
  std::uint64_t size_ = 0;
  std::array<char, 64> tail_;  // size_ % 64 of it
};

}  // namespace sip
