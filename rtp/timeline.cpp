#include "rtp/timeline.hpp"

#include <algorithm>

#include "rtp/time.hpp"

namespace rtp {
namespace {

constexpr std::int64_t bits_33 = std::int64_t{1} << 33;
constexpr std::int64_t bits_32 = std::int64_t{1} << 32;

// `difference` modulo `modulus`, as near to 0 as can be.
std::int64_t fold(std::int64_t difference, std::int64_t modulus) {
  auto rest = difference % modulus;
  if (rest > modulus / 2) rest -= modulus;
  if (rest < -modulus / 2) rest += modulus;
  return rest;
}

std::int64_t elapsed_90khz(std::int64_t from_ns, std::int64_t to_ns) {
  return ns_to_90khz(std::max<std::int64_t>(0, to_ns - from_ns));
}

}  // namespace

std::int64_t Timeline::map(std::size_t track, std::int64_t raw_pts_90khz, std::int64_t arrival_ns) {
  auto& t = tracks_[index(track)];
  if (!t.started) return start(t, raw_pts_90khz, arrival_ns);
  watch_movement(t, raw_pts_90khz);
  if (t.stuck) return stand_in(t, raw_pts_90khz, arrival_ns);
  return go_on(t, raw_pts_90khz, arrival_ns);
}

// A track that shows up later lies where its PTS says, when that is near now; a track with a clock
// of its own lies where it arrives.
std::int64_t Timeline::start(Track& t, std::int64_t input, std::int64_t arrival_ns) {
  t.started = true;
  t.input = t.raw = input;
  t.floor = INT64_MIN;
  if (!started_) {
    started_ = true;
    offset_ = options_.start_90khz - input;
  } else {
    const auto due = newest_out_ + elapsed_90khz(newest_arrival_ns_, arrival_ns);
    const auto distance = due - (input + offset_);
    for (const auto modulus : {std::int64_t{0}, bits_33, bits_32}) {
      const auto off = modulus == 0 ? distance : fold(distance, modulus);
      t.own_clock = std::abs(off) > options_.jump_ahead_90khz;
      if (t.own_clock) continue;
      t.raw = input + distance - off;
      break;
    }
    if (t.own_clock) t.offset = due - input;
  }
  if (!t.own_clock) t.offset = offset_;
  t.highest = t.raw + t.offset;
  return finish(t, t.raw + t.offset, arrival_ns);
}

// 33 bits, as the standard says; 32, as some count. Anything else is no wrap.
std::int64_t Timeline::unwrap(const Track& t, std::int64_t input, std::int64_t arrival_ns) {
  const auto step = input - t.input;
  if (std::abs(step) < bits_32 / 2) return t.raw + step;
  const auto most = options_.jump_ahead_90khz + elapsed_90khz(t.arrival_ns, arrival_ns);
  for (const auto modulus : {bits_33, bits_32}) {
    const auto folded = fold(step, modulus);
    if (folded < -options_.jump_back_90khz || folded > most) continue;
    ++wraps_;
    return t.raw + folded;
  }
  return t.raw + step;
}

std::int64_t Timeline::go_on(Track& t, std::int64_t input, std::int64_t arrival_ns) {
  t.raw = unwrap(t, input, arrival_ns);
  t.input = input;
  const auto candidate = t.raw + t.offset;
  const bool overlaps = t.restarted && candidate <= t.highest;
  if (overlaps || !fits(t, candidate, arrival_ns)) rebase(t, input, arrival_ns);
  t.restarted = false;
  return finish(t, t.raw + t.offset, arrival_ns);
}

// Near the last one, or as far from it as the arrival says (a gap in the transmission).
bool Timeline::fits(const Track& t, std::int64_t candidate, std::int64_t arrival_ns) const {
  const auto step = candidate - t.out;
  if (step < -options_.jump_back_90khz) return false;
  const auto waited = elapsed_90khz(t.arrival_ns, arrival_ns);
  return step <= options_.jump_ahead_90khz || std::abs(step - waited) <= options_.jump_ahead_90khz;
}

// The first track to jump sets the offset; the others follow it when they jump to the same place,
// so that sound and picture keep their distance.
void Timeline::rebase(Track& t, std::int64_t input, std::int64_t arrival_ns) {
  const auto due = t.highest + std::max(t.duration, elapsed_90khz(t.arrival_ns, arrival_ns));
  t.raw = t.input = input;
  t.floor = t.highest;
  const bool others_moved = !t.own_clock && t.offset != offset_;
  if (others_moved && std::abs(input + offset_ - due) <= options_.jump_ahead_90khz) {
    t.offset = offset_;
    return;
  }
  ++jumps_;
  t.offset = due - input;
  if (!t.own_clock) offset_ = t.offset;
}

void Timeline::watch_movement(Track& t, std::int64_t input) const {
  const bool same = input == t.input;
  t.equal = same ? t.equal + 1 : 0;
  t.moving = same ? 0 : t.moving + 1;
  if (t.equal >= options_.stuck_units) t.stuck = true;
}

// The clock stands still (or moves once per GOP): arrival times serve until it has moved with
// every unit for a while.
std::int64_t Timeline::stand_in(Track& t, std::int64_t input, std::int64_t arrival_ns) {
  if (t.moving >= options_.stuck_units) {
    t.stuck = false;
    rebase(t, input, arrival_ns);
    return finish(t, t.raw + t.offset, arrival_ns);
  }
  t.raw = t.input = input;
  const auto waited = elapsed_90khz(t.arrival_ns, arrival_ns);
  return finish(t, t.highest + std::max<std::int64_t>(1, waited), arrival_ns);
}

std::int64_t Timeline::finish(Track& t, std::int64_t out, std::int64_t arrival_ns) {
  if (out <= t.floor) out = std::max(t.floor, t.out) + 1;
  const auto step = out - t.out;
  if (step > 0 && step < 90000) t.duration = (t.duration * 3 + step) / 4;
  t.out = out;
  t.highest = std::max(t.highest, out);
  t.arrival_ns = arrival_ns;
  newest_out_ = out;
  newest_arrival_ns_ = arrival_ns;
  return out;
}

void Timeline::on_source_restart() {
  for (auto& t : tracks_) {
    t.restarted = t.started;
    t.stuck = false;
    t.equal = t.moving = 0;
  }
}

std::string Timeline::describe() const {
  std::string text = std::to_string(jumps_) + " jumps, " + std::to_string(wraps_) + " wraps";
  for (std::size_t i = 0; i < max_tracks; ++i) {
    if (!tracks_[i].started) continue;
    text += "; track " + std::to_string(i) + " at " + std::to_string(tracks_[i].out);
    if (tracks_[i].stuck) text += " by arrival";
    if (tracks_[i].own_clock) text += " by a clock of its own";
  }
  return text;
}

// ---- CaptureClock ----

void CaptureClock::observe(std::int64_t pts_90khz, std::int64_t wall_ns) {
  const auto offset_ns = wall_ns - ns_of_90khz(pts_90khz);
  put_in_bucket(offset_ns, wall_ns);
  if (!known_) {
    known_ = true;
    offset_ns_ = offset_ns;
    last_wall_ns_ = wall_ns;
    settled_ns_ = wall_ns + 2 * ns_per_second;
  }
  approach(smallest(), wall_ns);
}

void CaptureClock::put_in_bucket(std::int64_t offset_ns, std::int64_t wall_ns) {
  const auto number = wall_ns / bucket_ns;
  auto moved = number - bucket_number_;
  if (moved < 0) moved = bucket_count;  // the host's clock was set back: nothing of before counts
  moved = std::min<std::int64_t>(moved, bucket_count);
  for (std::int64_t i = 0; i < moved; ++i)
    buckets_[static_cast<std::size_t>(number - i) % bucket_count].reset();
  bucket_number_ = number;
  auto& bucket = buckets_[static_cast<std::size_t>(number) % bucket_count];
  bucket = std::min(bucket.value_or(offset_ns), offset_ns);
}

std::int64_t CaptureClock::smallest() const {
  auto least = INT64_MAX;
  for (const auto& bucket : buckets_) least = std::min(least, bucket.value_or(INT64_MAX));
  return least;
}

// By at most 0.5 % of the time that passed, so that players never hear it. Half a second off is no
// jitter: then at once.
void CaptureClock::approach(std::int64_t target_ns, std::int64_t wall_ns) {
  const auto passed_ns = std::max<std::int64_t>(0, wall_ns - last_wall_ns_);
  last_wall_ns_ = wall_ns;
  const auto off = target_ns - offset_ns_;
  const bool settling = wall_ns < settled_ns_ && off < 0;
  const bool far = std::abs(off) > ns_per_second / 2;
  const auto most = passed_ns / 200;
  offset_ns_ += settling || far ? off : std::clamp(off, -most, most);
}

std::int64_t CaptureClock::wall_ns_at(std::int64_t pts_90khz) const {
  return known_ ? offset_ns_ + ns_of_90khz(pts_90khz) : 0;
}

}  // namespace rtp
