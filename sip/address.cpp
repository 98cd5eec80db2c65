#include "sip/address.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace sip {
namespace {

bool equal_ignoring_case(std::string_view a, std::string_view upper) {
  return std::ranges::equal(a, upper, [](char x, char u) {
    return (x >= 'a' && x <= 'z' ? static_cast<char>(x - 'a' + 'A') : x) == u;
  });
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return port;
}

std::string_view without_brackets(std::string_view text) {
  if (text.size() >= 2 && text.front() == '[' && text.back() == ']')
    return text.substr(1, text.size() - 2);
  return text;
}

// FNV-1a, enough for tables whose keys are addresses of peers.
std::size_t mix(std::size_t seed, std::uint8_t byte) {
  return (seed ^ byte) * 0x100000001b3u;
}

}  // namespace

std::string_view to_string(Transport t) {
  switch (t) {
    case Transport::udp:
      return "UDP";
    case Transport::tcp:
      return "TCP";
    case Transport::tls:
      return "TLS";
    case Transport::ws:
      return "WS";
    case Transport::wss:
      return "WSS";
  }
  return "?";
}

std::optional<Transport> transport_from(std::string_view name) {
  for (const auto t :
       {Transport::udp, Transport::tcp, Transport::tls, Transport::ws, Transport::wss})
    if (equal_ignoring_case(name, to_string(t))) return t;
  return std::nullopt;
}

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
  text = without_brackets(text);
  char copy[INET6_ADDRSTRLEN + 1] = {};  // inet_pton wants an end
  if (text.empty() || text.size() >= sizeof copy) return std::nullopt;
  std::memcpy(copy, text.data(), text.size());
  V4Bytes four;
  if (inet_pton(AF_INET, copy, four.data()) == 1) return v4(four);
  V6Bytes sixteen;
  if (inet_pton(AF_INET6, copy, sixteen.data()) == 1) return v6(sixteen);
  return std::nullopt;
}

bool IpAddress::is_unspecified() const {
  return std::ranges::all_of(bytes_, [](std::uint8_t b) { return b == 0; });
}

bool IpAddress::is_loopback() const {
  if (!is_v6_) return bytes_[0] == 127;
  return bytes_[15] == 1 &&
         std::all_of(bytes_.begin(), bytes_.end() - 1, [](auto b) { return b == 0; });
}

bool IpAddress::is_private() const {
  if (is_v6_)
    return (bytes_[0] & 0xfe) == 0xfc || (bytes_[0] == 0xfe && (bytes_[1] & 0xc0) == 0x80);
  return bytes_[0] == 10 || (bytes_[0] == 172 && (bytes_[1] & 0xf0) == 16) ||
         (bytes_[0] == 192 && bytes_[1] == 168) || (bytes_[0] == 169 && bytes_[1] == 254);
}

std::string to_string(const IpAddress& ip) {
  if (ip.is_v6()) {
    char six[INET6_ADDRSTRLEN];
    return inet_ntop(AF_INET6, ip.bytes().data(), six, sizeof six) ? six : std::string();
  }
  std::string text;  // inet_ntop() takes the way over printf()
  for (std::size_t i = 0; i < 4; ++i) {
    char digits[3];
    if (i != 0) text += '.';
    text.append(digits, std::to_chars(digits, digits + sizeof digits, ip.bytes()[i]).ptr);
  }
  return text;
}

std::string to_host(const IpAddress& ip) {
  if (!ip.is_v6()) return to_string(ip);
  std::string text(1, '[');
  text += to_string(ip);
  return text += ']';
}

std::optional<Address> Address::parse(std::string_view text, std::uint16_t port_if_absent) {
  auto port_at = std::string_view::npos;
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    if (end == std::string_view::npos) return std::nullopt;
    if (end + 1 < text.size()) {
      if (text[end + 1] != ':') return std::nullopt;
      port_at = end + 1;
    }
  } else if (std::ranges::count(text, ':') == 1) {  // more of them: IPv6 without brackets
    port_at = text.find(':');
  }
  const auto ip = IpAddress::parse(text.substr(0, port_at));
  if (!ip) return std::nullopt;
  if (port_at == std::string_view::npos) return Address{*ip, port_if_absent};
  const auto port = parse_port(text.substr(port_at + 1));
  if (!port) return std::nullopt;
  return Address{*ip, *port};
}

std::string to_string(const Address& address) {
  auto text = to_host(address.ip);
  text += ':';
  return text += std::to_string(address.port);
}

std::string describe(const Flow& flow) {
  std::string name;
  for (const char c : to_string(flow.transport)) name += static_cast<char>(c | 0x20);
  return name + " " + to_string(flow.local) + " -> " + to_string(flow.remote);
}

}  // namespace sip

std::size_t std::hash<sip::IpAddress>::operator()(const sip::IpAddress& ip) const noexcept {
  std::size_t h = 0xcbf29ce484222325u;
  for (std::size_t i = 0; i < ip.size(); ++i) h = sip::mix(h, ip.bytes()[i]);
  return h;
}

std::size_t std::hash<sip::Address>::operator()(const sip::Address& address) const noexcept {
  std::size_t h = std::hash<sip::IpAddress>()(address.ip);
  h = sip::mix(h, static_cast<std::uint8_t>(address.port));
  return sip::mix(h, static_cast<std::uint8_t>(address.port >> 8));
}

std::size_t std::hash<sip::Flow>::operator()(const sip::Flow& flow) const noexcept {
  std::size_t h = std::hash<sip::Address>()(flow.remote);
  h ^= std::hash<sip::Address>()(flow.local) * 31;
  h ^= std::hash<std::uint64_t>()(static_cast<std::uint64_t>(flow.connection)) * 131;
  return sip::mix(h, static_cast<std::uint8_t>(flow.transport));
}
