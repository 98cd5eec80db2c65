#include "rtp/timeline.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <random>
#include <vector>

#include "rtp/time.hpp"

namespace {

using namespace rtp;

constexpr std::int64_t frame = 3600;  // 25 fps
constexpr std::int64_t frame_ns = 40 * ns_per_ms;

// A source whose PTS `pts(n)` belongs to frame n, which arrives every 40 ms. Checks that the time
// line goes on by one frame with each.
struct Run {
  Timeline timeline;
  std::int64_t now_ns = 0;
  std::vector<std::int64_t> out;

  void feed(std::int64_t pts, std::int64_t later_ns = frame_ns) {
    now_ns += later_ns;
    out.push_back(timeline.map(0, pts, now_ns));
  }
  std::int64_t last_step() const { return out.back() - out[out.size() - 2]; }
};

TEST_CASE("the clock's wraps and jumps do not show") {
  constexpr std::int64_t bits_33 = std::int64_t{1} << 33, bits_32 = std::int64_t{1} << 32;
  struct Case {
    const char* name;
    std::int64_t before, after;  // PTS of the last frame before and the first frame after
    std::uint64_t jumps, wraps;
  };
  const Case cases[] = {
      {"no event", 1000, 4600, 0, 0},
      {"33 bits", bits_33 - 600, 3000, 0, 1},
      {"32 bits", bits_32 - 600, 3000, 0, 1},
      {"unwrapped beyond 33 bits", bits_33 - 600, bits_33 + 3000, 0, 0},
      {"restart at 0", 123'456'789, 0, 1, 0},
      {"an hour ahead", 1000, 90000 * 3600, 1, 0},
      {"an hour back", 90000 * 7200, 90000 * 3600, 1, 0},
      {"three seconds back", 90000 * 10, 90000 * 7, 1, 0},
      {"three seconds ahead", 90000 * 10, 90000 * 13, 1, 0},
  };
  for (const auto& c : cases) {
    CAPTURE(c.name);
    Run run;
    for (int n = 20; n >= 0; --n) run.feed(c.before - n * frame);
    for (int n = 0; n < 20; ++n) {
      run.feed(c.after + n * frame);
      CHECK(run.last_step() == frame);
    }
    CHECK(run.timeline.timestamp_jumps() == c.jumps);
    CHECK(run.timeline.wraps() == c.wraps);
  }
}

TEST_CASE("a wrap on every side many times over") {
  Run run;
  std::int64_t pts = 0;
  run.feed(pts);
  for (int n = 0; n < 100'000; ++n) {
    pts = (pts + 90000) % (std::int64_t{1} << 33);
    run.feed(pts, ns_per_second);
    REQUIRE(run.last_step() == 90000);
  }
  CHECK(run.timeline.timestamp_jumps() == 0);
  CHECK(run.timeline.wraps() == 1);
}

TEST_CASE("a gap in the transmission is a gap in time, not a jump") {
  Run run;
  run.feed(0);
  run.feed(frame);
  run.feed(frame + 90000 * 10, 10 * ns_per_second);
  CHECK(run.last_step() == 90000 * 10);
  CHECK(run.timeline.timestamp_jumps() == 0);
}

TEST_CASE("a camera that restarts after ten seconds goes on ten seconds later") {
  Run run;
  for (int n = 0; n < 10; ++n) run.feed(5'000'000 + n * frame);
  run.timeline.on_source_restart();
  run.feed(0, 10 * ns_per_second);
  CHECK(run.last_step() == 90000 * 10);
  run.feed(frame);
  CHECK(run.last_step() == frame);
}

TEST_CASE("a restarted source never runs over what was sent") {
  Run run;
  for (int n = 0; n < 10; ++n) run.feed(n * frame);
  run.timeline.on_source_restart();
  run.feed(5 * frame);  // near the last one: without the restart it would be a B frame
  CHECK(run.last_step() == frame);
}

TEST_CASE("B frames keep their order of presentation") {
  Run run;
  for (const int n : {0, 3, 1, 2, 6, 4, 5, 9, 7, 8}) {
    run.feed(100'000 + n * frame);
    CHECK(run.out.back() - run.out.front() == n * frame);
  }
  CHECK(run.timeline.timestamp_jumps() == 0);
}

TEST_CASE("sound and picture keep their distance over a jump, whichever jumps first") {
  for (const std::size_t first : {0u, 1u}) {
    CAPTURE(first);
    Timeline timeline;
    std::int64_t now_ns = 0;
    const auto both = [&](std::int64_t video_pts, std::int64_t audio_pts) {
      now_ns += frame_ns;
      std::int64_t out[2];
      for (const std::size_t i : {first, 1 - first})
        out[i] = timeline.map(i, i == 0 ? video_pts : audio_pts,
                              now_ns + static_cast<int>(i) * ns_per_ms);
      return out[0] - out[1];
    };
    // The sound is 50 ms behind the picture.
    for (int n = 0; n < 50; ++n) CHECK(both(900'000 + n * frame, 895'500 + n * frame) == 4500);
    for (int n = 0; n < 50; ++n) {
      const auto distance = both(n * frame + 10'000, n * frame + 5'500);
      if (n > 3) CHECK(distance == 4500);
    }
    CHECK(timeline.timestamp_jumps() == 1);
  }
}

TEST_CASE("a track that shows up late lies where its PTS says") {
  Timeline timeline;
  const auto video = timeline.map(0, 1'000'000, 0);
  for (int n = 1; n < 100; ++n) timeline.map(0, 1'000'000 + n * frame, n * frame_ns);
  CHECK(timeline.map(1, 1'000'000 + 99 * frame + 720, 99 * frame_ns) == video + 99 * frame + 720);
  CHECK(timeline.timestamp_jumps() == 0);
}

TEST_CASE("a track with another clock lies where it arrives") {
  Timeline timeline;
  const auto video = timeline.map(0, 1'000'000, 0);
  timeline.map(0, 1'000'000 + frame, frame_ns);
  CHECK(timeline.map(1, 777'000'000, frame_ns + 10 * ns_per_ms) == video + frame + 900);
  CHECK(timeline.map(1, 777'001'800, frame_ns + 30 * ns_per_ms) == video + frame + 900 + 1800);
  // A jump of the picture does not move it.
  timeline.map(0, 0, 2 * frame_ns);
  CHECK(timeline.map(1, 777'003'600, frame_ns + 50 * ns_per_ms) == video + frame + 900 + 3600);
}

TEST_CASE("a clock that stands still is replaced by arrival") {
  Run run;
  for (int n = 0; n < 5; ++n) run.feed(n * frame);
  const auto before = run.out.back();
  for (int n = 0; n < 100; ++n) run.feed(5 * frame);
  CHECK(run.timeline.stuck(0));
  CHECK(run.last_step() == frame);
  CHECK(run.out.back() - before == doctest::Approx(100 * frame).epsilon(0.12));
  // It moves again: believed after a while, and without a jump.
  for (int n = 0; n < 30; ++n) {
    run.feed(90'000'000 + n * frame);
    CHECK(run.last_step() == frame);
  }
  CHECK_FALSE(run.timeline.stuck(0));
}

TEST_CASE("a clock that moves once per GOP counts as standing still") {
  Run run;
  for (int n = 0; n < 500; ++n) run.feed(n / 50 * 50 * frame);
  CHECK(run.timeline.stuck(0));
  const auto last_hundred = run.out.back() - run.out[run.out.size() - 101];
  CHECK(last_hundred == 100 * frame);
}

TEST_CASE("whatever comes, the line never leaps") {
  std::mt19937_64 random(5);
  Timeline timeline;
  std::int64_t now_ns = 0, pts = 0, highest = timeline.map(0, pts, now_ns);
  for (int n = 0; n < 100'000; ++n) {
    const auto waited = static_cast<std::int64_t>(random() % 100) * ns_per_ms;
    now_ns += waited;
    pts = random() % 50 == 0 ? static_cast<std::int64_t>(random() >> 20) : pts + frame;
    const auto out = timeline.map(random() % 3, pts, now_ns);
    const auto most = 2 * 90000 + ns_to_90khz(waited) + 90000;
    REQUIRE(out <= highest + most);
    highest = std::max(highest, out);
  }
}

TEST_CASE("the wall clock mapping ignores network jitter") {
  CaptureClock clock;
  CHECK_FALSE(clock.known());
  std::mt19937 random(1);
  const std::int64_t start_ns = 1'774'000'000 * ns_per_second;
  for (int n = 0; n < 2500; ++n) {  // 100 s; up to 60 ms of jitter
    const auto jitter_ns = static_cast<std::int64_t>(random() % 60) * ns_per_ms;
    clock.observe(900'000 + n * frame, start_ns + n * frame_ns + jitter_ns);
    if (n < 250) continue;
    const auto error_ns = clock.wall_ns_at(900'000 + n * frame) - (start_ns + n * frame_ns);
    REQUIRE(std::abs(error_ns) <= 3 * ns_per_ms);
  }
}

TEST_CASE("the wall clock mapping follows drift, and a clock that was set") {
  CaptureClock clock;
  const std::int64_t start_ns = 1'774'000'000 * ns_per_second;
  std::int64_t n = 0, set_ns = 0;
  const auto feed = [&](int frames) {
    for (int i = 0; i < frames; ++i, ++n) {
      const auto drift_ns = n * frame_ns / 10'000;  // 100 ppm
      clock.observe(n * frame, start_ns + set_ns + n * frame_ns + drift_ns);
    }
    const auto last = n - 1;
    return clock.wall_ns_at(last * frame) -
           (start_ns + set_ns + last * frame_ns + last * frame_ns / 10'000);
  };
  CHECK(std::abs(feed(25 * 600)) < 4 * ns_per_ms);  // the window is 30 s: 3 ms behind
  set_ns = -3600 * ns_per_second;
  CHECK(std::abs(feed(1)) < ns_per_ms);
  set_ns = 3600 * ns_per_second;
  CHECK(std::abs(feed(1)) < ns_per_ms);
}

}  // namespace
