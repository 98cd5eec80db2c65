// H.264 (ISO 14496-10) as far as a relay must read it: NAL types, SPS, the first slice bits. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

namespace rtp::payload::h264 {

// nal_unit_type, table 7-1
enum NalType : std::uint8_t {
  slice = 1,
  partition_a = 2,
  idr = 5,
  sei = 6,
  sps = 7,
  pps = 8,
  aud = 9,
  end_of_sequence = 10,
  end_of_stream = 11,
  filler = 12,
  prefix = 14,
  last_reserved_prefix = 18,
  first_unsendable = 24,  // RFC 6184 5.2 uses 24-29 for its own packets
  fu_a = 28,
};

constexpr std::uint8_t nal_type(std::uint8_t first_byte) {
  return first_byte & 0x1f;
}
constexpr bool is_picture(std::uint8_t type) {
  return type >= slice && type <= idr;
}
// True when the NAL is the first of a new access unit, given that a picture came before it
// (7.4.1.2.3). `nal` begins with the NAL header; two bytes decide.
bool begins_access_unit(std::span<const std::uint8_t> nal);
// slice_type of a slice NAL is I or SI, read from its first bytes.
bool is_intra_slice(std::span<const std::uint8_t> nal);

struct Sps {
  std::uint8_t profile_idc = 0, constraints = 0, level_idc = 0;
  bool frame_mbs_only = true;  // no interlaced tools
  bool separate_colour_planes = false;
  std::uint8_t frame_num_bits = 4;
  std::uint8_t order_count_bits = 0;    // of pic_order_cnt_lsb; 0: pic_order_cnt_type is not 0
  std::uint32_t width = 0, height = 0;  // after cropping
  double frames_per_second = 0;         // 0: the VUI does not say
};
// `nal` with its header, without start code. Nothing when it cannot be read.
std::optional<Sps> parse_sps(std::span<const std::uint8_t> nal);

// pic_order_cnt_lsb of a slice NAL, from as many of its first bytes as there are; nothing when the
// SPS says that there is none, or the bytes do not suffice.
std::optional<std::uint32_t> picture_order_lsb(const Sps& sps, std::span<const std::uint8_t> nal);

}  // namespace rtp::payload::h264
