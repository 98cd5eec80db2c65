// One continuous time line for all tracks of a stream, whatever the source's clock does: wraps at
// 33 or 32 bits, jumps, restarts at 0, stands still. And its tie to the wall clock. Pure.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace rtp {

struct TimelineOptions {
  std::int64_t jump_ahead_90khz = 2 * 90000;  // more than this beyond what was due is a jump
  std::int64_t jump_back_90khz = 90000;       // less than this back is reordering (B frames)
  std::uint32_t stuck_units = 10;             // so many equal PTS in a row: go by arrival
  std::int64_t start_90khz = 900000;          // where the time line begins
};

// Call map() once for each access unit. Tracks keep their distance from each other: a jump moves
// all of them by the same offset.
class Timeline {
 public:
  static constexpr std::size_t max_tracks = 8;  // higher indices share the last one's state

  explicit Timeline(TimelineOptions options = {}) : options_(options) {}

  // Where the unit lies on the time line, in 90 kHz ticks. `raw_pts_90khz` is the source's PTS,
  // unwrapped or not. Small steps back (B frames) are kept; the line never jumps.
  std::int64_t map(std::size_t track, std::int64_t raw_pts_90khz, std::int64_t arrival_ns);
  // The source was replaced (re-INVITE, camera restart): what comes next continues the line at
  // the distance in time at which it arrives.
  void on_source_restart();

  std::uint64_t timestamp_jumps() const { return jumps_; }
  std::uint64_t wraps() const { return wraps_; }
  // The track's clock stands still and arrival times serve instead.
  bool stuck(std::size_t track) const { return tracks_[index(track)].stuck; }
  std::string describe() const;

 private:
  struct Track {
    bool started = false, stuck = false, restarted = false;
    bool own_clock = false;        // never was near the other tracks' time
    std::int64_t input = 0;        // last source PTS as it came
    std::int64_t raw = 0;          // the same, unwrapped
    std::int64_t offset = 0;       // out = raw + offset
    std::int64_t out = 0;          // last result
    std::int64_t highest = 0;      // highest result
    std::int64_t floor = 0;        // highest result before the last jump; never reached again
    std::int64_t arrival_ns = 0;   // of the last unit
    std::int64_t duration = 3600;  // of a unit, from the last steps
    std::uint32_t equal = 0, moving = 0;
  };

  static std::size_t index(std::size_t track) {
    return track < max_tracks ? track : max_tracks - 1;
  }
  std::int64_t unwrap(const Track& track, std::int64_t input, std::int64_t arrival_ns);
  std::int64_t start(Track& track, std::int64_t input, std::int64_t arrival_ns);
  std::int64_t go_on(Track& track, std::int64_t input, std::int64_t arrival_ns);
  std::int64_t stand_in(Track& track, std::int64_t input, std::int64_t arrival_ns);
  bool fits(const Track& track, std::int64_t candidate, std::int64_t arrival_ns) const;
  void rebase(Track& track, std::int64_t input, std::int64_t arrival_ns);
  void watch_movement(Track& track, std::int64_t input) const;
  std::int64_t finish(Track& track, std::int64_t out, std::int64_t arrival_ns);

  TimelineOptions options_;
  std::array<Track, max_tracks> tracks_;
  bool started_ = false;
  std::int64_t offset_ = 0;  // shared by all tracks that follow the source's clock
  std::int64_t newest_raw_ = 0, newest_out_ = 0, newest_arrival_ns_ = 0;
  std::uint64_t jumps_ = 0, wraps_ = 0;
};

// When a point of the time line was captured: the smallest (wall clock - PTS) of the last half
// minute, approached smoothly, so that network jitter does not reach the NTP time of our SRs while
// the drift of the camera's clock is followed.
class CaptureClock {
 public:
  // For each unit: where it lies on the time line and when its first byte came in.
  void observe(std::int64_t pts_90khz, std::int64_t wall_ns);
  bool known() const { return known_; }
  // The wall clock at that point; 0 while not known.
  std::int64_t wall_ns_at(std::int64_t pts_90khz) const;

 private:
  static constexpr std::size_t bucket_count = 6;
  static constexpr std::int64_t bucket_ns = 5'000'000'000;

  void put_in_bucket(std::int64_t offset_ns, std::int64_t wall_ns);
  std::int64_t smallest() const;
  void approach(std::int64_t target_ns, std::int64_t wall_ns);

  std::array<std::optional<std::int64_t>, bucket_count> buckets_;
  std::int64_t bucket_number_ = 0;
  std::int64_t offset_ns_ = 0, last_wall_ns_ = 0;
  std::int64_t settled_ns_ = 0;  // until then every smaller offset is taken at once
  bool known_ = false;
};

}  // namespace rtp
