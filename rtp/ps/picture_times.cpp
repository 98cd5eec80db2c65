#include "rtp/ps/picture_times.hpp"

#include <algorithm>

namespace rtp::ps {

namespace h264 = payload::h264;

void PictureTimes::learn(std::span<const std::uint8_t> sps) {
  if (auto parsed = h264::parse_sps(sps)) sps_ = *parsed;
}

void PictureTimes::begin(std::span<const std::uint8_t> nal) {
  const std::uint8_t type = h264::nal_type(nal.empty() ? 0 : nal[0]);
  order_.reset();
  idr_ = type == h264::idr;
  // Parameter sets in front: an IDR picture is the likely one to follow.
  if (type == h264::sps) idr_ = true;
  if (idr_) {
    anchor_order_.reset();
    order_ = newest_order_ = 0;
    return;
  }
  if (!sps_ || type != h264::slice) return;
  const auto lsb = h264::picture_order_lsb(*sps_, nal);
  if (!lsb) return;
  // The nearest count with these low bits.
  const std::int64_t range = std::int64_t{1} << sps_->order_count_bits;
  std::int64_t step = (static_cast<std::int64_t>(*lsb) - newest_order_) % range;
  if (step < -range / 2) step += range;
  if (step >= range / 2) step -= range;
  order_ = newest_order_ += step;
}

void PictureTimes::anchor(std::int64_t pts_90khz) {
  latest_pts_90khz_ = std::max(latest_pts_90khz_.value_or(pts_90khz), pts_90khz);
  // Far back: the clock was set.
  if (*latest_pts_90khz_ - pts_90khz > 90000) latest_pts_90khz_ = pts_90khz;
  if (!order_) return;
  if (anchor_order_ && *anchor_order_ != *order_) {
    const std::int64_t per_count = (pts_90khz - anchor_pts_90khz_) / (*order_ - *anchor_order_);
    if (per_count > 0 && per_count < 90000) per_count_90khz_ = per_count;
  }
  anchor_order_ = order_;
  anchor_pts_90khz_ = pts_90khz;
}

std::optional<std::int64_t> PictureTimes::derive(std::int64_t frame_90khz) {
  if (!order_ || !latest_pts_90khz_) return std::nullopt;
  if (idr_) {
    const std::int64_t pts_90khz = *latest_pts_90khz_ + frame_90khz;
    anchor(pts_90khz);
    return pts_90khz;
  }
  if (!anchor_order_) return std::nullopt;
  const std::int64_t per_count = per_count_90khz_ > 0 ? per_count_90khz_ : frame_90khz / 2;
  const std::int64_t pts_90khz = anchor_pts_90khz_ + (*order_ - *anchor_order_) * per_count;
  latest_pts_90khz_ = std::max(*latest_pts_90khz_, pts_90khz);
  return pts_90khz;
}

}  // namespace rtp::ps
