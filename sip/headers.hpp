// Header values with a structure of their own. Each parse function takes the value of one header
// (one element of a comma-separated list) and gives views into it.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "sip/date.hpp"
#include "sip/error.hpp"
#include "sip/header_id.hpp"
#include "sip/method.hpp"
#include "sip/params.hpp"

namespace sip {

// RFC 3261 20.16; the number is below 2**31.
struct CSeq {
  std::uint32_t number = 0;
  Method method = Method::unknown;
  std::string_view method_text;
};
[[nodiscard]] Result<CSeq> parse_cseq(std::string_view value);

// RFC 3261 20.15.
struct ContentType {
  std::string_view type;
  std::string_view subtype;
  Params params;

  // Compares without case and without parameters: is("application/sdp").
  [[nodiscard]] bool is(std::string_view type_and_subtype) const;
};
[[nodiscard]] Result<ContentType> parse_content_type(std::string_view value);

// RFC 6665 8.2.1: Event: package;id=...
struct EventPackage {
  std::string_view package;
  std::string_view id;
  Params params;
};
[[nodiscard]] Result<EventPackage> parse_event(std::string_view value);

// RFC 6665 8.2.3.
struct SubscriptionState {
  enum class State : std::uint8_t { active, pending, terminated, other };
  State state = State::other;
  std::string_view state_text;
  std::optional<std::uint32_t> expires;      // seconds
  std::optional<std::uint32_t> retry_after;  // seconds
  std::string_view reason;
};
[[nodiscard]] Result<SubscriptionState> parse_subscription_state(std::string_view value);

// RFC 3262 7.2.
struct RAck {
  std::uint32_t rseq = 0;
  CSeq cseq;
};
[[nodiscard]] Result<RAck> parse_rack(std::string_view value);

// RFC 4028 4.
struct SessionExpires {
  enum class Refresher : std::uint8_t { unspecified, uac, uas };
  std::uint32_t seconds = 0;
  Refresher refresher = Refresher::unspecified;
};
[[nodiscard]] Result<SessionExpires> parse_session_expires(std::string_view value);

// Max-Forwards, Expires, Min-Expires, RSeq, Retry-After: the leading number, parameters and
// comments behind it ignored. Values above 2**32-1 become 2**32-1 (20.19). Errc::bad_number.
[[nodiscard]] Result<std::uint32_t> parse_number(std::string_view value);

}  // namespace sip
