#include "rtp/time.hpp"

#include <doctest/doctest.h>

#include <initializer_list>

namespace {

using rtp::NtpTime;

TEST_CASE("NTP time is seconds since 1900") {
  CHECK(NtpTime::from_wall_ns(0).value == std::uint64_t{2'208'988'800} << 32);
  CHECK(NtpTime::from_wall_ns(500'000'000).value ==
        (std::uint64_t{2'208'988'800} << 32 | 0x80000000));
  CHECK(NtpTime::from_wall_ns(0).middle() == (2'208'988'800 & 0xffff) << 16);
  CHECK((NtpTime::from_wall_ns(-1).value >> 32) == 2'208'988'799);
}

TEST_CASE("wall clock -> NTP -> wall clock is exact, also beyond 2036") {
  for (const std::int64_t wall_ns :
       {std::int64_t{0}, std::int64_t{1'774'000'000'123'456'789}, std::int64_t{999'999'999},
        std::int64_t{2'085'978'495'999'999'999}, std::int64_t{2'085'978'496'000'000'001}}) {
    CAPTURE(wall_ns);
    CHECK(NtpTime::from_wall_ns(wall_ns).to_wall_ns() == wall_ns);
  }
}

TEST_CASE("the clocks of devices that have none are not sane") {
  CHECK_FALSE(NtpTime{0}.sane());
  CHECK_FALSE(NtpTime{std::uint64_t{100} << 32}.sane());  // seconds since it booted
  CHECK_FALSE(NtpTime::from_wall_ns(0).sane());           // 1970
  CHECK(NtpTime::from_wall_ns(1'774'000'000'000'000'000).sane());
}

TEST_CASE("90 kHz ticks and nanoseconds") {
  CHECK(rtp::ns_to_90khz(1'000'000'000) == 90000);
  CHECK(rtp::ns_to_90khz(40'000'000) == 3600);
  CHECK(rtp::ns_of_90khz(90000) == 1'000'000'000);
  CHECK(rtp::ns_of_90khz(1) == 11111);
  CHECK(rtp::ns_of_90khz(-3600) == -40'000'000);
  CHECK(rtp::ns_to_90khz(rtp::ns_per_second * 86400 * 365 * 20) ==
        std::int64_t{90000} * 86400 * 365 * 20);
}

TEST_CASE("DLSR counts 65536ths of a second and does not overflow") {
  CHECK(rtp::ns_to_65536ths(rtp::ns_per_second) == 65536);
  CHECK(rtp::ns_to_65536ths(rtp::ns_per_second * 5 / 2) == 65536 * 5 / 2);
  CHECK(rtp::ns_to_65536ths(-5) == 0);
  CHECK(rtp::ns_to_65536ths(rtp::ns_per_second * 100'000) == 0xffffffff);
}

}  // namespace
