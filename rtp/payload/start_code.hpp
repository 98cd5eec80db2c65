// The search for 00 00 01, which MPEG systems and H.264/H.265 byte streams share. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace rtp::payload {

// Offset of the first 00 00 01 at or after `from`; bytes.size() when there is none.
std::size_t find_start_code(std::span<const std::uint8_t> bytes, std::size_t from = 0);

}  // namespace rtp::payload
