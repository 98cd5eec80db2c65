#include "rtp/payload/start_code.hpp"

#include <cstring>

namespace rtp::payload {

// memchr looks at 16 to 32 bytes per cycle, and 01 is no more frequent in coded media than any
// other byte.
std::size_t find_start_code(std::span<const std::uint8_t> bytes, std::size_t from) {
  const std::uint8_t* const begin = bytes.data();
  std::size_t at = from + 2;
  while (at < bytes.size()) {
    const void* one = std::memchr(begin + at, 1, bytes.size() - at);
    if (!one) break;
    at = static_cast<std::size_t>(static_cast<const std::uint8_t*>(one) - begin);
    if (begin[at - 1] == 0 && begin[at - 2] == 0) return at - 2;
    ++at;
  }
  return bytes.size();
}

}  // namespace rtp::payload
