#include "sip/date.hpp"

#include <doctest/doctest.h>

using namespace std::chrono;
using namespace std::chrono_literals;

TEST_CASE("Date in both forms (RFC 3261 20.17, GB/T 28181 9.10.3)") {
  const auto day = sys_days(2026y / March / 1);
  const struct {
    const char* text;
    sip::WallTime time;
  } rows[] = {
      {"2026-03-01T09:30:00.125", day + 1h + 30min + 125ms},
      {"2026-03-01T09:30:00", day + 1h + 30min},
      {"2026-03-01 09:30:00", day + 1h + 30min},
      {"2026-03-01T01:30:00Z", day + 1h + 30min},
      {"2026-03-01T01:30:00.5Z", day + 1h + 30min + 500ms},
      {"2026-03-01T09:30:00+08:00", day + 1h + 30min},
      {"2026-02-28T20:30:00-0500", day + 1h + 30min},
      {" Sun, 01 Mar 2026 01:30:00 GMT", day + 1h + 30min},
      {"Sun, 1 Mar 2026 01:30:00 gmt", day + 1h + 30min},
  };
  for (const auto& row : rows) {
    CAPTURE(row.text);
    const auto time = sip::parse_date(row.text);
    REQUIRE(time.has_value());
    CHECK((*time == row.time));
  }
  for (const char* bad :
       {"", "2026-02-30T00:00:00", "2026-03-01", "2026-03-01T24:00:00", "2026-03-01T09:30",
        "2026-03-01T09:30:00+99:00", "2026-03-01T09:30:00x", "Sun, 01 Mat 2026 01:30:00 GMT",
        "Sun, 01 Mar 2026 01:30:00 CET", "Sun 01 Mar 2026 01:30:00 GMT", "yesterday"}) {
    CAPTURE(bad);
    CHECK(!sip::parse_date(bad));
  }
}

TEST_CASE("printing") {
  const sip::WallTime time = sys_days(2010y / November / 13) + 23h + 29min + 0s + 7ms;
  CHECK(sip::rfc1123_date(time) == "Sat, 13 Nov 2010 23:29:00 GMT");
  CHECK(sip::gb28181_date(time) == "2010-11-14T07:29:00.007");
  CHECK((*sip::parse_date(sip::gb28181_date(time)) == time));
}
