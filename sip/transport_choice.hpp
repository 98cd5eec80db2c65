// By what a request leaves (RFC 3261 18.1.1): too large for a datagram, it goes by TCP. The writer
// of a request asks before it writes the Via, which names the transport.
#pragma once

#include <cstddef>

#include "sip/address.hpp"

namespace sip {

// What a request over UDP may have when the path MTU is not known.
inline constexpr std::size_t largest_udp_request = 1300;
// A known path MTU is kept clear by this much, for the response is longer than the request.
inline constexpr std::size_t mtu_margin = 200;

// `size` is that of the whole request with its Via; `path_mtu` 0: not known. For requests only: a
// response goes where its request came from. When the TCP connection is refused, the request is to
// be tried by UDP after all (18.1.1, last paragraph but two). Peers that speak no TCP, as many
// cameras, must be kept out of the rule by whoever asks.
constexpr Transport transport_for(std::size_t size, Transport wanted, std::size_t path_mtu = 0) {
  if (wanted != Transport::udp) return wanted;
  const auto most = path_mtu == 0           ? largest_udp_request
                    : path_mtu > mtu_margin ? path_mtu - mtu_margin
                                            : 0;
  return size > most ? Transport::tcp : Transport::udp;
}

}  // namespace sip
