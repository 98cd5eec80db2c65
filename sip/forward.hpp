// Writes a message as a proxy passes it on: the bytes that came, with what RFC 3261 16.6 and 16.7
// change. Headers that a proxy need not touch keep their bytes, order and letter case. Pure; the
// buffer is its owner's and is used again.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "sip/address.hpp"
#include "sip/message.hpp"

namespace sip {

// All views; they must not point into the buffer that is written.
struct Forwarding {
  std::string_view request_uri;
  std::string_view via;           // Interface::via
  std::string_view branch;        // the value of its branch parameter
  std::string_view record_route;  // whole header lines, or nothing
  const Via* top = nullptr;       // the topmost Via of the request, parsed, and
  Address source;                 // where the request came from: its received and rport
  std::uint32_t max_forwards = 70;
  std::uint32_t max_breadth = 60;
  bool routes_changed = false;
  std::string_view routes;   // when changed: all of the new Route; empty: none
  std::string_view realm;    // our credentials in Proxy-Authorization end here (22.3)
  bool with_length = false;  // a stream needs Content-Length
};

void write_forwarded_request(std::string& out, const MessageView& request, const Forwarding& how);

// Without its topmost Via (16.7 step 3). False, and nothing written, when it was the only one: the
// response is for ourselves.
bool write_forwarded_response(std::string& out, const MessageView& response, bool with_length);

// The element of Via below the topmost: whose request it was. Errc::missing_header, bad_via.
Result<Via> second_via(const MessageView& message);

// Where a response goes by the Via of whom it is for (18.2.2, RFC 3581): its received address and
// rport, else sent-by. nullopt: a host name without received.
std::optional<Flow> response_flow(const Via& via);

}  // namespace sip
