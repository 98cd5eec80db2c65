// Time as the SIP cores see it: always an argument, never read from a clock.
#pragma once

#include <chrono>

namespace sip {

using Clock = std::chrono::steady_clock;
using TimePoint = Clock::time_point;
using Duration = Clock::duration;

// A deadline that does not come: no timer runs.
inline constexpr TimePoint never = TimePoint::max();

// Time of day, for the Date header.
using WallTime = std::chrono::system_clock::time_point;

// RFC 3261 table 4. Tests and high-latency links change them; nothing else should.
struct Timers {
  Duration t1 = std::chrono::milliseconds(500);  // round-trip estimate
  Duration t2 = std::chrono::seconds(4);         // longest gap between retransmissions
  Duration t4 = std::chrono::seconds(5);         // longest life of a message in the network
};

}  // namespace sip
