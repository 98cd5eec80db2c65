// Where a server can be reached: the sockets that it listens at, by the names that it writes into
// Via and Record-Route, and the domains that it serves. Tells which URIs mean the server itself.
// Pure.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sip/address.hpp"
#include "sip/core.hpp"
#include "sip/uri.hpp"

namespace sip {

// One listener and what is written for it.
struct Interface {
  Listener listener;
  std::string host;  // as the world calls it: brackets around IPv6
  std::uint16_t port = 0;
  std::string via;           // "Via: SIP/2.0/UDP host:port;rport;branch="
  std::string record_route;  // "host:port;transport=tcp;lr>" of a URI
};

class Interfaces {
 public:
  // Domains are compared without case.
  explicit Interfaces(std::span<const std::string> domains);

  // The same socket again changes its names.
  void add(const Listener& listener);
  bool empty() const { return all_.empty(); }

  // One of our domains: with no port, or with a port that we listen at.
  bool serves(const HostPort& host) const;
  // An address of ours; `arrived` knows addresses of a socket that listens everywhere.
  bool names_us(const HostPort& host, bool secure, const Flow& arrived) const;
  bool is_ours(const Uri& uri, const Flow& arrived) const {
    return serves(uri.host) || names_us(uri.host, uri.scheme == UriScheme::sips, arrived);
  }

  // From where to send by this transport: the listener that `near` came to when that will do.
  // Null when none has this transport and family.
  const Interface* find(Transport transport, bool v6, const Address& near) const;
  // The one whose socket a flow uses.
  const Interface* of(const Flow& flow) const {
    return find(flow.transport, flow.remote.ip.is_v6(), flow.local);
  }

 private:
  bool listens_at(std::uint16_t port) const;

  std::vector<std::string> domains_;
  std::vector<Interface> all_;
};

}  // namespace sip
