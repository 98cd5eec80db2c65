#include "rtp/ts/psi.hpp"

#include <algorithm>

#include "rtp/ps/stream_map.hpp"

namespace rtp::ts {
namespace {

constexpr std::uint16_t program_number = 1;
constexpr std::size_t max_elements = 16;

class SectionWriter {
 public:
  SectionWriter(std::uint8_t table_id, std::uint16_t extension, std::uint8_t version) {
    put8(table_id);
    put16(0xb000);  // section_syntax_indicator; the length comes at the end
    put16(extension);
    put8(static_cast<std::uint8_t>(0xc1 | (version & 31) << 1));  // current
    put16(0);  // section_number, last_section_number
  }
  void put8(std::uint8_t value) { section_.bytes[section_.size++] = value; }
  void put16(std::uint32_t value) {
    put8(static_cast<std::uint8_t>(value >> 8));
    put8(static_cast<std::uint8_t>(value));
  }
  Section finish() {
    const std::size_t length = section_.size + 4 - 3;
    section_.bytes[1] = static_cast<std::uint8_t>(0xb0 | length >> 8);
    section_.bytes[2] = static_cast<std::uint8_t>(length);
    const std::uint32_t crc = ps::crc32_mpeg(section_.view());
    put16(crc >> 16);
    put16(crc & 0xffff);
    return section_;
  }

 private:
  Section section_;
};

}  // namespace

std::uint8_t stream_type_of(Codec codec) {
  switch (codec) {
    case Codec::h264:
      return 0x1b;
    case Codec::h265:
      return 0x24;
    case Codec::aac:
      return 0x0f;
    default:
      return 0;
  }
}

Section program_association(std::uint8_t version) {
  SectionWriter writer(0x00, 1, version);
  writer.put16(program_number);
  writer.put16(0xe000 | pmt_pid);
  return writer.finish();
}

Section program_map(std::span<const ProgramElement> elements, std::uint16_t pcr_pid,
                    std::uint8_t version) {
  SectionWriter writer(0x02, program_number, version);
  writer.put16(0xe000u | pcr_pid);
  writer.put16(0xf000);  // no program_info
  for (const auto& element : elements.first(std::min(elements.size(), max_elements))) {
    writer.put8(element.stream_type);
    writer.put16(0xe000u | element.pid);
    writer.put16(0xf000);
  }
  return writer.finish();
}

}  // namespace rtp::ts
