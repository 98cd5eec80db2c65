// Where a SIP message came from, and how to answer it: addresses without sockets.
// Pure values; sip/net turns them into endpoints of Asio.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace sip {

// What carries the messages (RFC 3261 18; WebSocket: RFC 7118). All but udp are reliable: nothing
// is retransmitted.
enum class Transport : std::uint8_t { udp, tcp, tls, ws, wss };

constexpr bool is_reliable(Transport t) {
  return t != Transport::udp;
}
constexpr bool is_secure(Transport t) {
  return t == Transport::tls || t == Transport::wss;
}
// "UDP", "TCP", "TLS", "WS", "WSS", as the sent-protocol of a Via spells it.
std::string_view to_string(Transport t);
// Any letter case. nullopt for a transport that we do not know ("SCTP").
std::optional<Transport> transport_from(std::string_view name);
constexpr std::uint16_t default_port(Transport t) {
  switch (t) {
    case Transport::udp:
    case Transport::tcp:
      return 5060;
    case Transport::tls:
      return 5061;
    case Transport::ws:
      return 80;
    case Transport::wss:
      return 443;
  }
  return 5060;
}

// An IPv4 or IPv6 address. A default one is "unspecified": 0.0.0.0.
class IpAddress {
 public:
  using V4Bytes = std::array<std::uint8_t, 4>;
  using V6Bytes = std::array<std::uint8_t, 16>;

  constexpr IpAddress() = default;
  static constexpr IpAddress v4(V4Bytes b) {
    IpAddress ip;
    for (std::size_t i = 0; i < 4; ++i) ip.bytes_[i] = b[i];
    return ip;
  }
  static constexpr IpAddress v6(V6Bytes b) {
    IpAddress ip;
    ip.bytes_ = b;
    ip.is_v6_ = true;
    return ip;
  }
  static constexpr IpAddress loopback() { return v4({127, 0, 0, 1}); }

  // "192.0.2.1", "2001:db8::1" or "[2001:db8::1]". Never a host name: nullopt.
  static std::optional<IpAddress> parse(std::string_view text);

  constexpr bool is_v6() const { return is_v6_; }
  bool is_unspecified() const;  // 0.0.0.0 and ::
  bool is_loopback() const;     // 127/8 and ::1
  // 10/8, 172.16/12, 192.168/16, 169.254/16, fc00::/7 and fe80::/10: an address that may mean
  // something else to somebody else.
  bool is_private() const;

  // Bytes in network order: the first 4, or all 16.
  const V6Bytes& bytes() const { return bytes_; }
  std::size_t size() const { return is_v6_ ? 16 : 4; }

  auto operator<=>(const IpAddress&) const = default;

 private:
  V6Bytes bytes_{};
  bool is_v6_ = false;
};

// "192.0.2.1" or "2001:db8::1", without brackets (RFC 5952 form).
std::string to_string(const IpAddress& ip);
// The same with brackets around IPv6, as a URI or a Via wants it.
std::string to_host(const IpAddress& ip);

struct Address {
  IpAddress ip;
  std::uint16_t port = 0;

  // "192.0.2.1:5060", "[2001:db8::1]:5060"; without a port it is `port_if_absent`.
  static std::optional<Address> parse(std::string_view text, std::uint16_t port_if_absent = 0);

  auto operator<=>(const Address&) const = default;
};

std::string to_string(const Address& address);  // "192.0.2.1:5060", "[2001:db8::1]:5060"

// Names one stream connection for the life of the process. 0: none (UDP, or not connected yet).
enum class ConnectionId : std::uint64_t { none = 0 };

// Where a message came from; sending to the same flow answers it (RFC 3261 18.2.2, RFC 5626).
//
// For a datagram, `local` is the socket it arrived on and `remote` its source. For a stream,
// `connection` names it; to open a new one (or to use any that leads there) leave it `none`. A
// `local` that is unspecified lets the transport choose its first listener.
struct Flow {
  Transport transport = Transport::udp;
  Address local;
  Address remote;
  ConnectionId connection = ConnectionId::none;

  bool operator==(const Flow&) const = default;
};

std::string describe(const Flow& flow);  // "udp 192.0.2.1:5060 -> 192.0.2.9:5060", for logs

}  // namespace sip

template <>
struct std::hash<sip::IpAddress> {
  std::size_t operator()(const sip::IpAddress& ip) const noexcept;
};
template <>
struct std::hash<sip::Address> {
  std::size_t operator()(const sip::Address& address) const noexcept;
};
template <>
struct std::hash<sip::Flow> {
  std::size_t operator()(const sip::Flow& flow) const noexcept;
};
