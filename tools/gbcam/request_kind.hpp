// Whose request it was, packed into the user_data that comes back with its end.
#pragma once

#include <cstdint>

namespace gbcam {

enum class RequestKind : std::uint8_t { register_, keepalive, response };

struct RequestTag {
  RequestKind kind = RequestKind::response;
  std::uint32_t device = 0;

  std::uint64_t pack() const {
    return std::uint64_t{device} << 8 | static_cast<std::uint8_t>(kind);
  }
  static RequestTag unpack(std::uint64_t value) {
    return {static_cast<RequestKind>(value & 0xff), static_cast<std::uint32_t>(value >> 8)};
  }
};

}  // namespace gbcam
