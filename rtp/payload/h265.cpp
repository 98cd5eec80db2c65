#include "rtp/payload/h265.hpp"

#include "rtp/payload/bit_reader.hpp"

namespace rtp::payload::h265 {
namespace {

// 7.3.3: the general part is 88 bits and the level; sub-layers follow when there are any.
void read_profile_tier_level(BitReader& reader, std::uint32_t sub_layers_minus1, Sps& sps) {
  for (auto& byte : sps.profile_tier_level) byte = static_cast<std::uint8_t>(reader.bits(8));
  std::uint32_t profiles = 0, levels = 0;
  for (std::uint32_t i = 0; i < sub_layers_minus1; ++i) {
    profiles += reader.bit();
    levels += reader.bit();
  }
  if (sub_layers_minus1 > 0) reader.skip(static_cast<int>(2 * (8 - sub_layers_minus1)));
  reader.skip(static_cast<int>(88 * profiles + 8 * levels));
}

void crop(BitReader& reader, std::uint32_t chroma, Sps& sps) {
  const std::uint32_t unit_x = chroma == 1 || chroma == 2 ? 2 : 1;
  const std::uint32_t unit_y = chroma == 1 ? 2 : 1;
  const std::uint32_t left = reader.ue(), right = reader.ue();
  const std::uint32_t top = reader.ue(), bottom = reader.ue();
  sps.width -= (left + right) * unit_x;
  sps.height -= (top + bottom) * unit_y;
}

}  // namespace

bool begins_access_unit(std::span<const std::uint8_t> nal) {
  if (nal.empty()) return false;
  const std::uint8_t type = nal_type(nal[0]);
  if (is_picture(type)) return nal.size() > 2 && (nal[2] & 0x80);  // first_slice_segment_in_pic
  return (type >= vps && type <= aud) || type == prefix_sei || (type >= 41 && type <= 44) ||
         (type >= 48 && type <= 55);
}

std::optional<Sps> parse_sps(std::span<const std::uint8_t> nal) {
  if (nal.size() < 15 || nal_type(nal[0]) != NalType::sps) return std::nullopt;
  Sps result;
  BitReader reader(nal.subspan(2));
  reader.skip(4);  // sps_video_parameter_set_id
  const std::uint32_t sub_layers_minus1 = reader.bits(3);
  reader.skip(1);  // sps_temporal_id_nesting_flag
  read_profile_tier_level(reader, sub_layers_minus1, result);
  reader.ue();  // sps_seq_parameter_set_id
  const std::uint32_t chroma = reader.ue();
  if (chroma == 3) reader.skip(1);
  result.width = reader.ue();
  result.height = reader.ue();
  if (reader.flag()) crop(reader, chroma, result);
  if (!reader.good() || result.width > 16384 || result.height > 16384) return std::nullopt;
  return result;
}

}  // namespace rtp::payload::h265
