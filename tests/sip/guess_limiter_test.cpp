// The brake on guessing: traces of wrong (w) and right (r) passwords and what is locked then.
#include "sip/guess_limiter.hpp"

#include <doctest/doctest.h>

#include <string>

namespace sip {
namespace {

using std::chrono::seconds;

const TimePoint start = TimePoint{} + std::chrono::hours(100);

IpAddress ip(int n) {
  return IpAddress::v4({192, 0, static_cast<std::uint8_t>(n >> 8), static_cast<std::uint8_t>(n)});
}

// Tries `times` times at `now`, as long as it is not locked; how often it could.
int guess(GuessLimiter& limiter, int address, const std::string& user, int times, TimePoint now) {
  int tried = 0;
  for (int i = 0; i < times; ++i) {
    if (limiter.locked(ip(address), user, now) > seconds(0)) break;
    limiter.wrong(ip(address), user, now);
    ++tried;
  }
  return tried;
}

}  // namespace

TEST_CASE("guesses in an hour") {
  struct Case {
    const char* name;
    int addresses, users;
    int at_most;
  };
  const Case cases[] = {
      {"one address, one user", 1, 1, 30},
      {"one address, many users", 1, 200, 80},
      {"many addresses, one user", 1000, 1, 100 + 1000 * 25},
  };
  for (const auto& c : cases) {
    CAPTURE(c.name);
    GuessLimiter limiter({}, 1);
    int tried = 0;
    for (int s = 0; s < 3600; ++s)
      for (int n = 0; n < (s % 60 == 0 ? c.addresses : 1); ++n)
        tried += guess(limiter, n, "u" + std::to_string(s % c.users), 10, start + seconds(s));
    CAPTURE(tried);
    CHECK(tried > 0);
    CHECK(tried <= c.at_most);
  }
}

TEST_CASE("an attack on a user from everywhere leaves the user alone") {
  GuessLimiter limiter({}, 1);
  for (int n = 0; n < 2000; ++n) guess(limiter, 100 + n, "alice", 10, start);
  CHECK(limiter.locked(ip(1), "alice", start) == seconds(0));
  limiter.right(ip(1), "alice", start);
  CHECK(limiter.locked(ip(1), "alice", start) == seconds(0));
  CHECK(guess(limiter, 9000, "alice", 10, start) == 1);  // but one guess an address is all
  CHECK(guess(limiter, 9000, "bob", 10, start) == 5);
}

TEST_CASE("those who were right behind a NAT stay in when its address is locked") {
  GuessLimiter limiter({}, 1);
  limiter.wrong(ip(1), "eve", start);
  limiter.right(ip(1), "alice", start);
  for (int n = 0; n < 60; ++n) guess(limiter, 1, "u" + std::to_string(n), 1, start);
  CHECK(limiter.locked(ip(1), "eve", start) > seconds(0));
  CHECK(limiter.locked(ip(1), "bob", start) > seconds(0));
  CHECK(limiter.locked(ip(1), "alice", start) == seconds(0));
}

TEST_CASE("a right password forgives the typing errors before it") {
  GuessLimiter limiter({}, 1);
  for (int i = 0; i < 8; ++i) {
    CHECK(guess(limiter, 1, "alice", 4, start) == 4);
    limiter.right(ip(1), "alice", start);
  }
}

TEST_CASE("a flood of addresses does not grow it, and locks that run are kept") {
  GuessLimiter limiter({.entries = 64}, 1);
  CHECK(guess(limiter, 1, "alice", 10, start) == 5);
  for (int n = 0; n < 10000; ++n) guess(limiter, 100 + n, "u" + std::to_string(n), 1, start);
  CHECK(limiter.locked(ip(1), "alice", start) > seconds(0));
}

}  // namespace sip
