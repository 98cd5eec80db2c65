// Tells codecs by their data, for streams without a map and to catch maps that are wrong. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "rtp/media.hpp"
#include "rtp/payload/aac.hpp"

namespace rtp::ps {

// From the first two bytes of a NAL unit; unknown when it could be either, or neither.
Codec guess_video(std::uint8_t first, std::uint8_t second);
// The same, but only on evidence that outweighs a map: a parameter set or an AUD.
Codec prove_video(std::uint8_t first, std::uint8_t second);

// The header of an ADTS frame that begins `bytes` and is not longer than `payload_bytes`.
std::optional<payload::AdtsHeader> guess_adts(std::span<const std::uint8_t> bytes,
                                              std::size_t payload_bytes);
// A valid header of MPEG-1/2 audio (layers I-III), which is not relayed.
bool is_mpeg_audio(std::span<const std::uint8_t> bytes);

}  // namespace rtp::ps
