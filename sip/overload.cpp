#include "sip/overload.hpp"

#include "sip/mixed_hash.hpp"

namespace sip {
namespace {

constexpr std::uint64_t spread_seed = 0x7265747279616674;

bool in_dialog(const MessageView& request) {
  const auto to = request.to();
  return to && !to->tag().empty();
}

}  // namespace

Overload::Overload(const OverloadLimits& limits, std::size_t table)
    : limits_(limits),
      transactions_(table / 100 * limits.transactions_percent +
                    table % 100 * limits.transactions_percent / 100) {}

bool Overload::can_wait(const MessageView& request) {
  switch (request.method()) {
    case Method::register_:
    case Method::publish:
      return true;
    case Method::subscribe:
      return !in_dialog(request);
    default:
      return false;
  }
}

Duration Overload::full_for(TimePoint now) {
  if (!full_since_ || now - full_at_ > limits_.calm) full_since_ = now;
  full_at_ = now;
  return now - *full_since_;
}

bool Overload::is_overload(const MessageView& request, std::size_t transactions, TimePoint now) {
  if (transactions >= transactions_) return true;
  if (full_for(now) < limits_.sustained) return false;
  const auto high = (limits_.backlog_percent + 100) / 2;
  return backlog_percent_ >= high || !request.has(HeaderId::authorization);
}

std::uint32_t Overload::retry_after(const MessageView& request) const {
  const auto from = request.from();
  auto hash = from ? mixed_hash(from->uri.user, spread_seed) : 0;
  if (from) hash ^= mixed_hash(from->uri.host.host, spread_seed);
  const auto steps = static_cast<std::uint64_t>(limits_.spread.count()) + 1;
  return static_cast<std::uint32_t>(static_cast<std::uint64_t>(limits_.wait.count()) +
                                    (hash >> 32) % steps);
}

}  // namespace sip
