// AAC headers: ADTS (ISO 13818-7 6.2) and AudioSpecificConfig (ISO 14496-3 1.6.2.1). Pure.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace rtp::payload {

struct AdtsHeader {
  std::uint8_t object_type = 2;      // MPEG-4 audio object type: 2 = AAC LC
  std::uint8_t sampling_index = 11;  // ISO 14496-3 table 1.18; 0-12
  std::uint8_t channels = 1;         // channel_configuration
  std::uint8_t header_bytes = 7;     // 9 with CRC
  std::uint16_t frame_bytes = 0;     // header included
  std::uint8_t blocks = 1;           // raw data blocks, 1024 samples each

  std::uint32_t sample_rate_hz() const;
};

constexpr std::size_t adts_header_bytes = 7;

// The header at the beginning of `bytes` (7 are enough); nothing when there is none.
std::optional<AdtsHeader> parse_adts(std::span<const std::uint8_t> bytes);

// The 2-byte AudioSpecificConfig that says the same.
std::array<std::uint8_t, 2> audio_specific_config(const AdtsHeader& header);
// What an AudioSpecificConfig says; nothing for configurations that ADTS cannot express.
std::optional<AdtsHeader> parse_audio_specific_config(std::span<const std::uint8_t> config);
// The 7-byte header (no CRC) for a raw frame of `raw_bytes`.
std::array<std::uint8_t, 7> write_adts(const AdtsHeader& format, std::size_t raw_bytes);

}  // namespace rtp::payload
