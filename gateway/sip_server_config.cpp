#include "gateway/sip_server_config.hpp"

#include <algorithm>
#include <charconv>
#include <iterator>

namespace gateway {
namespace {

bool is_transport(std::string_view word) {
  constexpr std::string_view known[] = {"udp", "tcp", "tls", "ws", "wss"};
  return std::find(std::begin(known), std::end(known), word) != std::end(known);
}

// "host:5060" -> its port, which is cut off; 0 when there is none, nullopt when it is no port.
std::optional<std::uint16_t> take_port(std::string_view& host) {
  const auto colon = host.rfind(':');
  const auto bracket = host.rfind(']');
  if (colon == host.npos || (bracket != host.npos && colon < bracket)) return std::uint16_t{0};
  const auto digits = host.substr(colon + 1);
  std::uint16_t port = 0;
  const auto* const end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, port);
  if (error != std::errc() || stop != end || port == 0) return std::nullopt;
  host = host.substr(0, colon);
  return port;
}

}  // namespace

const char* to_string(ProxyMode mode) {
  switch (mode) {
    case ProxyMode::off:
      return "off";
    case ProxyMode::stateless:
      return "stateless";
    case ProxyMode::stateful:
      return "stateful";
  }
  return "";
}

const char* to_string(RelayTo relay) {
  switch (relay) {
    case RelayTo::nobody:
      return "nobody";
    case RelayTo::users:
      return "users";
    case RelayTo::everyone:
      return "everyone";
  }
  return "";
}

const char* to_string(NextHopUse use) {
  switch (use) {
    case NextHopUse::nothing:
      return "nothing";
    case NextHopUse::foreign:
      return "foreign";
    case NextHopUse::everything:
      return "everything";
  }
  return "";
}

std::optional<sip::DigestAlgorithm> digest_algorithm(std::string_view name) {
  using enum sip::DigestAlgorithm;
  for (const auto algorithm : {md5, sha256, sha512_256})
    if (name == sip::to_string(algorithm)) return algorithm;
  return std::nullopt;
}

std::optional<SipListener> parse_listener(std::string_view text) {
  SipListener listener;
  const auto equals = text.find('=');
  auto announced = equals == text.npos ? std::string_view() : text.substr(equals + 1);
  const auto bound = text.substr(0, equals);
  const auto colon = bound.find(':');
  if (colon == bound.npos || (equals != text.npos && announced.empty())) return std::nullopt;
  listener.transport = bound.substr(0, colon);
  auto host = bound.substr(colon + 1);
  listener.address = host;
  const auto port = take_port(host);
  const auto announced_port = take_port(announced);
  if (!is_transport(listener.transport) || !port || *port == 0 || host.empty() || !announced_port)
    return std::nullopt;
  listener.host = announced;
  listener.port = *announced_port;
  return listener;
}

}  // namespace gateway
