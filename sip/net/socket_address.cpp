#include "sip/net/socket_address.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstring>

namespace asio = boost::asio;

namespace sip::net {

asio::ip::address to_asio(const IpAddress& ip) {
  if (ip.is_v6()) return asio::ip::address_v6(ip.bytes());
  asio::ip::address_v4::bytes_type four;
  std::copy_n(ip.bytes().begin(), 4, four.begin());
  return asio::ip::address_v4(four);
}

IpAddress from_asio(const asio::ip::address& ip) {
  return ip.is_v6() ? IpAddress::v6(ip.to_v6().to_bytes()) : IpAddress::v4(ip.to_v4().to_bytes());
}

socklen_t to_sockaddr(const Address& address, sockaddr_storage& out) {
  if (address.ip.is_v6()) {
    sockaddr_in6 six{};
    six.sin6_family = AF_INET6;
    six.sin6_port = htons(address.port);
    std::memcpy(&six.sin6_addr, address.ip.bytes().data(), 16);
    std::memcpy(&out, &six, sizeof six);
    return sizeof six;
  }
  sockaddr_in four{};
  four.sin_family = AF_INET;
  four.sin_port = htons(address.port);
  std::memcpy(&four.sin_addr, address.ip.bytes().data(), 4);
  std::memcpy(&out, &four, sizeof four);
  return sizeof four;
}

Address from_sockaddr(const sockaddr_storage& from) {
  if (from.ss_family == AF_INET6) {
    sockaddr_in6 six;
    std::memcpy(&six, &from, sizeof six);
    IpAddress::V6Bytes bytes;
    std::memcpy(bytes.data(), &six.sin6_addr, bytes.size());
    return {IpAddress::v6(bytes), ntohs(six.sin6_port)};
  }
  sockaddr_in four;
  std::memcpy(&four, &from, sizeof four);
  IpAddress::V4Bytes bytes;
  std::memcpy(bytes.data(), &four.sin_addr, bytes.size());
  return {IpAddress::v4(bytes), ntohs(four.sin_port)};
}

IpAddress source_towards(const Address& remote) {
  sockaddr_storage address{};
  socklen_t size = to_sockaddr(remote, address);
  const int probe = ::socket(address.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (probe < 0) return {};
  IpAddress found;
  // Connecting a datagram socket sends nothing; it makes the kernel choose.
  if (::connect(probe, reinterpret_cast<const sockaddr*>(&address), size) == 0) {
    size = sizeof address;
    if (::getsockname(probe, reinterpret_cast<sockaddr*>(&address), &size) == 0)
      found = from_sockaddr(address).ip;
  }
  ::close(probe);
  return found;
}

}  // namespace sip::net
