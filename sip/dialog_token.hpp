// What the proxy writes into the user part of its Record-Route URI, to find it again in the Route
// of a request inside the dialog: over which flows the two ends are reached (a client behind NAT,
// on a TCP connection or a WebSocket can be reached by no other way: RFC 5626 5.3), and the proof
// that it was we who let this dialog begin. Nobody else can make one, and it is worth nothing under
// another Call-ID.
//
// In the Path of a REGISTER that passes (RFC 3327, RFC 5626 5.1) it names the flow of the user
// agent alone, for whatever calls will come. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "sip/address.hpp"
#include "sip/keyed_hash.hpp"

namespace sip {

struct DialogToken {
  std::optional<Flow> caller;  // nullopt: its Contact can be reached
  std::optional<Flow> callee;
  std::uint16_t caller_tag = 0;  // of the caller's From tag: tells who of the two is asking
  bool of_path = false;          // `caller` is a user agent that has registered through us

  bool operator==(const DialogToken&) const = default;
};

// The mark of a tag for DialogToken::caller_tag.
std::uint16_t mark_of_tag(std::string_view tag);

// Letters, digits, '-' and '_'; at most 140 of them. `call_id` is of no account in a Path.
void append_token(std::string& out, const DialogToken& token, std::string_view call_id,
                  const HashKey& key);
// nullopt: not made by us, or not for this call.
std::optional<DialogToken> parse_token(std::string_view text, std::string_view call_id,
                                       const HashKey& key);

}  // namespace sip
