#include "rtp/sequence.hpp"

#include <doctest/doctest.h>

namespace {

TEST_CASE("the distance of sequence numbers is taken the short way round") {
  struct Case {
    std::uint16_t from, to;
    int expected;
  };
  const Case cases[] = {{0, 0, 0},          {0, 1, 1},         {1, 0, -1},
                        {65535, 0, 1},      {0, 65535, -1},    {65500, 100, 136},
                        {100, 65500, -136}, {0, 32767, 32767}, {0, 32768, -32768}};
  for (const auto& c : cases) {
    CAPTURE(c.from);
    CAPTURE(c.to);
    CHECK(rtp::sequence_distance(c.from, c.to) == c.expected);
    CHECK(rtp::sequence_before(c.from, c.to) == (c.expected > 0));
  }
}

TEST_CASE("extended numbers go on over wraps and come back for late packets") {
  rtp::ExtendedSequence sequence;
  CHECK(sequence.extend(65534) == 65534);
  CHECK(sequence.extend(65535) == 65535);
  CHECK(sequence.extend(1) == 65537);
  CHECK(sequence.extend(0) == 65536);
  CHECK(sequence.extend(65533) == 65533);
  CHECK(sequence.highest() == 65537);
  for (std::uint32_t n = 2; n < 200'000; ++n)
    REQUIRE(sequence.extend(static_cast<std::uint16_t>(n)) == 65536 + n);
}

TEST_CASE("a number before the very first one does not go below zero") {
  rtp::ExtendedSequence sequence;
  CHECK(sequence.extend(2) == 2);
  CHECK(sequence.extend(65535) == 65535);
  CHECK(sequence.highest() == 2);
}

}  // namespace
