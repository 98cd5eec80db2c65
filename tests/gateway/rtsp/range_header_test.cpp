#include "gateway/rtsp/range_header.hpp"

#include <doctest/doctest.h>

#include <sstream>

using namespace gateway::rtsp;

namespace {

std::string read(const char* header) {
  const auto range = parse_range(header);
  if (!range) return "none";
  std::ostringstream out;
  out.precision(15);
  out << (range->unit == Range::Unit::npt     ? "npt "
          : range->unit == Range::Unit::clock ? "clock "
                                              : "smpte ");
  if (range->from_now) out << "now";
  if (range->begin) out << *range->begin;
  out << ' ';
  if (range->end) out << *range->end;
  return out.str();
}

}  // namespace

TEST_CASE("ranges") {
  const struct {
    const char* header;
    const char* expected;
  } cases[] = {
      {"npt=now-", "npt now "},
      {"npt=0.000-", "npt 0 "},
      {"npt=10-20.5", "npt 10 20.5"},
      {"npt=0:01:02.5-", "npt 62.5 "},
      {"npt=-5", "npt  5"},
      {"NPT = 1 - 2 ;time=19970123T143720Z", "npt 1 2"},
      {"clock=19961108T142300Z-19961108T143520.25Z", "clock 847462980 847463720.25"},
      {"clock=19961308T142300Z-", "none"},
      {"smpte=10:07:00-10:07:33:05.01", "smpte  "},
      {"smpte-25=10:07:00-", "smpte  "},
      {"npt=-", "none"},
      {"npt=a-b", "none"},
      {"npt=1", "none"},
      {"npt=1:2:3:4-", "none"},
      {"furlong=1-2", "none"},
      {"", "none"},
  };
  for (const auto& c : cases) {
    CAPTURE(c.header);
    CHECK(read(c.header) == c.expected);
  }
}
