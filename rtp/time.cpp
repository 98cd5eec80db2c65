#include "rtp/time.hpp"

namespace rtp {
namespace {

constexpr std::int64_t seconds_1900_to_1970 = 2'208'988'800;
constexpr std::int64_t era_seconds = std::int64_t{1} << 32;

}  // namespace

NtpTime NtpTime::from_wall_ns(std::int64_t wall_ns) {
  auto seconds = wall_ns / ns_per_second;
  auto rest = wall_ns % ns_per_second;
  if (rest < 0) {
    rest += ns_per_second;
    --seconds;
  }
  const auto whole = static_cast<std::uint64_t>(seconds + seconds_1900_to_1970) << 32;
  return {whole | (static_cast<std::uint64_t>(rest) << 32) / ns_per_second};
}

std::int64_t NtpTime::to_wall_ns() const {
  auto seconds = static_cast<std::int64_t>(value >> 32);
  if (seconds < era_seconds / 2) seconds += era_seconds;  // era 1 begins on 2036-02-07
  const auto fraction = value & 0xffff'ffff;
  // Rounded up, so that a value made by from_wall_ns() comes back the same.
  const auto ns = (fraction * ns_per_second + 0xffff'ffff) >> 32;
  return (seconds - seconds_1900_to_1970) * ns_per_second + static_cast<std::int64_t>(ns);
}

bool NtpTime::sane() const {
  constexpr std::int64_t year_2000 = 946'684'800, year_2100 = 4'102'444'800;
  const auto seconds = to_wall_ns() / ns_per_second;
  return value >> 32 > 86400 * 365 && seconds >= year_2000 && seconds < year_2100;
}

std::uint32_t ns_to_65536ths(std::int64_t ns) {
  if (ns <= 0) return 0;
  const auto seconds = ns / ns_per_second;
  if (seconds > 0xffff) return 0xffff'ffff;
  return static_cast<std::uint32_t>((seconds << 16) + (ns % ns_per_second << 16) / ns_per_second);
}

}  // namespace rtp
