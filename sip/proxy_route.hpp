// Route information preprocessing (RFC 3261 16.4) and postprocessing (16.6 step 6). Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "sip/dialog_token.hpp"
#include "sip/interfaces.hpp"
#include "sip/message.hpp"

namespace sip {

// What is left of a request's Request-URI and Route when our own part of them is taken off.
struct ProxyRoute {
  std::string request_uri_buffer;  // only when it had to be rewritten
  std::string_view request_uri;
  bool ours_on_top = false;  // the topmost Route named us: normally a request inside a dialog
  bool changed = false;      // `routes` differs from what the request says
  std::string routes;        // those that remain, one list; empty: none
  std::optional<DialogToken> token;
  bool bad_token = false;  // there was one, but not ours or not for this call

  // It comes by the Path of a registration: for one of our clients, whatever its Request-URI says.
  bool by_path() const { return token && token->of_path; }
};

// `out` is used again from request to request.
void read_route(ProxyRoute& out, const MessageView& request, const Flow& arrived,
                const Interfaces& interfaces, const HashKey& key);

// Puts `path` (a list of Route values, may be empty) before the routes. When the first of all is a
// strict router (no `lr`), it becomes the Request-URI and the Request-URI the last Route.
// `request_uri` must not point into `route`.
struct NextHop {
  std::string request_uri;
  std::string_view uri;  // where to send: of the first Route, else the Request-URI
  bool changed = false;
  std::string routes;
};
void write_next_hop(NextHop& out, const ProxyRoute& route, std::string_view request_uri,
                    std::string_view path);

}  // namespace sip
