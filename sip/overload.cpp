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

bool Overload::can_wait(const MessageView& request, std::size_t transactions) const {
  switch (request.method()) {
    case Method::register_:
    case Method::publish:
      break;
    case Method::subscribe:
      if (in_dialog(request)) return false;
      break;
    default:
      return false;
  }
  const auto high = (limits_.backlog_percent + 100) / 2;
  if (transactions >= limits_.transactions || backlog_percent_ >= high) return true;
  return !request.has(HeaderId::authorization);
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
