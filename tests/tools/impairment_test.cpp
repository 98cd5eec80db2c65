#include "tools/gbcam/impairment.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <numeric>

using gbcam::Faults;
using gbcam::Impairment;

namespace {

std::vector<int> numbers(int count) {
  std::vector<int> values(static_cast<std::size_t>(count));
  std::iota(values.begin(), values.end(), 0);
  return values;
}

std::vector<int> after(const Faults& faults, int count, Impairment::Counters* counters = nullptr) {
  Impairment impairment(faults);
  std::vector<int> packets = numbers(count);
  impairment.apply(packets);
  if (counters) *counters = impairment.counters();
  return packets;
}

}  // namespace

TEST_CASE("without faults everything arrives as sent") {
  CHECK(after({}, 100) == numbers(100));
}

TEST_CASE("loss takes about its share, and counts it") {
  Impairment::Counters counters;
  const auto left = after({.loss_percent = 10}, 10'000, &counters);
  CHECK(left.size() + counters.lost == 10'000);
  CHECK(counters.lost > 800);
  CHECK(counters.lost < 1200);
  CHECK(std::is_sorted(left.begin(), left.end()));
  CHECK(after({.loss_percent = 100}, 50).empty());
}

TEST_CASE("duplicates stand beside their originals") {
  Impairment::Counters counters;
  auto packets = after({.duplicate_percent = 20}, 1000, &counters);
  CHECK(packets.size() == 1000 + counters.duplicated);
  CHECK(std::is_sorted(packets.begin(), packets.end()));
  packets.erase(std::unique(packets.begin(), packets.end()), packets.end());
  CHECK(packets == numbers(1000));
}

TEST_CASE("reordering loses nothing and moves nothing far") {
  Impairment::Counters counters;
  auto packets = after({.reorder_percent = 5}, 1000, &counters);
  CHECK(counters.reordered > 20);
  CHECK_FALSE(std::is_sorted(packets.begin(), packets.end()));
  std::sort(packets.begin(), packets.end());
  CHECK(packets == numbers(1000));
}

TEST_CASE("one seed gives one behaviour, another seed another") {
  const Faults faults{.loss_percent = 5, .reorder_percent = 5, .duplicate_percent = 5, .seed = 7};
  Faults other = faults;
  other.seed = 8;
  CHECK(after(faults, 500) == after(faults, 500));
  CHECK(after(faults, 500) != after(other, 500));
}

TEST_CASE("jitter delays a frame by no more than was asked") {
  Impairment none({});
  CHECK(none.frame_delay().count() == 0);
  Impairment some({.jitter = std::chrono::milliseconds(20)});
  bool differs = false;
  const auto first = some.frame_delay();
  for (int i = 0; i < 100; ++i) {
    const auto delay = some.frame_delay();
    CHECK(delay.count() >= 0);
    CHECK(delay <= std::chrono::milliseconds(20));
    differs = differs || delay != first;
  }
  CHECK(differs);
}
