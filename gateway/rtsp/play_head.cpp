#include "gateway/rtsp/play_head.hpp"

#include <algorithm>

namespace gateway::rtsp {
namespace {

constexpr std::int64_t pace_factor = 4;
// A gap costs a player a moment (it looks for lost packets), so that it must gain more.
constexpr std::int64_t worth_a_gap_ns = 1'500'000'000;

}  // namespace

void PlayHead::start(std::optional<std::uint64_t> at, std::int64_t now_ns, std::uint64_t promised) {
  jump_.reset();
  in_unit_ = false;
  promised_ = promised;
  waiting_ = !at;
  jump(at.value_or(stream().end()), now_ns);
}

void PlayHead::jump(std::uint64_t to, std::int64_t now_ns) {
  position_ = to;
  since_ns_ = now_ns;
  excused_until_ns_ = now_ns;
  free_until_ = counted_until_ = stream().end();
  backlog_bytes_ = 0;
  pacing_ = pace_ && to >= stream().begin() && to < stream().end();
  if (!pacing_) return;
  pace_from_ns_ = stream().packet(to).arrival_ns;
  // While it catches up at speed f, 1/f of that time is added at the other end.
  const auto behind_ns = std::max<std::int64_t>(0, now_ns - pace_from_ns_);
  excused_until_ns_ += behind_ns / (pace_factor - 1);
}

std::int64_t PlayHead::due_ns(std::uint64_t index) const {
  if (!pacing_) return 0;
  return since_ns_ + (stream().packet(index).arrival_ns - pace_from_ns_) / pace_factor;
}

void PlayHead::perform_jump(std::int64_t now_ns) {
  waiting_ = !jump_->to;
  const auto to = jump_->to.value_or(jump_->from);
  if (position_ < to || waiting_) jump(to, now_ns);
  jump_.reset();
}

// A newer key frame came while old pictures are still being sent.
void PlayHead::get_level() {
  if (jump_ || waiting_ || !catching_up() || !session_.has_video()) return;
  const auto latest = stream().latest_key();
  if (!latest || *latest <= position_ || position_ < stream().begin()) return;
  const auto gain_ns = stream().packet(*latest).arrival_ns - stream().packet(position_).arrival_ns;
  if (gain_ns < worth_a_gap_ns) return;
  const auto boundary = end_of_unit();
  if (boundary && *boundary >= promised_ && *boundary < *latest)
    jump_ = Jump{.from = *boundary, .to = latest};
}

void PlayHead::refresh(std::int64_t now_ns) {
  get_level();
  if (jump_ && position_ >= jump_->from) perform_jump(now_ns);
  if (position_ < stream().begin()) {
    ++skips_;
    units_counted_until_ = std::max(units_counted_until_, position_);
    waiting_ = true;
    in_unit_ = false;
    jump_.reset();
    position_ = stream().begin();
  }
  if (!waiting_) return;
  const auto latest = session_.has_video() ? stream().latest_key() : stream().end();
  const bool found = latest && *latest >= position_;
  if (skips_ > 0) count_skipped_units(found ? *latest : stream().end());
  if (!found) return;
  waiting_ = false;
  jump(*latest, now_ns);
}

std::uint64_t PlayHead::next(std::uint64_t index) const {
  const auto end = stream().end();
  if (waiting_) return end;
  for (;; ++index) {
    if (jump_ && index >= jump_->from) index = std::max(index, jump_->to.value_or(end));
    if (index >= end) return end;
    if (wanted(stream().packet(index))) return index;
  }
}

void PlayHead::sent(std::uint64_t index) {
  const auto& packet = stream().packet(index);
  if (jump_ && index >= jump_->from) {
    jump_.reset();
    free_until_ = counted_until_ = std::max(index + 1, counted_until_);
  }
  if (index >= free_until_ && index < counted_until_)
    backlog_bytes_ -= std::min<std::uint64_t>(backlog_bytes_, packet.size_bytes);
  position_ = index + 1;
  if (video(packet)) in_unit_ = !packet.unit_end;
}

void PlayHead::check_backlog(std::int64_t now_ns) {
  refresh(now_ns);
  if (waiting_ || jump_) return;
  count_backlog();
  const auto first = next(position_);
  if (first == stream().end()) return;
  if (now_ns < excused_until_ns_) {
    free_until_ = counted_until_ = stream().end();
    backlog_bytes_ = 0;
    return;
  }
  if (age_ns(first, now_ns) > limits_.backlog_ns || backlog_bytes_ > limits_.backlog_bytes)
    skip(now_ns);
}

std::int64_t PlayHead::age_ns(std::uint64_t index, std::int64_t now_ns) const {
  return now_ns - std::max(stream().packet(index).arrival_ns, excused_until_ns_);
}

bool PlayHead::stalled(std::int64_t now_ns) const {
  if (position_ < stream().begin()) return false;  // the next refresh() goes on elsewhere
  const auto first = next(position_);
  return first < stream().end() && age_ns(first, now_ns) > limits_.stall_ns;
}

void PlayHead::count_backlog() {
  const auto end = stream().end();
  auto i = std::max({counted_until_, free_until_, position_, stream().begin()});
  if (i > counted_until_ && position_ > counted_until_) backlog_bytes_ = 0;
  for (; i < end; ++i)
    if (const auto& packet = stream().packet(i); wanted(packet))
      backlog_bytes_ += packet.size_bytes;
  counted_until_ = end;
}

void PlayHead::skip(std::int64_t now_ns) {
  const auto boundary = end_of_unit();
  if (!boundary) return;
  const auto latest = session_.has_video() ? stream().latest_key() : stream().end();
  Jump planned{.from = *boundary, .to = std::nullopt};
  if (latest && *latest >= *boundary) planned.to = latest;
  // Already at the newest key frame: to skip would gain nothing.
  if (planned.to == position_) return;
  ++skips_;
  units_counted_until_ = *boundary;
  if (planned.to) count_skipped_units(*planned.to);
  excused_until_ns_ = now_ns;
  jump_ = planned;
  if (position_ >= jump_->from) perform_jump(now_ns);
}

// The index behind the last packet of the video unit that was begun; empty when it is not in yet.
std::optional<std::uint64_t> PlayHead::end_of_unit() const {
  if (!in_unit_) return position_;
  for (auto i = std::max(position_, stream().begin()); i < stream().end(); ++i)
    if (const auto& packet = stream().packet(i); video(packet) && packet.unit_end) return i + 1;
  return {};
}

// Units are counted as they come, for the ring may forget them before the skip ends.
void PlayHead::count_skipped_units(std::uint64_t until) {
  for (auto i = std::max(units_counted_until_, stream().begin()); i < until; ++i)
    if (const auto& packet = stream().packet(i); packet.unit_begin && video(packet))
      ++skipped_units_;
  units_counted_until_ = std::max(units_counted_until_, until);
}

bool PlayHead::wanted(const rtp::OutPacket& packet) const {
  return session_.satip_stream() || session_.setup_of(packet.track);
}

bool PlayHead::video(const rtp::OutPacket& packet) const {
  return rtp::kind_of(stream().tracks()[packet.track].codec) == rtp::MediaKind::video;
}

std::int64_t PlayHead::queue_age_ns(std::int64_t now_ns) const {
  if (position_ < stream().begin()) return now_ns - stream().packet(stream().begin()).arrival_ns;
  const auto first = next(position_);
  return first == stream().end() ? 0 : now_ns - stream().packet(first).arrival_ns;
}

}  // namespace gateway::rtsp
