// Between sip::Address and the forms in which the system and Asio hold one.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/udp.hpp>

#include "sip/address.hpp"

namespace sip::net {

boost::asio::ip::address to_asio(const IpAddress& ip);
IpAddress from_asio(const boost::asio::ip::address& ip);

inline boost::asio::ip::udp::endpoint to_udp(const Address& a) {
  return {to_asio(a.ip), a.port};
}
inline boost::asio::ip::tcp::endpoint to_tcp(const Address& a) {
  return {to_asio(a.ip), a.port};
}
template <class Endpoint>
Address from_endpoint(const Endpoint& e) {
  return {from_asio(e.address()), e.port()};
}

// Fills `out` and returns its length.
socklen_t to_sockaddr(const Address& address, sockaddr_storage& out);
Address from_sockaddr(const sockaddr_storage& from);

// The address of ours that the kernel would send from; unspecified when there is no route.
IpAddress source_towards(const Address& remote);

}  // namespace sip::net
