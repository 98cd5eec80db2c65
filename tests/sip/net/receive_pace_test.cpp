// When a socket rests, in virtual time: open loops (peers send when they want) gain, closed loops
// (peers wait for the answer) are left alone.
#include "sip/net/receive_pace.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <vector>

using namespace std::chrono_literals;
using namespace sip;
using sip::net::ReceivePace;

namespace {

struct Load {
  double per_second = 0;      // open loop: arrivals at random
  int window = 0;             // closed loop: so many wait for an answer
  Duration answer_to_next{};  // closed loop: until the peer has sent again
  Duration lull{};            // once a second nobody sends for so long
  Duration cost = 10us;       // of serving one
};
struct Outcome {
  double wakes_per_second;
  double served_per_second;
  Duration latest;
};

// Serves the load for `duration` after a second of getting to know it.
class World {
 public:
  World(const Load& load, Duration rest) : load_(load), pace_(rest), random_(11) {
    if (load_.window > 0) {
      for (int i = 0; i < load_.window; ++i) arrivals_.push_back(now_ + i * 1us);
    } else {
      arrivals_.push_back(now_ + gap());
    }
  }

  Outcome run(Duration duration) {
    while (now_ < TimePoint{} + 1s) turn();
    wakes_ = served_ = 0;
    latest_ = {};
    const auto begin = now_;
    while (now_ < begin + duration) turn();
    const auto seconds = std::chrono::duration<double>(now_ - begin).count();
    return {static_cast<double>(wakes_) / seconds, static_cast<double>(served_) / seconds, latest_};
  }

 private:
  Duration gap() {
    std::exponential_distribution<double> wait(load_.per_second);
    return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(wait(random_)));
  }
  // The next arrivals that are there by `by`, taken out.
  std::size_t take(TimePoint by) {
    std::size_t count = 0;
    while (!arrivals_.empty() && *std::ranges::min_element(arrivals_) <= by) {
      const auto first = std::ranges::min_element(arrivals_);
      latest_ = std::max(latest_, by - *first);
      const auto at = *first;
      arrivals_.erase(first);
      if (load_.window == 0) arrivals_.push_back(at + gap());
      ++count;
    }
    return count;
  }
  void hold_back() {
    if (load_.lull == Duration::zero() || now_ < lull_at_) return;
    for (auto& at : arrivals_) at = std::max(at, now_) + load_.lull;
    lull_at_ = now_ + 1s;
  }
  void turn() {
    hold_back();
    if (rest_ == Duration::zero()) {
      now_ = std::max(now_, *std::ranges::min_element(arrivals_));
    } else {
      now_ += rest_;
    }
    ++wakes_;
    const auto begun = now_;
    const auto count = take(now_);
    now_ += static_cast<int>(count) * load_.cost;
    if (load_.window > 0)
      for (std::size_t i = 0; i < count; ++i) arrivals_.push_back(now_ + load_.answer_to_next);
    served_ += count;
    rest_ = pace_.after(count, begun, now_);
  }

  Load load_;
  ReceivePace pace_;
  std::mt19937 random_;
  TimePoint now_{}, lull_at_{};
  Duration rest_{};
  std::vector<TimePoint> arrivals_;
  std::size_t wakes_ = 0, served_ = 0;
  Duration latest_{};
};

}  // namespace

TEST_CASE("a socket rests when that saves wakes") {
  const struct {
    const char* name;
    Load load;
    double wakes_at_least, wakes_at_most;
    Duration latest;
    Duration rest = 5ms;
  } rows[] = {
      {"a keepalive now and then is answered at once", {.per_second = 20}, 15, 25, 1ms},
      {"100 a second, too", {.per_second = 100}, 80, 120, 1ms},
      {"100,000 devices, a keepalive a minute: 8 of them in a wake",
       {.per_second = 1667},
       150,
       215,
       7ms},
      {"500 a second", {.per_second = 500}, 150, 215, 7ms},
      {"10,000 devices, when a rest is long enough", {.per_second = 167}, 45, 90, 18ms, 16ms},
      {"and not for one or none", {.per_second = 50}, 40, 60, 1ms, 16ms},
      {"a busy thread finds several anyhow", {.per_second = 40'000}, 1'000, 40'000, 6ms},
  };
  for (const auto& row : rows) {
    CAPTURE(row.name);
    const auto outcome = World(row.load, row.rest).run(10s);
    CHECK(outcome.served_per_second == doctest::Approx(row.load.per_second).epsilon(0.15));
    CHECK(outcome.wakes_per_second >= row.wakes_at_least);
    CHECK(outcome.wakes_per_second <= row.wakes_at_most);
    CHECK(outcome.latest <= row.latest);
  }
}

TEST_CASE("peers that wait for each answer are not slowed down") {
  const Load rows[] = {
      {.window = 1, .answer_to_next = 20us},
      {.window = 1, .answer_to_next = 200us},
      {.window = 4, .answer_to_next = 100us},
      {.window = 32, .answer_to_next = 30us},
      {.window = 32, .answer_to_next = 2ms},
      // A lull makes the rate look low: what was learnt then must not stay.
      {.window = 32, .answer_to_next = 30us, .lull = 70ms},
      {.window = 32, .answer_to_next = 30us, .lull = 120ms},
      {.window = 4, .answer_to_next = 100us, .lull = 99ms},
  };
  for (const auto& load : rows) {
    CAPTURE(load.window);
    CAPTURE(load.lull.count());
    const auto without = World(load, 0ms).run(4s), with = World(load, 5ms).run(4s);
    CHECK(with.served_per_second > 0.93 * without.served_per_second);
  }
}

TEST_CASE("a load that ends leaves nothing resting for long") {
  ReceivePace pace(5ms);
  TimePoint now{};
  Duration rest{};
  for (int i = 0; i < 2000; ++i, now += 600us) rest = pace.after(1, now, now + 10us);
  CHECK(rest == 5ms);
  int empty = 0;
  for (; rest != 0ms; ++empty) {
    now += rest;
    rest = pace.after(0, now, now);
  }
  CHECK(empty < 20);
}

TEST_CASE("zero turns it off") {
  ReceivePace pace(0ms);
  TimePoint now{};
  for (int i = 0; i < 2000; ++i, now += 600us) REQUIRE(pace.after(1, now, now + 10us) == 0ms);
}
