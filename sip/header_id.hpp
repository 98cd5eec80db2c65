// Header fields that are known by name, with their compact forms (RFC 3261 7.3.3 and the IANA
// registry), those of GB/T 28181 included.
#pragma once

#include <cstdint>
#include <string_view>

namespace sip {

enum class HeaderId : std::uint8_t {
  unknown,
  via,
  from,
  to,
  call_id,
  cseq,
  contact,
  max_forwards,
  content_length,
  content_type,
  expires,
  route,
  record_route,
  authorization,
  proxy_authorization,
  www_authenticate,
  proxy_authenticate,
  authentication_info,
  user_agent,
  server,
  subject,
  date,
  allow,
  supported,
  require,
  proxy_require,
  unsupported,
  accept,
  accept_encoding,
  accept_language,
  content_encoding,
  content_disposition,
  content_language,
  event,
  subscription_state,
  allow_events,
  min_expires,
  retry_after,
  warning,
  timestamp,
  rseq,
  rack,
  refer_to,
  referred_by,
  refer_sub,
  replaces,
  reason,
  sip_etag,
  sip_if_match,
  session_expires,
  min_se,
  path,
  service_route,
  reply_to,
  organization,
  priority,
  in_reply_to,
  call_info,
  alert_info,
  error_info,
  mime_version,
  p_asserted_identity,
  p_preferred_identity,
  privacy,
  note,                   // GB/T 28181 8.3
  x_gb_ver,               // GB/T 28181 annex I
  monitor_user_identity,  // GB/T 28181 8.5
  x_route_path,           // GB/T 28181 annex H
  x_preferred_path,       // GB/T 28181 annex H
  count_                  // how many there are; not a header
};

inline constexpr std::size_t header_id_count = static_cast<std::size_t>(HeaderId::count_);

// Any letter case, full or compact. `name` must hold token characters only.
[[nodiscard]] HeaderId header_id_from(std::string_view name);
// The name as we write it, "Call-ID"; empty for unknown.
[[nodiscard]] std::string_view to_string(HeaderId id);

}  // namespace sip
