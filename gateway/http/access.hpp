// Who is let in. Pure.
#pragma once

#include <boost/asio/ip/address.hpp>
#include <string_view>

namespace gateway::http {

// What a request shows of itself; empty where the header is absent.
struct Credentials {
  boost::asio::ip::address peer;
  std::string_view host, origin, sec_fetch_site, authorization;
  bool forwarded = false;  // Forwarded or X-Forwarded-For is there
};

// By token ("Bearer ..."; compared in constant time, an empty token lets nobody in), or by being on
// this machine when `trust_loopback`. A browser on this machine that shows a page of elsewhere is
// not trusted: that page could otherwise drive the gateway.
bool is_trusted(const Credentials& credentials, std::string_view token, bool trust_loopback);

}  // namespace gateway::http
