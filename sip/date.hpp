// The Date header in its two forms: RFC 3261 20.17 (RFC 1123, GMT) and GB/T 28181 9.10.3
// (Beijing time without a zone).
#pragma once

#include <string>
#include <string_view>

#include "sip/error.hpp"
#include "sip/time.hpp"

namespace sip {

// Takes both forms: "Sat, 13 Nov 2010 23:29:00 GMT" and "2026-03-01T09:30:00.125" (fraction
// optional, 'T' or a space; local Beijing time unless 'Z' or an offset "+08:00" follows).
// Errc::bad_date.
[[nodiscard]] Result<WallTime> parse_date(std::string_view value);

// "Sat, 13 Nov 2010 23:29:00 GMT"
[[nodiscard]] std::string rfc1123_date(WallTime time);
// "2026-03-01T09:30:00.125", Beijing time, as cameras set their clock by it.
[[nodiscard]] std::string gb28181_date(WallTime time);

}  // namespace sip
