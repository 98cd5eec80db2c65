#include "rtp/payload/aac.hpp"

namespace rtp::payload {
namespace {

constexpr std::array<std::uint32_t, 13> sample_rates_hz = {
    96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350};

std::uint8_t byte(std::size_t value) {
  return static_cast<std::uint8_t>(value & 0xff);
}

}  // namespace

std::uint32_t AdtsHeader::sample_rate_hz() const {
  return sampling_index < sample_rates_hz.size() ? sample_rates_hz[sampling_index] : 0;
}

std::optional<AdtsHeader> parse_adts(std::span<const std::uint8_t> b) {
  if (b.size() < adts_header_bytes) return std::nullopt;
  if (b[0] != 0xff || (b[1] & 0xf6) != 0xf0) return std::nullopt;  // syncword, layer 00
  AdtsHeader header;
  header.header_bytes = b[1] & 1 ? 7 : 9;  // protection_absent
  header.object_type = static_cast<std::uint8_t>((b[2] >> 6) + 1);
  header.sampling_index = (b[2] >> 2) & 15;
  header.channels = static_cast<std::uint8_t>((b[2] & 1) << 2 | b[3] >> 6);
  header.frame_bytes = static_cast<std::uint16_t>((b[3] & 3) << 11 | b[4] << 3 | b[5] >> 5);
  header.blocks = static_cast<std::uint8_t>((b[6] & 3) + 1);
  if (header.sample_rate_hz() == 0 || header.frame_bytes <= header.header_bytes)
    return std::nullopt;
  return header;
}

std::array<std::uint8_t, 2> audio_specific_config(const AdtsHeader& header) {
  return {byte(static_cast<std::size_t>(header.object_type << 3 | header.sampling_index >> 1)),
          byte(static_cast<std::size_t>(header.sampling_index << 7 | header.channels << 3))};
}

std::optional<AdtsHeader> parse_audio_specific_config(std::span<const std::uint8_t> config) {
  if (config.size() < 2) return std::nullopt;
  AdtsHeader header;
  header.object_type = config[0] >> 3;
  header.sampling_index = static_cast<std::uint8_t>((config[0] & 7) << 1 | config[1] >> 7);
  header.channels = (config[1] >> 3) & 15;
  if (header.object_type < 1 || header.object_type > 4 || header.sample_rate_hz() == 0 ||
      header.channels > 7)
    return std::nullopt;
  return header;
}

std::array<std::uint8_t, 7> write_adts(const AdtsHeader& format, std::size_t raw_bytes) {
  const std::size_t length = raw_bytes + adts_header_bytes;
  const std::size_t profile = format.object_type - 1u;
  return {0xff,
          0xf1,
          byte(profile << 6 | static_cast<std::size_t>(format.sampling_index << 2) |
               format.channels >> 2),
          byte(static_cast<std::size_t>((format.channels & 3) << 6) | length >> 11),
          byte(length >> 3),
          byte((length & 7) << 5 | 0x1f),
          0xfc};
}

}  // namespace rtp::payload
