#include "sip/session_timer.hpp"

#include <algorithm>

#include "sip/scan.hpp"

namespace sip {
namespace {

using Refresher = SessionExpires::Refresher;

std::optional<SessionExpires> session_expires_of(const MessageView& message) {
  if (!message.has(HeaderId::session_expires)) return {};
  const auto parsed = parse_session_expires(message.text(HeaderId::session_expires));
  if (!parsed) return {};
  return *parsed;
}

}  // namespace

bool lists(const MessageView& message, HeaderId id, std::string_view option) {
  if (!message.has(id)) return false;
  for (const auto value : message.values(id))
    if (scan::iequals(value, option)) return true;
  return false;
}

std::string SessionTimer::session_expires() const {
  const auto seconds = interval_ != 0 ? interval_ : wanted_;
  if (seconds == 0) return {};
  auto text = std::to_string(seconds);
  if (interval_ == 0) return text;  // the peer chooses who refreshes
  const bool uac_refreshes = answering_ ? !we_refresh_ : we_refresh_;
  return text + (uac_refreshes ? ";refresher=uac" : ";refresher=uas");
}

std::string SessionTimer::min_se() const {
  if (session_expires().empty() || min_se_ <= least_min_se) return {};
  return std::to_string(min_se_);
}

bool SessionTimer::raise(const MessageView& response) {
  const auto least = response.number(HeaderId::min_se);
  if (!least || *least <= min_se_) return false;
  min_se_ = *least;
  if (wanted_ != 0) wanted_ = std::max(wanted_, min_se_);
  if (interval_ != 0) interval_ = std::max(interval_, min_se_);
  return true;
}

bool SessionTimer::too_short(const MessageView& request) const {
  const auto asked = session_expires_of(request);
  return asked && asked->seconds < min_se_;
}

void SessionTimer::answer(const MessageView& request, TimePoint now) {
  const auto asked = session_expires_of(request);
  const bool they_can = lists(request, HeaderId::supported, "timer");
  answering_ = true;
  require_ = false;
  if (!asked && wanted_ == 0) {
    interval_ = 0;
    return start(now);
  }
  interval_ = asked ? asked->seconds : wanted_;
  if (wanted_ != 0) interval_ = std::min(interval_, wanted_);
  // 9: an interval may be lowered, but not below the Min-SE that the request names.
  const auto least = request.number(HeaderId::min_se);
  interval_ = std::max({interval_, min_se_, least ? *least : 0});
  we_refresh_ = !they_can || (asked && asked->refresher == Refresher::uas);
  require_ = they_can && !we_refresh_;
  start(now);
}

void SessionTimer::agreed(const MessageView& response, TimePoint now) {
  const auto granted = session_expires_of(response);
  answering_ = false;
  interval_ = granted ? granted->seconds : 0;
  we_refresh_ = granted && granted->refresher != Refresher::uas;
  start(now);
}

// 10: the refresher has half of the interval; the other hangs up a little before the end.
void SessionTimer::start(TimePoint now) {
  refresh_at_ = expires_at_ = never;
  if (interval_ == 0) return;
  const std::chrono::seconds all(interval_);
  if (we_refresh_) refresh_at_ = now + all / 2;
  expires_at_ = now + all - std::min<std::chrono::seconds>(std::chrono::seconds(32), all / 3);
}

SessionTimer::Due SessionTimer::due(TimePoint now) const {
  if (now >= expires_at_) return Due::expired;
  return now >= refresh_at_ ? Due::refresh : Due::nothing;
}

TimePoint SessionTimer::next_deadline() const {
  return std::min(refresh_at_, expires_at_);
}

}  // namespace sip
