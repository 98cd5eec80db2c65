#include "tools/gbcam/annexb.hpp"

namespace gbcam {
namespace {

int type_of(std::uint8_t header, rtp::Codec codec) {
  return codec == rtp::Codec::h265 ? (header >> 1) & 0x3f : header & 0x1f;
}

// Offset of the next 00 00 01 at or after `from`, or size.
std::size_t next_start_code(std::span<const std::uint8_t> bytes, std::size_t from) {
  for (std::size_t i = from; i + 2 < bytes.size(); ++i)
    if (bytes[i] == 0 && bytes[i + 1] == 0 && bytes[i + 2] == 1) return i;
  return bytes.size();
}

}  // namespace

std::vector<NalUnit> nal_units(std::span<const std::uint8_t> annexb, rtp::Codec codec) {
  std::vector<NalUnit> units;
  std::size_t code = next_start_code(annexb, 0);
  while (code + 3 < annexb.size()) {
    const std::size_t header = code + 3;
    const std::size_t next = next_start_code(annexb, header);
    std::size_t end = next;
    while (end > header + 1 && annexb[end - 1] == 0) --end;  // zeros belong to the next start code
    const bool long_code = code > 0 && annexb[code - 1] == 0;
    units.push_back({long_code ? code - 1 : code, header, end, type_of(annexb[header], codec)});
    code = next;
  }
  return units;
}

bool is_parameter_set(int type, rtp::Codec codec) {
  return codec == rtp::Codec::h265 ? type >= 32 && type <= 34 : type == 7 || type == 8;
}

bool is_sequence_set(int type, rtp::Codec codec) {
  return type == (codec == rtp::Codec::h265 ? 33 : 7);
}

bool is_slice(int type, rtp::Codec codec) {
  return codec == rtp::Codec::h265 ? type < 32 : type >= 1 && type <= 5;
}

std::vector<std::uint8_t> parameter_sets(std::span<const std::uint8_t> annexb, rtp::Codec codec) {
  std::vector<std::uint8_t> sets;
  for (const NalUnit& nal : nal_units(annexb, codec)) {
    if (!is_parameter_set(nal.type, codec)) continue;
    sets.insert(sets.end(), {0, 0, 0, 1});
    const auto begin = annexb.begin() + static_cast<std::ptrdiff_t>(nal.header);
    sets.insert(sets.end(), begin, annexb.begin() + static_cast<std::ptrdiff_t>(nal.end));
  }
  return sets;
}

}  // namespace gbcam
