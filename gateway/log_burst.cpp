#include "gateway/log_burst.hpp"

#include <utility>

namespace gateway::log {

Burst::Burst(AlarmClock& clock, Level level, std::string component, std::string what,
             std::uint32_t per_second)
    : level_(level),
      component_(std::move(component)),
      what_(std::move(what)),
      per_second_(per_second),
      alarm_(clock, [this](sip::TimePoint) { close_second(); }) {}

bool Burst::admit(sip::TimePoint now) {
  if (now >= second_ends_) {
    close_second();
    second_ends_ = now + std::chrono::seconds(1);
    written_ = 0;
  }
  if (written_ < per_second_) return ++written_, true;
  if (more_++ == 0) alarm_.set(second_ends_);
  return false;
}

void Burst::close_second() {
  const auto more = std::exchange(more_, 0);
  if (more > 0) at(level_, component_, "{}: {} more in the last second", what_, more);
}

}  // namespace gateway::log
