// Whether bytes are text (RFC 3629): a WebSocket text message must be.
#pragma once

#include <cstddef>
#include <string_view>

namespace sip::net {

constexpr bool is_utf8(std::string_view bytes) {
  const auto at = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
  for (std::size_t i = 0; i < bytes.size();) {
    const unsigned lead = at(i);
    const std::size_t more = lead < 0x80    ? 0
                             : lead < 0xC2  ? 4  // a continuation, or longer than needed
                             : lead < 0xE0  ? 1
                             : lead < 0xF0  ? 2
                             : lead <= 0xF4 ? 3
                                            : 4;
    if (more == 4 || bytes.size() - i <= more) return false;
    unsigned code = more == 0 ? lead : lead & (0x3Fu >> more);
    for (std::size_t k = 1; k <= more; ++k) {
      if ((at(i + k) & 0xC0) != 0x80) return false;
      code = code << 6 | (at(i + k) & 0x3Fu);
    }
    const bool surrogate = code >= 0xD800 && code <= 0xDFFF;
    if ((more == 2 && code < 0x800) || (more == 3 && code < 0x10000) || surrogate ||
        code > 0x10FFFF)
      return false;
    i += more + 1;
  }
  return true;
}
static_assert(is_utf8("SIP/2.0 200 \xE5\xA5\xBD\r\n") && !is_utf8("\xC0\xAF") && !is_utf8("\xE5"));

}  // namespace sip::net
