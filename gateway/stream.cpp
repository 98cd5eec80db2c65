#include "gateway/stream.hpp"

#include <algorithm>

namespace gateway {
namespace {

constexpr std::uint32_t rtp_header_bytes = 12;
constexpr std::int64_t ns_per_second = 1'000'000'000;
constexpr std::uint64_t ntp_of_unix_epoch = 2'208'988'800;  // seconds from 1900 to 1970

std::uint64_t to_ntp(std::int64_t wall_ns) {
  const auto seconds = static_cast<std::uint64_t>(wall_ns / ns_per_second) + ntp_of_unix_epoch;
  const auto fraction = (static_cast<std::uint64_t>(wall_ns % ns_per_second) << 32) /
                        static_cast<std::uint64_t>(ns_per_second);
  return (seconds << 32) | fraction;
}

// 1/90000 s is 100000/9 ns.
std::int64_t pts_to_ns(std::int64_t pts_90khz) {
  return pts_90khz / 9 * 100'000 + pts_90khz % 9 * 100'000 / 9;
}

}  // namespace

Stream::Stream(std::string name, StreamLimits limits)
    : name_(std::move(name)), cname_("gbgate-" + name_), limits_(limits) {}

std::optional<std::uint64_t> Stream::latest_key() const {
  if (!has_video_) return end();
  if (keys_.empty()) return std::nullopt;
  return keys_.back();
}

std::optional<std::uint64_t> Stream::next_key(std::uint64_t index) const {
  if (!has_video_) return std::clamp(index, begin(), end());
  const auto key = std::lower_bound(keys_.begin(), keys_.end(), index);
  if (key == keys_.end()) return std::nullopt;
  return *key;
}

SenderReport Stream::sender_report(std::size_t track, std::int64_t now_ns) const {
  const auto& count = track_counters_.at(track);
  SenderReport report{.packet_count = count.packets, .octet_count = count.octets};
  // Any pair of the line between capture time and timestamp will do; the newest unit's is exact,
  // and a report that talks about the present is what receivers expect.
  report.rtp_timestamp = count.last_timestamp;
  const auto wall_ns =
      clock_known_ ? clock_wall_ns_ + pts_to_ns(count.last_pts_90khz - clock_pts_90khz_) : now_ns;
  report.ntp = to_ntp(wall_ns);
  return report;
}

void Stream::attach(Viewer& viewer) {
  viewers_.push_back(&viewer);
}

void Stream::detach(Viewer& viewer) {
  const auto found = std::find(viewers_.begin(), viewers_.end(), &viewer);
  if (found == viewers_.end()) return;
  if (calling_) {
    *found = nullptr;  // the list is being walked
  } else {
    viewers_.erase(found);
  }
}

void Stream::set_tracks(std::vector<rtp::Track> tracks, bool ready) {
  tracks_ = std::move(tracks);
  track_counters_.resize(std::max(track_counters_.size(), tracks_.size()));
  has_video_ = std::any_of(tracks_.begin(), tracks_.end(), [](const rtp::Track& track) {
    return rtp::kind_of(track.codec) == rtp::MediaKind::video;
  });
  ready_ = ready;
}

void Stream::publish(rtp::OutPacket&& packet) {
  auto& count = track_counters_.at(packet.track);
  ++count.packets;
  count.octets += packet.size_bytes - rtp_header_bytes;  // 6.4.1: payload only
  count.last_timestamp = packet.timestamp;
  count.last_pts_90khz = packet.pts_90khz;
  ++counters_.packets;
  counters_.bytes += packet.size_bytes;
  if (packet.unit_begin) ++counters_.units;
  if (packet.unit_begin && packet.key) {
    ++counters_.keys;
    keys_.push_back(end());
  }
  ring_bytes_ += packet.size_bytes;
  const auto now_ns = packet.arrival_ns;
  ring_.push_back(std::move(packet));
  trim(now_ns);
}

// Whether the oldest packet serves nobody: a new viewer starts later, and a slow one has been
// given up.
bool Stream::is_spare(std::int64_t now_ns) const {
  const bool before_newest_key = !has_video_ || (!keys_.empty() && ring_.begin() < keys_.back());
  return before_newest_key && now_ns - ring_[ring_.begin()].arrival_ns > limits_.backlog_ns;
}

void Stream::trim(std::int64_t now_ns) {
  while (ring_.size() > 1 && (ring_bytes_ > limits_.ring_bytes ||
                              ring_.size() > limits_.ring_packets || is_spare(now_ns))) {
    forget_first();
  }
}

void Stream::forget_first() {
  if (!keys_.empty() && keys_.front() == ring_.begin()) keys_.pop_front();
  ring_bytes_ -= ring_[ring_.begin()].size_bytes;
  ring_.pop_front();
}

void Stream::flush() {
  calling_ = true;
  for (std::size_t i = 0; i < viewers_.size(); ++i) {
    if (viewers_[i]) viewers_[i]->on_packets();
  }
  calling_ = false;
  std::erase(viewers_, nullptr);
}

void Stream::set_clock(std::int64_t pts_90khz, std::int64_t wall_ns) {
  clock_pts_90khz_ = pts_90khz;
  clock_wall_ns_ = wall_ns;
  clock_known_ = true;
}

void Stream::end(const std::string& reason) {
  if (ended_) return;
  ended_ = true;
  end_reason_ = reason;
  calling_ = true;
  for (std::size_t i = 0; i < viewers_.size(); ++i) {
    if (viewers_[i]) viewers_[i]->on_end(end_reason_);
  }
  calling_ = false;
  std::erase(viewers_, nullptr);
}

}  // namespace gateway
