// H.265 (ISO 23008-2) as far as a relay must read it: NAL types, SPS. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>

namespace rtp::payload::h265 {

// nal_unit_type, table 7-1
enum NalType : std::uint8_t {
  first_irap = 16,
  last_irap = 23,
  last_picture = 31,
  vps = 32,
  sps = 33,
  pps = 34,
  aud = 35,
  end_of_sequence = 36,
  end_of_bitstream = 37,
  filler = 38,
  prefix_sei = 39,
  suffix_sei = 40,
  fu = 49,
};

constexpr std::uint8_t nal_type(std::uint8_t first_byte) {
  return static_cast<std::uint8_t>((first_byte >> 1) & 0x3f);
}
constexpr bool is_picture(std::uint8_t type) {
  return type <= last_picture;
}
// True when the NAL is the first of a new access unit, given that a picture came before it
// (7.4.2.4.4). `nal` begins with the NAL header; three bytes decide.
bool begins_access_unit(std::span<const std::uint8_t> nal);

struct Sps {
  std::array<std::uint8_t, 12> profile_tier_level{};  // general part, 7.3.3
  std::uint32_t width = 0, height = 0;                // after the conformance window
};
// `nal` with its header, without start code. Nothing when it cannot be read.
std::optional<Sps> parse_sps(std::span<const std::uint8_t> nal);

}  // namespace rtp::payload::h265
