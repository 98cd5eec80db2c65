// Session timers (RFC 4028): how long a call lives without a refresh, and who refreshes it. Pure.
//
// Both sides run one: negotiate with request() and accept(), or answer() and agreed(); then the
// refresher refreshes at half time, the other ends the call shortly before the end.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "sip/headers.hpp"
#include "sip/message.hpp"
#include "sip/time.hpp"

namespace sip {

// Whether a list header (Supported, Require, Allow...) names it; any letter case.
bool lists(const MessageView& message, HeaderId id, std::string_view option);

class SessionTimer {
 public:
  enum class Due : std::uint8_t { nothing, refresh, expired };
  static constexpr std::uint32_t least_min_se = 90;  // seconds (RFC 4028 4)

  // `wanted`: seconds; 0: none of our own wish, what the peer asks for is still taken.
  explicit SessionTimer(std::uint32_t wanted = 0, std::uint32_t min_se = least_min_se)
      : wanted_(wanted), min_se_(min_se) {}

  // Values for our request; empty: the header is not written.
  std::string session_expires() const;
  std::string min_se() const;
  // 422: what we asked for was too short. False when it names no larger minimum.
  bool raise(const MessageView& response);

  // A request of the peer: whether its Session-Expires is below our minimum (422).
  bool too_short(const MessageView& request) const;
  // Our 2xx to `request` leaves now. session_expires() is then its value, require() whether it
  // needs "Require: timer".
  void answer(const MessageView& request, TimePoint now);
  bool require() const { return require_; }
  // The 2xx to our request came.
  void agreed(const MessageView& response, TimePoint now);

  bool active() const { return interval_ != 0; }
  bool we_refresh() const { return we_refresh_; }
  std::uint32_t interval() const { return interval_; }
  Due due(TimePoint now) const;
  void refreshing() { refresh_at_ = never; }  // the refresh is on its way
  TimePoint next_deadline() const;

 private:
  void start(TimePoint now);

  std::uint32_t wanted_;
  std::uint32_t min_se_;
  std::uint32_t interval_ = 0;  // agreed, seconds; 0: no timer
  bool answering_ = false;      // we were the UAS of the last exchange
  bool we_refresh_ = false;
  bool require_ = false;
  TimePoint refresh_at_ = never;
  TimePoint expires_at_ = never;
};

}  // namespace sip
