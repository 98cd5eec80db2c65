// SIP, SIPS and TEL URIs (RFC 3261 19.1, RFC 3966) as views into the text they were parsed from.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "sip/error.hpp"
#include "sip/params.hpp"

namespace sip {

enum class HostKind : std::uint8_t { name, ipv4, ipv6 };

// A host with an optional port. `host` has no brackets; port 0 stands for "not given".
struct HostPort {
  std::string_view host;
  std::uint16_t port = 0;
  HostKind kind = HostKind::name;

  [[nodiscard]] std::uint16_t port_or(std::uint16_t standard) const {
    return port == 0 ? standard : port;
  }
};

// "host", "host:5060", "[::1]:5060". An IPv6 address without brackets is taken when nothing else
// fits (seen in Via headers). Errc::bad_uri.
[[nodiscard]] Result<HostPort> parse_host_port(std::string_view text);
[[nodiscard]] bool parse_host_port(std::string_view text, HostPort& out);
// Brackets are put around what holds a colon.
void append(std::string& out, const HostPort& host_port);

// `other` is any absolute URI, of which only `text` is known: it may stand in From, To and Contact.
enum class UriScheme : std::uint8_t { sip, sips, tel, other };

// `text` and all parts are views: they live as long as the text that was parsed. To build a URI,
// fill in the parts and append() it.
struct Uri {
  UriScheme scheme = UriScheme::sip;
  std::string_view user;      // escapes as written; the number of a tel URI
  std::string_view password;  // deprecated, kept so that the URI can be forwarded unchanged
  HostPort host;              // empty for tel
  Params params;              // ";transport=udp;lr"
  std::string_view headers;   // what follows '?', without it
  std::string_view text;      // the whole URI; empty when it was not parsed

  // A SIP or SIPS URI: a message can be sent to it.
  [[nodiscard]] bool has_host() const {
    return scheme == UriScheme::sip || scheme == UriScheme::sips;
  }
  [[nodiscard]] bool loose_routing() const { return params.has("lr"); }
  // "udp", "tcp", ... as written; empty when not given.
  [[nodiscard]] std::string_view transport() const { return params.get("transport").value_or(""); }
};

// Tolerates what cameras write: no user, any host, '%' that escapes nothing. Errc::bad_uri,
// Errc::unsupported_uri_scheme.
[[nodiscard]] Result<Uri> parse_uri(std::string_view text);
// The same into `out`, which is half filled when an error is returned: with unsupported_uri_scheme,
// `scheme` is other and `text` is set.
[[nodiscard]] std::optional<Errc> parse_uri(std::string_view text, Uri& out);

// Comparison of RFC 3261 19.1.4: host and scheme without case, user with it, port must be given in
// both or in neither, escapes are equal to what they stand for; user, ttl, method, maddr and
// transport must match when either has them.
[[nodiscard]] bool equivalent(const Uri& a, const Uri& b);

// Prints the parts (not `text`). Line breaks cannot get in: they are written as escapes.
void append(std::string& out, const Uri& uri);
[[nodiscard]] std::string to_string(const Uri& uri);

// %41 -> A. An escape that is none stays as it is.
[[nodiscard]] std::string unescape(std::string_view text);
// Escapes what may not stand in a user part (19.1.2).
[[nodiscard]] std::string escape_user(std::string_view text);

}  // namespace sip
