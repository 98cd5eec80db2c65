#include "sip/headers.hpp"

#include <algorithm>

#include "sip/scan.hpp"

namespace sip {
namespace {

// Takes a token off the front of `text`, and the white space around it.
std::string_view take_token(std::string_view& text) {
  text = scan::trim(text);
  const auto end = scan::token_size(text);
  const auto token = text.substr(0, end);
  text = scan::trim(text.substr(end));
  return token;
}

// The number of a CSeq; it may have leading zeros.
std::optional<std::uint64_t> take_number(std::string_view& text) {
  std::uint64_t value = 0;
  std::size_t size = 0;
  for (; size < text.size() && size < 10; ++size) {
    const auto digit = static_cast<unsigned>(text[size] - '0');
    if (digit > 9) break;
    value = value * 10 + digit;
  }
  const bool usual = size != 0 && size < text.size() && text[size] == ' ';
  if (!usual) return scan::number(take_token(text), 0x7fffffff);
  text = scan::trim(text.substr(size));
  if (value > 0x7fffffff) return std::nullopt;
  return value;
}

// Parameters that follow a leading token: nothing, or a text that starts with ';'.
bool take_params(std::string_view text, Params& params) {
  if (!text.empty() && text.front() != ';') return false;
  params = Params(text);
  return true;
}

std::optional<std::uint32_t> seconds_of(const Params& params, std::string_view name) {
  const auto value = params.get(name);
  if (!value) return std::nullopt;
  const auto number = scan::number(*value, UINT64_MAX);
  if (!number) return std::nullopt;
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(*number, UINT32_MAX));
}

SubscriptionState::State state_from(std::string_view text) {
  using State = SubscriptionState::State;
  if (scan::iequals(text, "active")) return State::active;
  if (scan::iequals(text, "pending")) return State::pending;
  if (scan::iequals(text, "terminated")) return State::terminated;
  return State::other;
}

}  // namespace

Result<CSeq> parse_cseq(std::string_view value) {
  const auto number = take_number(value);
  CSeq result{0, method_from(value), value};  // what is left is nearly always the method
  if (result.method == Method::unknown) {
    result.method_text = take_token(value);
    result.method = method_from(result.method_text);
    if (result.method_text.empty() || !value.empty()) return Errc::bad_cseq;
  }
  if (!number) return Errc::bad_cseq;
  result.number = static_cast<std::uint32_t>(*number);
  return result;
}

bool ContentType::is(std::string_view type_and_subtype) const {
  const auto slash = type_and_subtype.find('/');
  return slash != std::string_view::npos &&
         scan::iequals(type, type_and_subtype.substr(0, slash)) &&
         scan::iequals(subtype, type_and_subtype.substr(slash + 1));
}

Result<ContentType> parse_content_type(std::string_view value) {
  ContentType result;
  result.type = take_token(value);
  if (result.type.empty() || !value.starts_with('/')) return Errc::bad_content_type;
  value.remove_prefix(1);
  result.subtype = take_token(value);
  if (result.subtype.empty() || !take_params(value, result.params)) return Errc::bad_content_type;
  return result;
}

Result<EventPackage> parse_event(std::string_view value) {
  EventPackage result;
  result.package = take_token(value);
  if (result.package.empty() || !take_params(value, result.params)) return Errc::bad_value;
  result.id = result.params.get("id").value_or("");
  return result;
}

Result<SubscriptionState> parse_subscription_state(std::string_view value) {
  SubscriptionState result;
  Params params;
  result.state_text = take_token(value);
  if (result.state_text.empty() || !take_params(value, params)) return Errc::bad_value;
  result.state = state_from(result.state_text);
  result.expires = seconds_of(params, "expires");
  result.retry_after = seconds_of(params, "retry-after");
  result.reason = params.get("reason").value_or("");
  return result;
}

Result<RAck> parse_rack(std::string_view value) {
  const auto rseq = scan::number(take_token(value), UINT32_MAX);
  const auto cseq = parse_cseq(value);
  if (!rseq || !cseq) return Errc::bad_value;
  return RAck{static_cast<std::uint32_t>(*rseq), *cseq};
}

Result<SessionExpires> parse_session_expires(std::string_view value) {
  using Refresher = SessionExpires::Refresher;
  Params params;
  const auto seconds = scan::number(take_token(value), UINT32_MAX);
  if (!seconds || !take_params(value, params)) return Errc::bad_value;
  const auto refresher = params.get("refresher").value_or("");
  return SessionExpires{static_cast<std::uint32_t>(*seconds),
                        scan::iequals(refresher, "uac")   ? Refresher::uac
                        : scan::iequals(refresher, "uas") ? Refresher::uas
                                                          : Refresher::unspecified};
}

Result<std::uint32_t> parse_number(std::string_view value) {
  value = scan::trim(value);
  std::size_t end = 0;
  std::uint64_t number = 0;
  for (; end < value.size() && scan::is(value[end], scan::digit); ++end)
    number = std::min<std::uint64_t>(number * 10 + static_cast<std::uint64_t>(value[end] - '0'),
                                     UINT32_MAX);
  const bool ends_well = end == value.size() || value[end] == ';' || value[end] == '(' ||
                         scan::is(value[end], scan::space);
  if (end == 0 || !ends_well) return Errc::bad_number;
  return static_cast<std::uint32_t>(number);
}

}  // namespace sip
