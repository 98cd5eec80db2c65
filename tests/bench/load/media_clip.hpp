// One group of pictures of the right sizes: H.264 parameter sets and slices of noise, a key frame
// ten times the size of the others. Shared by all cameras; each writes its own program stream of
// it.
#pragma once

#include <cstdint>
#include <vector>

#include "rtp/ps/muxer.hpp"
#include "tests/bench/load/frame_stamp.hpp"

namespace load {

struct ClipOptions {
  std::uint32_t kbit_per_s = 2000, fps = 25, gop = 50;
  std::size_t payload_bytes = 1388;  // of an RTP packet: 1400 with its header
};

struct ClipFrame {
  bool key = false;
  std::vector<std::uint8_t> annex_b;
  std::vector<std::uint32_t> stamps;  // where in its program stream a stamp may go, one a packet
};

class MediaClip {
 public:
  explicit MediaClip(const ClipOptions& options);

  const ClipOptions& options() const { return options_; }
  // The `n`th of an endless clip.
  const ClipFrame& frame(std::uint32_t n) const { return frames_[n % frames_.size()]; }
  // The frame as one pack, stamped in each of its packets.
  void write(std::uint32_t n, FrameStamp stamp, std::int64_t pts_90khz, rtp::ps::Muxer& muxer,
             std::vector<std::uint8_t>& out) const;

 private:
  ClipOptions options_;
  std::vector<ClipFrame> frames_;
};

}  // namespace load
