#include "rtp/reception_stats.hpp"

#include <doctest/doctest.h>

#include <vector>

#include "rtp/time.hpp"

namespace {

using rtp::ns_per_ms;

void feed(rtp::ReceptionStats& stats, const std::vector<int>& sequences) {
  for (const int n : sequences)
    stats.on_packet(static_cast<std::uint16_t>(n), static_cast<std::uint32_t>(n) * 3600,
                    n * 40 * ns_per_ms);
}

TEST_CASE("losses are counted as RFC 3550 A.3 does") {
  struct Case {
    const char* name;
    std::vector<int> sequences;
    int lost;
    int fraction;
    std::uint32_t highest;
  };
  const Case cases[] = {
      {"nothing lost", {1, 2, 3, 4}, 0, 0, 4},
      {"one of four", {1, 2, 4}, 1, 64, 4},
      {"reordered is not lost", {1, 3, 2, 4}, 0, 0, 4},
      {"a duplicate counts as received", {1, 2, 2, 3}, -1, 0, 3},
      {"over the wrap", {65534, 65535, 65536, 65538}, 1, 51, 65538},
      {"a stray is not the source's", {1, 2, 30000, 3}, 0, 0, 3},
      {"two in a row start over", {1, 2, 30000, 30001, 30002}, 0, 0, 30002},
  };
  for (const auto& c : cases) {
    CAPTURE(c.name);
    rtp::ReceptionStats stats;
    feed(stats, c.sequences);
    const auto block = stats.report(7);
    CHECK(block.ssrc == 7);
    CHECK(block.cumulative_lost == c.lost);
    CHECK(int{block.fraction_lost} == c.fraction);
    CHECK(block.highest_sequence == c.highest);
  }
}

TEST_CASE("the fraction is of the time since the last report") {
  rtp::ReceptionStats stats;
  feed(stats, {0, 1, 3});
  CHECK(int{stats.report(1).fraction_lost} == 64);
  feed(stats, {4, 5, 6, 7});
  const auto second = stats.report(1);
  CHECK(int{second.fraction_lost} == 0);
  CHECK(second.cumulative_lost == 1);
}

TEST_CASE("jitter follows A.8") {
  rtp::ReceptionStats even;
  for (std::uint16_t n = 0; n < 100; ++n) even.on_packet(n, n * 3600u, n * 40 * ns_per_ms);
  CHECK(even.jitter() == 0);

  // Every other packet 10 ms late: |D| is 900 ticks each time, and the mean goes there.
  rtp::ReceptionStats uneven;
  for (std::uint16_t n = 0; n < 500; ++n)
    uneven.on_packet(n, n * 3600u, (n * 40 + n % 2 * 10) * ns_per_ms);
  CHECK(uneven.jitter() == doctest::Approx(900).epsilon(0.02));
  CHECK(uneven.jitter_ms() == doctest::Approx(10).epsilon(0.02));
}

TEST_CASE("a jump of the source's clock is not jitter") {
  rtp::ReceptionStats stats;
  for (std::uint16_t n = 0; n < 50; ++n)
    stats.on_packet(n, n * 3600u + (n < 25 ? 0u : 90'000'000u), n * 40 * ns_per_ms);
  CHECK(stats.jitter() == 0);
}

}  // namespace
