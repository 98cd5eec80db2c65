// The clocks of media. `now_ns` and `arrival_ns` everywhere in rtp/ are nanoseconds of the steady
// clock; `wall_ns` are nanoseconds since 1970 UTC; NtpTime is what RTCP carries. Pure.
#pragma once

#include <compare>
#include <cstdint>

namespace rtp {

inline constexpr std::int64_t ns_per_ms = 1'000'000;
inline constexpr std::int64_t ns_per_second = 1'000'000'000;

// 90 kHz ticks <-> nanoseconds, rounded toward zero; exact for spans below 26 years.
constexpr std::int64_t ns_to_90khz(std::int64_t ns) {
  return ns / 100'000 * 9 + ns % 100'000 * 9 / 100'000;
}
constexpr std::int64_t ns_of_90khz(std::int64_t ticks) {
  return ticks / 9 * 100'000 + ticks % 9 * 100'000 / 9;
}

// RFC 3550 4: seconds since 1900-01-01 UTC, 32.32 fixed point.
struct NtpTime {
  std::uint64_t value = 0;

  static NtpTime from_wall_ns(std::int64_t wall_ns);
  // Instants of era 0 (until 2036-02-07) and, for seconds below 2^31, of era 1.
  std::int64_t to_wall_ns() const;
  // The middle 32 bits: LSR of a report block; 1/65536 s.
  std::uint32_t middle() const { return static_cast<std::uint32_t>(value >> 16); }
  // Devices without a clock send 0, or seconds since they booted. True for 2000 to 2100.
  bool sane() const;
  auto operator<=>(const NtpTime&) const = default;
};

// A span in the units of DLSR (1/65536 s), capped at 32 bits; 0 for a negative one.
std::uint32_t ns_to_65536ths(std::int64_t ns);

}  // namespace rtp
