#include "gateway/rtsp/range_header.hpp"

#include <cstdlib>
#include <string>

#include "gateway/rtsp/scan.hpp"

namespace gateway::rtsp {
namespace {

std::optional<double> parse_decimal(std::string_view text) {
  if (text.empty() || text.size() > 24 ||
      text.find_first_not_of("0123456789.") != std::string_view::npos)
    return {};
  const std::string copy(text);
  char* end = nullptr;
  const double value = std::strtod(copy.c_str(), &end);
  if (*end != '\0') return {};
  return value;
}

// "12.5" or "h:mm:ss.f".
std::optional<double> parse_npt(std::string_view text) {
  double seconds = 0;
  for (int parts = 0; parts < 3; ++parts) {
    const auto colon = text.find(':');
    const auto part = parse_decimal(text.substr(0, colon));
    if (!part) return {};
    seconds = seconds * 60 + *part;
    if (colon == std::string_view::npos) return seconds;
    text.remove_prefix(colon + 1);
  }
  return {};
}

// "19961108T142300.25Z".
std::optional<double> parse_clock(std::string_view text) {
  if (text.size() < 16 || text[8] != 'T' || text.back() != 'Z') return {};
  const auto field = [&](std::size_t at, std::size_t n) {
    return parse_number<unsigned>(text.substr(at, n));
  };
  const auto year = field(0, 4), month = field(4, 2), day = field(6, 2);
  const auto hour = field(9, 2), minute = field(11, 2);
  const auto second = parse_decimal(text.substr(13, text.size() - 14));
  if (!year || !month || !day || !hour || !minute || !second) return {};
  const std::chrono::year_month_day date{std::chrono::year(static_cast<int>(*year)),
                                         std::chrono::month(*month), std::chrono::day(*day)};
  if (!date.ok() || *hour > 23 || *minute > 59 || *second >= 61) return {};
  const auto days = std::chrono::sys_days(date).time_since_epoch();
  return std::chrono::duration<double>(days).count() + *hour * 3600.0 + *minute * 60.0 + *second;
}

}  // namespace

std::optional<Range> parse_range(std::string_view header) {
  auto list = header;
  const auto spec = take_element(list, ';');  // what follows is ;time=
  const auto [unit, span] = split(spec, '=');
  const auto dash = span.find('-');
  Range range;
  if (istarts_with(unit, "smpte")) {
    range.unit = Range::Unit::smpte;
    return range;
  }
  if (dash == std::string_view::npos) return {};
  const auto begin = trim(span.substr(0, dash)), end = trim(span.substr(dash + 1));
  if (begin.empty() && end.empty()) return {};
  const bool npt = iequals(unit, "npt");
  if (!npt && !iequals(unit, "clock")) return {};
  range.unit = npt ? Range::Unit::npt : Range::Unit::clock;
  const auto parse = npt ? parse_npt : parse_clock;
  range.from_now = npt && iequals(begin, "now");
  if (!range.from_now && !begin.empty() && !(range.begin = parse(begin))) return {};
  if (!end.empty() && !(range.end = parse(end))) return {};
  return range;
}

}  // namespace gateway::rtsp
