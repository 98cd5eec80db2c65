#include "sip/date.hpp"

#include <fmt/format.h>

#include <array>
#include <chrono>
#include <optional>

#include "sip/scan.hpp"

namespace sip {
namespace {

using namespace std::chrono;

constexpr std::array<std::string_view, 12> months = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
constexpr std::array<std::string_view, 7> weekdays = {"Sun", "Mon", "Tue", "Wed",
                                                      "Thu", "Fri", "Sat"};
constexpr auto beijing = hours(8);

// A cursor over fixed fields; once something does not fit, ok stays false.
struct Fields {
  std::string_view rest;
  bool ok = true;

  int number(std::size_t digits) {
    const auto value = scan::number(rest.substr(0, digits), 9999);
    ok = ok && value && rest.size() >= digits;
    if (!ok) return 0;
    rest.remove_prefix(digits);
    return static_cast<int>(*value);
  }
  void one_of(std::string_view characters) {
    ok = ok && !rest.empty() && characters.find(rest.front()) != std::string_view::npos;
    if (ok) rest.remove_prefix(1);
  }
  bool take(char c) {
    if (!ok || rest.empty() || rest.front() != c) return false;
    rest.remove_prefix(1);
    return true;
  }
};

std::optional<WallTime> assemble(int y, int m, int d, seconds in_day) {
  const year_month_day date(year(y), month(static_cast<unsigned>(m)),
                            day(static_cast<unsigned>(d)));
  if (!date.ok()) return std::nullopt;
  return time_point_cast<WallTime::duration>(sys_days(date) + in_day);
}

std::optional<seconds> time_of_day(Fields& f) {
  const int h = f.number(2);
  f.one_of(":");
  const int m = f.number(2);
  f.one_of(":");
  const int s = f.number(2);
  if (!f.ok || h > 23 || m > 59 || s > 60) return std::nullopt;
  return hours(h) + minutes(m) + seconds(s);
}

// ".125": any number of digits, the first three count.
milliseconds fraction(Fields& f) {
  if (!f.take('.')) return milliseconds(0);
  int value = 0;
  int weight = 100;
  while (!f.rest.empty() && scan::is(f.rest.front(), scan::digit)) {
    value += (f.rest.front() - '0') * weight;
    weight /= 10;
    f.rest.remove_prefix(1);
  }
  return milliseconds(value);
}

// "Z", "+08:00", "+0800" or nothing, which is Beijing.
std::optional<minutes> zone(Fields& f) {
  if (f.rest.empty()) return beijing;
  if (f.take('Z') || f.take('z')) return f.rest.empty() ? std::optional(minutes(0)) : std::nullopt;
  const bool west = f.rest.front() == '-';
  f.one_of("+-");
  const int h = f.number(2);
  f.take(':');
  const int m = f.number(2);
  if (!f.ok || !f.rest.empty() || h > 14 || m > 59) return std::nullopt;
  const auto offset = hours(h) + minutes(m);
  return west ? -offset : offset;
}

std::optional<WallTime> parse_iso(std::string_view text) {
  Fields f{text};
  const int y = f.number(4);
  f.one_of("-");
  const int m = f.number(2);
  f.one_of("-");
  const int d = f.number(2);
  f.one_of("T ");
  const auto time = time_of_day(f);
  if (!time) return std::nullopt;
  const auto part = fraction(f);
  const auto offset = zone(f);
  const auto whole = assemble(y, m, d, *time);
  if (!offset || !whole) return std::nullopt;
  return *whole + part - *offset;
}

int month_from(std::string_view name) {
  for (std::size_t i = 0; i < months.size(); ++i)
    if (scan::iequals(months[i], name)) return static_cast<int>(i) + 1;
  return 0;
}

// "Sat, 13 Nov 2010 23:29:00 GMT"; the name of the day is not looked at.
std::optional<WallTime> parse_rfc1123(std::string_view text) {
  const auto comma = text.find(',');
  if (comma == std::string_view::npos) return std::nullopt;
  Fields f{scan::trim(text.substr(comma + 1))};
  const int d = f.number(f.rest.size() > 1 && f.rest[1] == ' ' ? 1 : 2);
  f.one_of(" ");
  const int m = month_from(f.rest.substr(0, 3));
  if (m == 0 || !f.ok) return std::nullopt;
  f.rest.remove_prefix(3);
  f.one_of(" ");
  const int y = f.number(4);
  f.one_of(" ");
  const auto time = time_of_day(f);
  if (!time || !scan::iequals(scan::trim(f.rest), "GMT")) return std::nullopt;
  return assemble(y, m, d, *time);
}

struct Civil {
  year_month_day date;
  hh_mm_ss<milliseconds> time;
  weekday day_of_week;
};

Civil civil(WallTime at) {
  const auto ms = floor<milliseconds>(at);
  const auto day = floor<days>(ms);
  return {year_month_day(day), hh_mm_ss(ms - day), weekday(day)};
}

}  // namespace

Result<WallTime> parse_date(std::string_view value) {
  value = scan::trim(value);
  if (value.empty()) return Errc::bad_date;
  const auto time = scan::is(value.front(), scan::digit) ? parse_iso(value) : parse_rfc1123(value);
  if (!time) return Errc::bad_date;
  return *time;
}

std::string rfc1123_date(WallTime time) {
  const auto c = civil(time);
  return fmt::format("{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT",
                     weekdays[c.day_of_week.c_encoding()], static_cast<unsigned>(c.date.day()),
                     months[static_cast<unsigned>(c.date.month()) - 1],
                     static_cast<int>(c.date.year()), c.time.hours().count(),
                     c.time.minutes().count(), c.time.seconds().count());
}

std::string gb28181_date(WallTime time) {
  const auto c = civil(time + beijing);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}", static_cast<int>(c.date.year()),
                     static_cast<unsigned>(c.date.month()), static_cast<unsigned>(c.date.day()),
                     c.time.hours().count(), c.time.minutes().count(), c.time.seconds().count(),
                     c.time.subseconds().count());
}

}  // namespace sip
