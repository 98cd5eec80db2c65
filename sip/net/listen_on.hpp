// A socket to open.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "sip/address.hpp"
#include "sip/net/tls_context.hpp"

namespace sip::net {

// An IPv6 socket takes IPv6 only: listen on 0.0.0.0 and on [::] for both.
struct ListenOn {
  Transport transport = Transport::udp;
  Address at;                        // port 0 takes a free one
  std::string announced_host;        // in Via and Contact; empty: the address of each flow
  std::uint16_t announced_port = 0;  // 0: as bound
  // For tls and wss, with a certificate. May be reloaded while it is used.
  std::shared_ptr<const TlsContext> tls;
};

}  // namespace sip::net
