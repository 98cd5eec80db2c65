// The PTS of pictures that have none of their own, where B frames are sent in another order than
// they are shown: from the picture order count (H.264 8.2.1.1). Internal to rtp/ps.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "rtp/payload/h264.hpp"

namespace rtp::ps {

class PictureTimes {
 public:
  // `nal`: from its header on, as far as it lies in one slice.
  void learn(std::span<const std::uint8_t> sps);
  // The next access unit begins with this NAL unit. Without a slice in front its order is unknown.
  void begin(std::span<const std::uint8_t> nal);

  // The unit's PTS was written.
  void anchor(std::int64_t pts_90khz);
  // The unit's PTS was not written; nothing when the order count does not tell it.
  std::optional<std::int64_t> derive(std::int64_t frame_90khz);

 private:
  std::optional<payload::h264::Sps> sps_;
  bool idr_ = false;                   // of the newest unit
  std::optional<std::int64_t> order_;  // of the newest unit, since its IDR picture
  std::int64_t newest_order_ = 0;      // that was known, for the high bits of the next
  std::optional<std::int64_t> anchor_order_;
  std::int64_t anchor_pts_90khz_ = 0;
  std::optional<std::int64_t> latest_pts_90khz_;  // that was shown last
  std::int64_t per_count_90khz_ = 0;              // 0: not learnt
};

}  // namespace rtp::ps
