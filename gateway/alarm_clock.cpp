#include "gateway/alarm_clock.hpp"

namespace gateway {

AlarmClock::AlarmClock(boost::asio::io_context& io) : timer_(io) {}

std::uint32_t AlarmClock::add(std::function<void(sip::TimePoint now)> ring) {
  if (free_.empty()) {
    free_.push_back(static_cast<std::uint32_t>(slots_.size()));
    slots_.emplace_back();
  }
  const auto slot = free_.back();
  free_.pop_back();
  slots_[slot] = {std::move(ring), sip::never, sip::never, next_owner_++};
  return slot;
}

void AlarmClock::remove(std::uint32_t slot) {
  slots_[slot] = {};  // entries of it that are still queued name another owner
  free_.push_back(slot);
}

void AlarmClock::set(std::uint32_t slot, sip::TimePoint at) {
  slots_[slot].due = at;
  // A queued entry that comes too early finds the later deadline when it rings.
  if (at < slots_[slot].queued) push(slot, at);
}

void AlarmClock::push(std::uint32_t slot, sip::TimePoint at) {
  slots_[slot].queued = at;
  queue_.push({at, slot, slots_[slot].owner});
  if (at < armed_) arm();
}

void AlarmClock::arm() {
  armed_ = queue_.empty() ? sip::never : queue_.top().at;
  if (armed_ == sip::never) return;
  timer_.expires_at(armed_);
  timer_.async_wait([this](const boost::system::error_code& ec) {
    if (!ec) on_timer();
  });
}

void AlarmClock::on_timer() {
  armed_ = sip::TimePoint::min();  // whoever sets an alarm meanwhile need not arm
  const auto now = sip::Clock::now();
  // What is set for the past while it rings waits for the next turn: sockets must be served too.
  for (auto left = queue_.size(); left > 0 && !queue_.empty() && queue_.top().at <= now; --left) {
    const auto entry = queue_.top();
    queue_.pop();
    ring(entry, now);
  }
  arm();
}

void AlarmClock::ring(const Entry& entry, sip::TimePoint now) {
  auto& slot = slots_[entry.slot];
  if (slot.owner != entry.owner || slot.queued != entry.at) return;  // gone, or moved earlier
  slot.queued = sip::never;
  if (slot.due > now) {
    if (slot.due != sip::never) push(entry.slot, slot.due);
    return;
  }
  slot.due = sip::never;
  const auto call = slot.ring;  // the owner may die in the call, and slots_ may grow
  call(now);
}

}  // namespace gateway
