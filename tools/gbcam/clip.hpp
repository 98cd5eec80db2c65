// A media file as gbcam plays it: coded access units in decoding order, on one 90 kHz time line
// that begins at 0 with a key frame and repeats after `duration_90khz`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "rtp/media.hpp"

namespace gbcam {

// One coded picture (Annex B, 4-byte start codes, parameter sets in front of every key frame), one
// ADTS frame, or 40 ms of G.711.
struct AccessUnit {
  rtp::MediaKind kind = rtp::MediaKind::video;
  bool key = false;
  std::int64_t dts_90khz = 0;
  std::int64_t pts_90khz = 0;
  std::size_t first_slice = 0;  // where an SEI may be put in; 0 for sound
  std::vector<std::uint8_t> bytes;
};

struct Clip {
  std::vector<AccessUnit> units;  // by dts; the first is a video key frame
  rtp::Codec video = rtp::Codec::unknown;
  rtp::Codec audio = rtp::Codec::unknown;  // unknown: the clip has no sound
  std::int64_t duration_90khz = 0;
  std::int64_t frame_interval_90khz = 3600;  // mean, of the video
  int width = 0;
  int height = 0;
  int audio_rate_hz = 8000;
  std::vector<std::string> warnings;  // what of the file was left out, and why
};

struct ClipOptions {
  double fps = 25;    // for raw .h264/.h265, which carry no times
  bool audio = true;  // false: leave the sound out
};

// Reads a whole file that libavformat knows with H.264 or H.265 video; sound that is not G.711
// (8 kHz, mono) or AAC is left out with a warning. Throws std::runtime_error with a reason. Limits:
// 1 GiB of coded bytes.
Clip load_clip(const std::string& path, const ClipOptions& options);

}  // namespace gbcam
