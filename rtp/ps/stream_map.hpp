// Program stream map, ISO 13818-1 2.5.4: which elementary stream carries what, with the stream
// types of GB/T 28181-2022 annex C. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "rtp/media.hpp"

namespace rtp::ps {

namespace stream_type {
constexpr std::uint8_t mpeg1_audio = 0x03;
constexpr std::uint8_t mpeg2_audio = 0x04;
constexpr std::uint8_t aac_adts = 0x0f;
constexpr std::uint8_t mpeg4 = 0x10;
constexpr std::uint8_t aac_latm = 0x11;
constexpr std::uint8_t h264 = 0x1b;
constexpr std::uint8_t h265 = 0x24;
constexpr std::uint8_t svac = 0x80;
constexpr std::uint8_t g711a = 0x90;
constexpr std::uint8_t g711u = 0x91;
constexpr std::uint8_t g722_1 = 0x92;
constexpr std::uint8_t g723_1 = 0x93;
constexpr std::uint8_t g729 = 0x99;
}  // namespace stream_type

Codec codec_of(std::uint8_t type);         // unknown for what we have no name for
std::uint8_t stream_type_of(Codec codec);  // 0 for unknown

struct StreamMap {
  struct Entry {
    std::uint8_t type = 0;
    std::uint8_t stream_id = 0;
    bool operator==(const Entry&) const = default;
  };
  static constexpr std::size_t max_entries = 16;

  std::array<Entry, max_entries> entries{};
  std::size_t count = 0;

  // What the map says of a stream; 0 when it says nothing.
  std::uint8_t type_of(std::uint8_t stream_id) const;
  std::span<const Entry> list() const { return std::span(entries).first(count); }
};

// `bytes`: the whole map from its start code on. Lenient, because the field is: the CRC is not
// looked at, and where lengths do not add up, what can be read counts. Nothing when no entry can
// be read.
std::optional<StreamMap> parse_stream_map(std::span<const std::uint8_t> bytes);
void write_stream_map(std::span<const StreamMap::Entry> entries, std::vector<std::uint8_t>& out);

std::uint32_t crc32_mpeg(std::span<const std::uint8_t> bytes);  // ISO 13818-1 annex B

}  // namespace rtp::ps
