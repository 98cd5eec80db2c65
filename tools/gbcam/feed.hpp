// What one call sends, frame by frame, whatever it comes from: a clip through our PS muxer
// (ClipFeed) or the bytes of somebody else's PS file (PsFileFeed).
#pragma once

#include <cstdint>
#include <span>

namespace gbcam {

// A run of PS bytes with one RTP timestamp. `bytes` is valid until the next call of next().
struct Frame {
  std::int64_t due_90khz = 0;  // when it is to leave, from the start of the call
  std::uint32_t rtp_timestamp = 0;
  bool key = false;
  bool video = true;
  bool whole = true;  // ends where a picture or a run of sound ends: the RTP marker may say so
  std::span<std::uint8_t> bytes;
  std::span<std::uint8_t> stamp;  // 16 hex digits to fill with the sending time; may be empty
};

class Feed {
 public:
  virtual ~Feed() = default;
  virtual std::int64_t next_due_90khz() const = 0;
  virtual Frame next() = 0;
  // IFrameCmd: the next frame is to be a key frame.
  virtual void request_key_frame() = 0;
};

}  // namespace gbcam
