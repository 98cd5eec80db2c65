#include "gateway/sip_listeners.hpp"

#include <fmt/format.h>

namespace gateway {
namespace {

using sip::Transport;
using sip::net::ListenOn;

ListenOn at(Transport transport, const sip::IpAddress& ip, std::uint16_t port) {
  ListenOn where;
  where.transport = transport;
  where.at = {ip, port};
  return where;
}

std::vector<ListenOn> standard_listeners(const Config& config, const sip::IpAddress& ip) {
  std::vector<ListenOn> all;
  if (config.sip.udp) all.push_back(at(Transport::udp, ip, config.sip.port));
  if (config.sip.tcp) all.push_back(at(Transport::tcp, ip, config.sip.port));
  if (config.sip_tls.enabled) all.push_back(at(Transport::tls, ip, config.sip_tls.port));
  if (config.sip_websocket.enabled) {
    all.push_back(at(Transport::ws, ip, config.sip_websocket.port));
    if (config.sip_websocket.secure_port != 0)
      all.push_back(at(Transport::wss, ip, config.sip_websocket.secure_port));
  }
  for (auto& where : all) where.announced_host = config.sip.advertised_address;
  return all;
}

}  // namespace

boost::system::result<std::vector<ListenOn>, std::string> sip_listeners(
    const Config& config, const std::shared_ptr<const sip::net::TlsContext>& tls) {
  const auto ip = sip::IpAddress::parse(config.sip.listen_address);
  if (!ip)
    return fmt::format("sip.listen_address {:?} is no IP address", config.sip.listen_address);
  auto all = standard_listeners(config, *ip);
  for (const auto& text : config.sip.listen) {
    const auto listener = parse_listener(text);
    const auto address = listener ? sip::Address::parse(listener->address) : std::nullopt;
    if (!address) return fmt::format("sip.listen {:?} has no IP address", text);
    auto where = at(*sip::transport_from(listener->transport), address->ip, address->port);
    where.announced_host = listener->host;
    where.announced_port = listener->port;
    all.push_back(where);
  }
  for (auto& where : all)
    if (sip::is_secure(where.transport)) where.tls = tls;
  return all;
}

bool speaks_tls(const Config& config) {
  return config.serves_tls() || config.serves_sip();  // a proxy may be asked to go to a sips URI
}

}  // namespace gateway
