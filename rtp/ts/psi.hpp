// Program specific information of a transport stream with one program: PAT and PMT sections, ISO
// 13818-1 2.4.4. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "rtp/media.hpp"

namespace rtp::ts {

constexpr std::uint16_t pmt_pid = 0x1000;
constexpr std::uint16_t first_elementary_pid = 0x100;

// stream_type of a codec in a transport stream; 0 when it cannot be carried so that players know
// it.
std::uint8_t stream_type_of(Codec codec);

struct ProgramElement {
  std::uint8_t stream_type = 0;
  std::uint16_t pid = 0;
};

// A section that fits into one cell behind its pointer_field.
struct Section {
  std::array<std::uint8_t, 183> bytes{};
  std::size_t size = 0;
  std::span<const std::uint8_t> view() const { return std::span(bytes).first(size); }
};

Section program_association(std::uint8_t version);
// At most 16 elements.
Section program_map(std::span<const ProgramElement> elements, std::uint16_t pcr_pid,
                    std::uint8_t version);

}  // namespace rtp::ts
