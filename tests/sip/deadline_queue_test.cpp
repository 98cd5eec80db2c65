// Deadlines in queues, beside a plain list that says what must come out.
#include "sip/deadline_queue.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <vector>

using namespace std::chrono_literals;
using namespace sip;

namespace {

// The same as DeadlineQueue, and obviously right.
struct Plain {
  std::vector<TimePoint> due;
  TimePoint next() const { return *std::min_element(due.begin(), due.end()); }
};

void check_same(DeadlineQueue& queue, const Plain& plain) {
  REQUIRE(queue.next() == plain.next());
  if (plain.next() != never) REQUIRE(plain.due[queue.first()] == plain.next());
}

}  // namespace

TEST_CASE("the earliest comes first, whatever was moved or removed") {
  DeadlineQueue queue;
  std::mt19937 random(5);
  Plain plain{std::vector<TimePoint>(500, never)};
  for (int step = 0; step < 20'000; ++step) {
    const auto item = static_cast<std::uint32_t>(random() % plain.due.size());
    const auto at = random() % 4 == 0 ? never : TimePoint{} + std::chrono::seconds(random() % 1000);
    plain.due[item] = at;
    queue.set(item, at);
    if (random() % 8 == 0) check_same(queue, plain);
  }
  TimePoint last{};
  for (; queue.next() != never; queue.remove(queue.first())) {
    CHECK(queue.next() >= last);
    last = queue.next();
    plain.due[queue.first()] = never;
  }
  CHECK(plain.next() == never);
}

// As transactions use it: few durations, time goes on, what is due is taken out.
TEST_CASE("few durations while time goes on") {
  constexpr Duration durations[] = {200ms, 500ms, 1s, 2s, 4s, 5s, 30s, 32s};
  DeadlineQueue queue;
  std::mt19937 random(7);
  Plain plain{std::vector<TimePoint>(300, never)};
  TimePoint now{};
  for (int step = 0; step < 50'000; ++step, now += 3ms) {
    const auto item = static_cast<std::uint32_t>(random() % plain.due.size());
    const auto at = random() % 5 == 0 ? never : now + durations[random() % std::size(durations)];
    plain.due[item] = at;
    queue.set(item, at);
    while (queue.next() <= now) {
      REQUIRE(plain.due[queue.first()] == queue.next());
      plain.due[queue.first()] = never;
      queue.remove(queue.first());
    }
    if (step % 16 == 0) check_same(queue, plain);
  }
}

TEST_CASE("a deadline moved to and fro for ever does not fill the memory") {
  DeadlineQueue queue;
  TimePoint now{};
  for (int i = 0; i < 100'000; ++i) {
    queue.set(7, now + 30s);
    queue.set(7, now + 30s - i * 1us);  // earlier each time: the old entries are left behind
  }
  CHECK(queue.entries() < 5'000);
  CHECK(queue.next() == now + 30s - 99'999us);
  queue.remove(7);
  CHECK(queue.next() == never);
  CHECK(queue.entries() == 0);
}
