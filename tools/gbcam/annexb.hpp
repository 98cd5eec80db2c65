// The little that gbcam must know about H.264 and H.265 byte streams (Annex B of either).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "rtp/media.hpp"

namespace gbcam {

// One NAL unit in an Annex B buffer: `begin` is its start code (3 or 4 bytes), `header` its first
// byte, `end` the byte after its last.
struct NalUnit {
  std::size_t begin = 0, header = 0, end = 0;
  int type = 0;
};

std::vector<NalUnit> nal_units(std::span<const std::uint8_t> annexb, rtp::Codec codec);
bool is_parameter_set(int type, rtp::Codec codec);  // VPS, SPS, PPS
bool is_sequence_set(int type, rtp::Codec codec);   // SPS
bool is_slice(int type, rtp::Codec codec);
// All parameter sets of a unit, each with a 4-byte start code.
std::vector<std::uint8_t> parameter_sets(std::span<const std::uint8_t> annexb, rtp::Codec codec);

}  // namespace gbcam
