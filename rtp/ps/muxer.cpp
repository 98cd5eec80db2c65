#include "rtp/ps/muxer.hpp"

#include <algorithm>

#include "rtp/payload/start_code.hpp"
#include "rtp/ps/pes.hpp"
#include "rtp/ps/stream_map.hpp"

namespace rtp::ps {
namespace {

constexpr std::size_t pes_header_bytes = 8;  // counted in PES_packet_length: flags and a PTS

// Where each NAL unit of an access unit begins, start code and its leading zero included.
std::size_t next_nal(std::span<const std::uint8_t> annex_b, std::size_t from) {
  const std::size_t code = payload::find_start_code(annex_b, from);
  if (code >= annex_b.size()) return annex_b.size();
  return code > from && annex_b[code - 1] == 0 ? code - 1 : code;
}

}  // namespace

Muxer::Muxer(MuxerOptions options) : options_(options) {
  options_.max_pes_bytes = std::clamp<std::uint32_t>(options_.max_pes_bytes, 64, 65535);
}

void Muxer::write_video(std::span<const std::uint8_t> annex_b, std::int64_t pts_90khz, bool key,
                        std::vector<std::uint8_t>& out) {
  begin_pack(pts_90khz, key, out);
  if (!options_.pes_per_nal) {
    write_pes_run(first_video, annex_b, pts_90khz, out);
    return;
  }
  for (std::size_t at = 0; at < annex_b.size();) {
    const std::size_t end = next_nal(annex_b, at + 4);
    write_pes_run(first_video, annex_b.subspan(at, end - at), pts_90khz, out);
    at = end;
  }
}

void Muxer::write_audio(std::span<const std::uint8_t> frames, std::int64_t pts_90khz, bool in_pack,
                        std::vector<std::uint8_t>& out) {
  // A stream without video has no key frames to carry its map.
  if (!in_pack) begin_pack(pts_90khz, options_.video == Codec::unknown && !map_written_, out);
  write_pes_run(first_audio, frames, pts_90khz, out);
}

void Muxer::begin_pack(std::int64_t scr_90khz, bool key, std::vector<std::uint8_t>& out) {
  if (options_.pack_headers) write_pack_header(scr_90khz, options_.mux_rate_50bytes, out);
  if (!key) return;
  if (options_.pack_headers) write_system_header(out);
  const bool map = options_.map == MuxerOptions::Map::every_key_frame ||
                   (options_.map == MuxerOptions::Map::once && !map_written_);
  if (map) write_map(out);
}

void Muxer::write_system_header(std::vector<std::uint8_t>& out) const {
  const bool video = options_.video != Codec::unknown, audio = options_.audio != Codec::unknown;
  const std::uint32_t rate = 0x800001u | (options_.mux_rate_50bytes & 0x3fffff) << 1;
  const auto length = static_cast<std::uint8_t>(6 + (video ? 3 : 0) + (audio ? 3 : 0));
  out.insert(out.end(), {0, 0, 1, system_header, 0, length});
  out.insert(out.end(), {static_cast<std::uint8_t>(rate >> 16),
                         static_cast<std::uint8_t>(rate >> 8), static_cast<std::uint8_t>(rate),
                         static_cast<std::uint8_t>(audio ? 4 : 0),  // audio_bound
                         static_cast<std::uint8_t>(video ? 0x21 : 0x20), 0x7f});
  if (video) out.insert(out.end(), {first_video, 0xe1, 0x90});
  if (audio) out.insert(out.end(), {first_audio, 0xc0, 0x20});
}

void Muxer::write_map(std::vector<std::uint8_t>& out) {
  StreamMap map;
  if (options_.video != Codec::unknown)
    map.entries[map.count++] = {options_.video_stream_type.value_or(stream_type_of(options_.video)),
                                first_video};
  if (options_.audio != Codec::unknown)
    map.entries[map.count++] = {options_.audio_stream_type.value_or(stream_type_of(options_.audio)),
                                first_audio};
  write_stream_map(map.list(), out);
  map_written_ = true;
}

void Muxer::write_pes_run(std::uint8_t id, std::span<const std::uint8_t> bytes,
                          std::int64_t pts_90khz, std::vector<std::uint8_t>& out) const {
  if (options_.video_length_zero && is_video_id(id)) {
    write_pes_header(id, std::nullopt, pts_90khz, true, out);
    out.insert(out.end(), bytes.begin(), bytes.end());
    return;
  }
  const std::size_t limit = options_.max_pes_bytes - pes_header_bytes;
  for (std::size_t at = 0; at < bytes.size();) {
    const std::size_t n = std::min(limit, bytes.size() - at);
    const auto pts = at == 0 ? std::optional(pts_90khz) : std::nullopt;
    write_pes_header(id, static_cast<std::uint32_t>(n), pts, at == 0, out);
    const auto begin = bytes.begin() + static_cast<std::ptrdiff_t>(at);
    out.insert(out.end(), begin, begin + static_cast<std::ptrdiff_t>(n));
    at += n;
  }
}

}  // namespace rtp::ps
