#include "gateway/stream.hpp"

#include <algorithm>
#include <utility>

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

Stream::Stream(std::string name, StreamLimits limits, FlushTurn* turn)
    : name_(std::move(name)), cname_("gbgate-" + name_), limits_(limits), turn_(turn) {}

Stream::~Stream() {
  if (turn_) turn_->remove(*this);
}

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

// A player that was told the one can take the other.
bool Stream::fits(const std::vector<rtp::Track>& tracks) const {
  const auto count = std::min(tracks.size(), tracks_.size());
  for (std::size_t i = 0; i < count; ++i) {
    const auto &was = tracks_[i], &is = tracks[i];
    const bool same = was.codec == is.codec && was.clock_rate_hz == is.clock_rate_hz &&
                      was.channels == is.channels && was.payload_type == is.payload_type;
    // Only AAC cannot correct its description in band.
    const bool config =
        was.sets.config.empty() || is.sets.config.empty() || was.sets.config == is.sets.config;
    if (!same || !config) return false;
  }
  return true;
}

void Stream::remember(std::vector<rtp::Track> tracks) {
  if (tracks.empty() || !tracks_.empty()) return;
  set_tracks(std::move(tracks), false);
  remembered_ = true;
}

std::span<const rtp::Track> Stream::heard_tracks() const {
  auto count = std::min(tracks_.size(), track_counters_.size());
  while (count > 0 && track_counters_[count - 1].packets == 0) --count;
  return std::span(tracks_).first(count);
}

std::optional<Stream::Continuation> Stream::continuation(std::size_t track,
                                                         rtp::Codec codec) const {
  if (track >= tracks_.size() || tracks_[track].codec != codec) return {};
  Continuation on{.ssrc = tracks_[track].ssrc, .next_sequence = {}, .timestamp_offset = {}};
  const auto& count = track_counters_[track];
  if (count.packets == 0) return on;
  const auto rate_hz = static_cast<std::int64_t>(tracks_[track].clock_rate_hz);
  on.next_sequence = static_cast<std::uint16_t>(count.last_sequence + 1);
  on.timestamp_offset =
      count.last_timestamp - static_cast<std::uint32_t>(count.last_pts_90khz * rate_hz / 90'000);
  return on;
}

std::optional<std::int64_t> Stream::pts_at(std::int64_t now_ns) const {
  if (counters_.packets == 0) return {};
  const auto passed_ns = std::max<std::int64_t>(0, now_ns - newest_arrival_ns_);
  return newest_pts_90khz_ + passed_ns / 100'000 * 9;
}

void Stream::set_tracks(std::vector<rtp::Track> tracks, bool ready) {
  const bool fitting = fits(tracks);
  for (std::size_t i = 0; i < tracks_.size(); ++i) {
    if (i == tracks.size()) {
      if (!fitting) break;
      tracks.push_back(tracks_[i]);
    }
    // A new source has not shown its own yet.
    if (tracks[i].sets == rtp::ParameterSets{} && tracks[i].codec == tracks_[i].codec)
      tracks[i].sets = tracks_[i].sets;
  }
  tracks_ = std::move(tracks);
  track_counters_.resize(std::max(track_counters_.size(), tracks_.size()));
  has_video_ = std::any_of(tracks_.begin(), tracks_.end(), [](const rtp::Track& track) {
    return rtp::kind_of(track.codec) == rtp::MediaKind::video;
  });
  ready_ = ready_ || ready;
  if (fitting) return;
  ++layout_;
  tell_end("the source's tracks are not what they were: describe the stream again");
}

void Stream::publish(rtp::OutPacket&& packet) {
  auto& count = track_counters_.at(packet.track);
  ++count.packets;
  count.octets += packet.size_bytes - rtp_header_bytes;  // 6.4.1: payload only
  count.last_timestamp = packet.timestamp;
  count.last_sequence = packet.sequence;
  count.last_pts_90khz = packet.pts_90khz;
  ++counters_.packets;
  counters_.bytes += packet.size_bytes;
  if (packet.unit_begin) ++counters_.units;
  if (packet.unit_begin && packet.key) {
    ++counters_.keys;
    keys_.push_back(end());
    key_requests_.on_key(packet.arrival_ns);
  }
  in_unit_ = !packet.unit_end;
  newest_arrival_ns_ = packet.arrival_ns;
  newest_pts_90khz_ = std::max(newest_pts_90khz_, packet.pts_90khz);
  ring_bytes_ += packet.size_bytes;
  const auto now_ns = packet.arrival_ns;
  ring_.push_back(std::move(packet));
  trim(now_ns);
  ring_.expect_push();
  ring_.expect_pop();
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

void Stream::set_key_source(KeySource* source, const KeyMemory& memory) {
  key_source_ = source;
  told_obedience_ = memory.obedience;
  if (source) {
    key_requests_.open(memory);
  } else {
    key_requests_.close();
  }
}

void Stream::wish_key(std::int64_t now_ns) {
  if (key_source_ && key_requests_.wish(now_ns)) key_source_->ask_key_frame();
}

// Packets come far more often than a request may be due: they are the clock.
void Stream::tend_key_requests(std::int64_t now_ns) {
  if (!key_source_) return;
  if (key_requests_.due(now_ns)) key_source_->ask_key_frame();
  if (key_requests_.memory().obedience == told_obedience_) return;
  told_obedience_ = key_requests_.memory().obedience;
  key_source_->on_key_memory(key_requests_.memory());
}

void Stream::flush() {
  if (!turn_) return speak();
  if (!viewers_.empty() && in_unit_) turn_->expect_more();
  if (!std::exchange(has_turn_, true)) turn_->add(*this);
}

void Stream::speak() {
  has_turn_ = false;
  tend_key_requests(newest_arrival_ns_);
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
  tell_end(reason);
}

void Stream::tell_end(const std::string& reason) {
  if (has_turn_) speak();
  calling_ = true;
  for (std::size_t i = 0; i < viewers_.size(); ++i) {
    if (viewers_[i]) viewers_[i]->on_end(reason);
  }
  calling_ = false;
  std::erase(viewers_, nullptr);
}

}  // namespace gateway
