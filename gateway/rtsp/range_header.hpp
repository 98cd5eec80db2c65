// The Range header (RFC 2326 3.5 to 3.7, 12.29). A live stream takes no notice of what it says,
// but recordings will; so it is parsed in full. Pure.
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

namespace gateway::rtsp {

struct Range {
  enum class Unit : unsigned char { npt, clock, smpte };
  Unit unit = Unit::npt;
  bool from_now = false;             // npt=now-
  std::optional<double> begin, end;  // npt: seconds; clock: seconds since 1970 (UTC)
};

// Empty when the header is not a range. SMPTE ranges are recognised, their positions are not read.
std::optional<Range> parse_range(std::string_view header);

}  // namespace gateway::rtsp
