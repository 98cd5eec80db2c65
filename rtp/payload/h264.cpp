#include "rtp/payload/h264.hpp"

#include <algorithm>

#include "rtp/payload/bit_reader.hpp"

namespace rtp::payload::h264 {
namespace {

bool has_chroma_format(std::uint8_t profile_idc) {
  switch (profile_idc) {
    case 100:
    case 110:
    case 122:
    case 244:
    case 44:
    case 83:
    case 86:
    case 118:
    case 128:
    case 138:
    case 139:
    case 134:
    case 135:
      return true;
    default:
      return false;
  }
}

void skip_scaling_list(BitReader& reader, int size) {
  std::int32_t last = 8, next = 8;
  for (int i = 0; i < size && reader.good(); ++i) {
    if (next != 0) next = (last + reader.se() + 256) % 256;
    if (next != 0) last = next;
  }
}

// Returns chroma_format_idc (1 where it is not written).
std::uint32_t read_chroma(BitReader& reader, Sps& sps) {
  if (!has_chroma_format(sps.profile_idc)) return 1;
  const std::uint32_t chroma = reader.ue();
  if (chroma == 3) sps.separate_colour_planes = reader.flag();
  reader.ue();     // bit_depth_luma_minus8
  reader.ue();     // bit_depth_chroma_minus8
  reader.skip(1);  // qpprime_y_zero_transform_bypass_flag
  if (reader.flag()) {
    const int lists = chroma == 3 ? 12 : 8;
    for (int i = 0; i < lists; ++i)
      if (reader.flag()) skip_scaling_list(reader, i < 6 ? 16 : 64);
  }
  return chroma;
}

// 7.4.2.1.1 allows 4 to 16 bits.
std::uint8_t read_log2_minus4(BitReader& reader) {
  return static_cast<std::uint8_t>(std::min<std::uint32_t>(reader.ue(), 12) + 4);
}

void read_picture_order(BitReader& reader, Sps& sps) {
  const std::uint32_t type = reader.ue();
  if (type == 0) {
    sps.order_count_bits = read_log2_minus4(reader);
  } else if (type == 1) {
    reader.skip(1);
    reader.se();
    reader.se();
    const std::uint32_t cycle = reader.ue();
    for (std::uint32_t i = 0; i < cycle && i < 256 && reader.good(); ++i) reader.se();
  }
}

double read_frame_rate(BitReader& reader) {
  if (!reader.flag()) return 0;                                 // vui_parameters_present_flag
  if (reader.flag() && reader.bits(8) == 255) reader.skip(32);  // aspect_ratio, Extended_SAR
  if (reader.flag()) reader.skip(1);                            // overscan
  if (reader.flag()) {                                          // video_signal_type
    reader.skip(4);
    if (reader.flag()) reader.skip(24);
  }
  if (reader.flag()) {  // chroma_loc_info
    reader.ue();
    reader.ue();
  }
  if (!reader.flag()) return 0;  // timing_info
  const double units = reader.bits(32), scale = reader.bits(32);
  return reader.good() && units > 0 ? scale / units / 2 : 0;
}

void read_size(BitReader& reader, std::uint32_t chroma, Sps& sps) {
  const std::uint32_t width_mbs = reader.ue() + 1, height_units = reader.ue() + 1;
  sps.frame_mbs_only = reader.flag();
  if (!sps.frame_mbs_only) reader.skip(1);
  reader.skip(1);  // direct_8x8_inference_flag
  const std::uint32_t fields = sps.frame_mbs_only ? 1 : 2;
  sps.width = width_mbs * 16;
  sps.height = height_units * 16 * fields;
  if (!reader.flag()) return;
  const std::uint32_t unit_x = chroma == 1 || chroma == 2 ? 2 : 1;
  const std::uint32_t unit_y = (chroma == 1 ? 2 : 1) * fields;
  const std::uint32_t left = reader.ue(), right = reader.ue();
  const std::uint32_t top = reader.ue(), bottom = reader.ue();
  sps.width -= (left + right) * unit_x;
  sps.height -= (top + bottom) * unit_y;
}

}  // namespace

bool begins_access_unit(std::span<const std::uint8_t> nal) {
  if (nal.empty()) return false;
  const std::uint8_t type = nal_type(nal[0]);
  if (type == slice || type == partition_a || type == idr)
    return nal.size() > 1 && (nal[1] & 0x80);  // first_mb_in_slice, ue(v), is 0
  return (type >= sei && type <= aud) || (type >= prefix && type <= last_reserved_prefix);
}

bool is_intra_slice(std::span<const std::uint8_t> nal) {
  if (nal.empty()) return false;
  BitReader reader(nal.subspan(1));
  reader.ue();  // first_mb_in_slice
  const std::uint32_t type = reader.ue() % 5;
  return reader.good() && (type == 2 || type == 4);
}

std::optional<Sps> parse_sps(std::span<const std::uint8_t> nal) {
  if (nal.size() < 5 || nal_type(nal[0]) != NalType::sps) return std::nullopt;
  Sps result{.profile_idc = nal[1], .constraints = nal[2], .level_idc = nal[3]};
  BitReader reader(nal.subspan(4));
  reader.ue();  // seq_parameter_set_id
  const std::uint32_t chroma = read_chroma(reader, result);
  result.frame_num_bits = read_log2_minus4(reader);
  read_picture_order(reader, result);
  reader.ue();     // max_num_ref_frames
  reader.skip(1);  // gaps_in_frame_num_value_allowed_flag
  read_size(reader, chroma, result);
  if (!reader.good() || result.width > 16384 || result.height > 16384) return std::nullopt;
  result.frames_per_second = read_frame_rate(reader);
  return result;
}

std::optional<std::uint32_t> picture_order_lsb(const Sps& sps, std::span<const std::uint8_t> nal) {
  if (nal.size() < 2 || sps.order_count_bits == 0) return std::nullopt;
  BitReader reader(nal.subspan(1));
  reader.ue();  // first_mb_in_slice
  reader.ue();  // slice_type
  reader.ue();  // pic_parameter_set_id
  if (sps.separate_colour_planes) reader.skip(2);
  reader.skip(sps.frame_num_bits);
  if (!sps.frame_mbs_only && reader.flag()) reader.skip(1);  // field_pic_flag, bottom_field_flag
  if (nal_type(nal[0]) == idr) reader.ue();                  // idr_pic_id
  const std::uint32_t lsb = reader.bits(sps.order_count_bits);
  return reader.good() ? std::optional(lsb) : std::nullopt;
}

}  // namespace rtp::payload::h264
