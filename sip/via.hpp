// One Via value (RFC 3261 20.42, RFC 3581 rport). Views into the parsed text.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "sip/address.hpp"
#include "sip/error.hpp"
#include "sip/params.hpp"
#include "sip/uri.hpp"

namespace sip {

struct Via {
  std::optional<Transport> transport = Transport::udp;  // nullopt: one that we do not know
  std::string_view transport_text;                      // as written
  HostPort sent_by;
  std::string_view branch;    // empty: an RFC 2543 element
  std::string_view received;  // without brackets
  std::string_view maddr;
  std::uint16_t rport = 0;  // 0: the parameter is absent, or has no value
  bool has_rport = false;
  bool has_alias = false;  // RFC 5923
  // It can be read and answered, but its version is not 2.0 or a parameter is empty (";;"):
  // validate() refuses it.
  bool sound = true;
  std::optional<std::uint8_t> ttl;
  Params params;  // all of them, in their order
  std::string_view text;

  // Branch starts with z9hG4bK: it alone, with sent-by and method, matches transactions (17.2.3).
  [[nodiscard]] bool has_magic_cookie() const;
};

// One value; a list must have been split at its commas. Spaces around '/', ':', ';' and '=' are
// allowed, rport with a value is allowed in requests, and one ';' too many at the end.
// Errc::bad_via.
[[nodiscard]] Result<Via> parse_via(std::string_view text);

// Prints protocol, sent-by and: params (verbatim) when it was parsed, else branch, rport, received.
void append(std::string& out, const Via& via);

// As parsed, but with `received` and `rport` for the source of the packet as RFC 3261 18.2.1 and
// RFC 3581 4 want them: received when the host differs from sent-by or rport was asked for; the
// value of rport when it was asked for. What the peer had written there is replaced.
void append_received(std::string& out, const Via& via, const Address& source);

}  // namespace sip
