// Walks a clip for ever on a time line that never jumps: repeats at the end, skips to the next key
// frame on request. Pure.
#pragma once

#include <cstddef>
#include <cstdint>

#include "tools/gbcam/clip.hpp"

namespace gbcam {

class ClipCursor {
 public:
  // The clip outlives the cursor. `start_90khz` is the time of the first unit.
  ClipCursor(const Clip& clip, std::int64_t start_90khz)
      : clip_(&clip), offset_90khz_(start_90khz) {}

  const AccessUnit& unit() const { return clip_->units[index_]; }
  std::int64_t dts_90khz() const { return unit().dts_90khz + offset_90khz_; }
  std::int64_t pts_90khz() const { return unit().pts_90khz + offset_90khz_; }

  void advance() {
    if (++index_ < clip_->units.size()) return;
    index_ = 0;
    offset_90khz_ += clip_->duration_90khz;
  }

  // Makes the next key frame of the clip the next unit, at the time that the next unit has now.
  void skip_to_key() {
    const std::int64_t due = dts_90khz();
    while (!unit().key) advance();
    offset_90khz_ += due - dts_90khz();
  }

 private:
  const Clip* clip_;
  std::size_t index_ = 0;
  std::int64_t offset_90khz_ = 0;
};

}  // namespace gbcam
