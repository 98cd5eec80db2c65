#include "sip/trace.hpp"

#include <algorithm>

#include "sip/mask.hpp"

namespace sip {
namespace {

bool names(const Result<NameAddr>& address, std::string_view user) {
  return address && address->uri.user == user;
}

bool concerns(const MessageView& message, std::string_view user) {
  if (names(message.from(), user) || names(message.to(), user)) return true;
  if (!message.is_request()) return false;
  const auto uri = message.request_uri();
  return uri && uri->user == user;
}

}  // namespace

bool TraceFilter::fits(const Flow& flow, const MessageView* message) const {
  if (everything()) return true;
  if (peer && flow.remote.ip == *peer && (peer_port == 0 || flow.remote.port == peer_port))
    return true;
  if (!message) return false;
  if (!call_id.empty() && message->call_id() == call_id) return true;
  return !user.empty() && concerns(*message, user);
}

Trace::Trace(TraceFilter filter, const TraceLimits& limits, TimePoint now, WallTime wall)
    : filter_(std::move(filter)),
      limits_(limits),
      started_(now),
      ends_(now + limits.lasts),
      wall_(wall) {}

void Trace::record(std::string_view bytes, bool sent, const Flow& flow, TimePoint now) {
  if (bytes.size() > limits_.bytes) {
    ++dropped_;
    return;
  }
  bytes_ += bytes.size();
  auto& message = messages_.emplace_back(TracedMessage{now, sent, flow, std::string(bytes)});
  mask_credentials(message.bytes);
  while (bytes_ > limits_.bytes || messages_.size() > limits_.messages) drop_oldest();
}

void Trace::drop_oldest() {
  bytes_ -= messages_.front().bytes.size();
  messages_.pop_front();
  ++dropped_;
}

WallTime Trace::wall(TimePoint at) const {
  return wall_ + std::chrono::duration_cast<WallTime::duration>(at - started_);
}

}  // namespace sip
