// An address of From, To, Contact, Route, ... : name-addr or addr-spec with header parameters
// (RFC 3261 20.10, 25.1). Views into the parsed text.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "sip/error.hpp"
#include "sip/params.hpp"
#include "sip/uri.hpp"

namespace sip {

struct NameAddr {
  std::string_view display_name;  // without quotes, escapes as written; may be empty
  Uri uri;
  Params params;          // header parameters (";tag=...;expires=60"), not those of the URI
  std::string_view text;  // the whole value as it was written
  bool wildcard = false;  // Contact: *; then uri is empty

  // Tag of From or To; empty when there is none.
  [[nodiscard]] std::string_view tag() const;
  // Contact's expires in seconds; nullopt when absent or no number.
  [[nodiscard]] std::optional<std::uint32_t> expires() const;
  // Contact's q in thousandths, 0 to 1000; 1000 when absent or malformed (RFC 3261 20.10).
  [[nodiscard]] int q_thousandths() const;
};

// One address; a list must have been split at its commas (MessageView::values() does). Without
// angle brackets all parameters belong to the header (20.10). Any scheme is taken:
// UriScheme::other. Errc::bad_address.
[[nodiscard]] Result<NameAddr> parse_name_addr(std::string_view text);

// Prints "Display" <uri>;params from the parts (not `text`). Line breaks become spaces or escapes.
void append(std::string& out, const NameAddr& address);
[[nodiscard]] std::string to_string(const NameAddr& address);

}  // namespace sip
