// Writes MPEG program streams as GB/T 28181-2022 annex C wants them: the inverse of Demuxer, for
// simulated cameras, tests and cascading. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "rtp/media.hpp"

namespace rtp::ps {

// The deviations exist because cameras have them (see the field notes of the Demuxer's tests).
struct MuxerOptions {
  enum class Map : std::uint8_t { every_key_frame, once, never };

  Codec video = Codec::h264;     // unknown: the stream has no video
  Codec audio = Codec::unknown;  // unknown: the stream has no audio
  Map map = Map::every_key_frame;
  std::optional<std::uint8_t> video_stream_type = {};  // written instead of the right one
  std::optional<std::uint8_t> audio_stream_type = {};
  bool video_length_zero = false;       // "unbounded" video PES
  std::uint32_t max_pes_bytes = 65400;  // PES_packet_length at most; a longer frame is split
  bool pes_per_nal = false;             // SPS, PPS, SEI, slice each in a PES of its own, same PTS
  bool pack_headers = true;
  std::uint32_t mux_rate_50bytes = 6106;  // program_mux_rate
};

class Muxer {
 public:
  explicit Muxer(MuxerOptions options = {});

  // Appends one pack to `out`: pack header, for key frames system header and map, then the video
  // PES. `annex_b` is one access unit with start codes; PTS and SCR are taken modulo 2^33.
  void write_video(std::span<const std::uint8_t> annex_b, std::int64_t pts_90khz, bool key,
                   std::vector<std::uint8_t>& out);
  // Appends an audio PES, in a pack of its own unless `in_pack` says that the last pack goes on.
  // `frames`: ADTS frames or G.711 bytes.
  void write_audio(std::span<const std::uint8_t> frames, std::int64_t pts_90khz, bool in_pack,
                   std::vector<std::uint8_t>& out);

 private:
  void begin_pack(std::int64_t scr_90khz, bool key, std::vector<std::uint8_t>& out);
  void write_system_header(std::vector<std::uint8_t>& out) const;
  void write_map(std::vector<std::uint8_t>& out);
  void write_pes_run(std::uint8_t id, std::span<const std::uint8_t> bytes, std::int64_t pts_90khz,
                     std::vector<std::uint8_t>& out) const;

  MuxerOptions options_;
  bool map_written_ = false;
};

}  // namespace rtp::ps
