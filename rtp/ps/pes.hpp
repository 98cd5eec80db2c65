// The headers of a program stream: ISO 13818-1 2.5.3 (packs, system header, map) and 2.4.3.6 (PES),
// and their MPEG-1 forms (ISO 11172-1 2.4.3). Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace rtp::ps {

enum StreamId : std::uint8_t {
  program_end = 0xb9,
  pack_header = 0xba,
  system_header = 0xbb,
  stream_map_id = 0xbc,
  private_1 = 0xbd,
  padding = 0xbe,
  private_2 = 0xbf,
  first_audio = 0xc0,
  last_audio = 0xdf,
  first_video = 0xe0,
  last_video = 0xef,
};

constexpr bool is_audio_id(std::uint8_t id) {
  return id >= first_audio && id <= last_audio;
}
constexpr bool is_video_id(std::uint8_t id) {
  return id >= first_video && id <= last_video;
}
// 00 00 01 and one of these begins a part of a program stream; H.264 and H.265 have none of them.
constexpr bool is_system_id(std::uint8_t id) {
  return id >= program_end;
}

// A header from its start code on.
struct Header {
  std::uint8_t id = 0;
  bool mpeg1 = false;
  std::uint16_t header_bytes = 0;  // start code included
  std::optional<std::uint32_t> payload_bytes =
      {};  // that follow; nothing: unbounded PES (length 0)
  std::optional<std::int64_t> pts_90khz = {}, dts_90khz = {};  // PES; 33 bits
};

struct HeaderResult {
  enum class Status : std::uint8_t { done, need_more, bad };
  Status status = Status::need_more;
  std::size_t need = 0;  // need_more: so many bytes from the start code on are wanted
  Header header;
};

constexpr std::size_t max_header_bytes = 1024;  // a map longer than this is skipped unread

// `bytes` begins with 00 00 01. `has_pes_header` says whether a private stream (BD) is to be read
// as a PES; C0-EF always are. A map is done when all of it is there.
HeaderResult parse_header(std::span<const std::uint8_t> bytes, bool has_pes_header = false);

// ---- writing ----
// 5 bytes: prefix (0010, 0011 or 0001), then 33 bits with markers.
void write_timestamp(std::uint8_t prefix, std::int64_t time_90khz, std::vector<std::uint8_t>& out);
void write_pack_header(std::int64_t scr_90khz, std::uint32_t mux_rate_50bytes,
                       std::vector<std::uint8_t>& out);
// PES header; `payload_bytes` nothing: length 0.
void write_pes_header(std::uint8_t id, std::optional<std::uint32_t> payload_bytes,
                      std::optional<std::int64_t> pts_90khz, bool aligned,
                      std::vector<std::uint8_t>& out);

}  // namespace rtp::ps
