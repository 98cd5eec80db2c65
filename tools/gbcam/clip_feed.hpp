// A clip as a camera sends it: each access unit a PS pack of its own, with the deviations that were
// asked for.
#pragma once

#include <cstdint>
#include <vector>

#include "rtp/ps/muxer.hpp"
#include "tools/gbcam/clip.hpp"
#include "tools/gbcam/cursor.hpp"
#include "tools/gbcam/feed.hpp"
#include "tools/gbcam/options.hpp"

namespace gbcam {

class ClipFeed : public Feed {
 public:
  // The clip outlives the feed.
  ClipFeed(const Clip& clip, const MediaOptions& options);

  std::int64_t next_due_90khz() const override { return cursor_.dts_90khz(); }
  Frame next() override;
  void request_key_frame() override { cursor_.skip_to_key(); }

 private:
  std::int64_t clock_90khz(std::int64_t elapsed_90khz) const;
  std::span<const std::uint8_t> with_stamp(const AccessUnit& unit);

  const Clip* clip_;
  ClipCursor cursor_;
  rtp::ps::Muxer muxer_;
  StampUnit stamp_;
  std::int64_t start_90khz_, jump_90khz_, jump_after_90khz_;
  std::vector<std::uint8_t> stamped_, out_;
};

}  // namespace gbcam
