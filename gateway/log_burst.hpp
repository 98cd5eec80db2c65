// Lines that come one by one tell their story; a thousand a second hide it, and cost more than what
// they tell of. The first so many of a second are written, the rest are one line: "device on line:
// 1234 more in the last second".
#pragma once

#include <cstdint>
#include <string>

#include "gateway/alarm_clock.hpp"
#include "gateway/log.hpp"

namespace gateway::log {

// One for each kind of line. Not thread-safe.
class Burst {
 public:
  // `what` begins the line that stands for the rest. The clock must outlive it.
  Burst(AlarmClock& clock, Level level, std::string component, std::string what,
        std::uint32_t per_second = 20);

  template <class... Args>
  void write(sip::TimePoint now, fmt::format_string<Args...> format, Args&&... args) {
    if (!enabled(level_) || !admit(now)) return;
    log::write(level_, component_, fmt::format(format, std::forward<Args>(args)...));
  }
  // Whether one more line may be written now; counted if not.
  bool admit(sip::TimePoint now);

 private:
  void close_second();

  Level level_;
  std::string component_, what_;
  std::uint32_t per_second_;
  std::uint32_t written_ = 0;
  std::uint64_t more_ = 0;
  sip::TimePoint second_ends_{};
  Alarm alarm_;
};

}  // namespace gateway::log
