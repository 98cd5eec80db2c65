#include "sip/interfaces.hpp"

#include <algorithm>

#include "sip/scan.hpp"

namespace sip {
namespace {

std::string name_of(const Listener& listener) {
  if (!listener.host.empty())
    return listener.host.find(':') == std::string::npos || listener.host.front() == '['
               ? listener.host
               : '[' + listener.host + ']';
  if (!listener.local.ip.is_unspecified()) return to_host(listener.local.ip);
  return listener.local.ip.is_v6() ? "[::1]" : "127.0.0.1";  // nobody told us another name
}

std::string_view transport_param(Transport transport) {
  switch (transport) {
    case Transport::udp:
      return "";
    case Transport::tcp:
      return ";transport=tcp";
    case Transport::tls:
      return ";transport=tls";
    case Transport::ws:
    case Transport::wss:
      return ";transport=ws";  // RFC 7118 5.2.3: one name for both
  }
  return "";
}

std::string_view without_brackets(std::string_view host) {
  if (host.size() >= 2 && host.front() == '[') return host.substr(1, host.size() - 2);
  return host;
}

Interface named(const Listener& listener) {
  Interface result;
  result.listener = listener;
  result.host = name_of(listener);
  result.port = listener.port != 0 ? listener.port : listener.local.port;
  const auto at = result.host + ':' + std::to_string(result.port);
  result.via =
      "Via: SIP/2.0/" + std::string(to_string(listener.transport)) + ' ' + at + ";rport;branch=";
  result.record_route = at + std::string(transport_param(listener.transport)) + ";lr>";
  return result;
}

bool same_socket(const Listener& a, const Listener& b) {
  return a.transport == b.transport && a.local == b.local;
}

}  // namespace

Interfaces::Interfaces(std::span<const std::string> domains)
    : domains_(domains.begin(), domains.end()) {}

void Interfaces::add(const Listener& listener) {
  const auto known = std::ranges::find_if(
      all_, [&](const Interface& i) { return same_socket(i.listener, listener); });
  if (known != all_.end()) {
    *known = named(listener);
  } else {
    all_.push_back(named(listener));
  }
}

bool Interfaces::listens_at(std::uint16_t port) const {
  return std::ranges::any_of(all_, [port](const Interface& i) { return i.port == port; });
}

bool Interfaces::serves(const HostPort& host) const {
  for (const auto& domain : domains_)
    if (scan::iequals(domain, host.host)) return host.port == 0 || listens_at(host.port);
  return false;
}

bool Interfaces::names_us(const HostPort& host, bool secure, const Flow& arrived) const {
  const auto port = host.port_or(secure ? 5061 : 5060);
  for (const auto& i : all_) {
    if (i.port != port && i.listener.local.port != port) continue;
    if (scan::iequals(without_brackets(i.host), host.host)) return true;
    const auto& local = i.listener.local.ip;
    const auto ip = host.kind == HostKind::name ? std::nullopt : IpAddress::parse(host.host);
    if (ip && *ip == local) return true;
    if (!local.is_unspecified() && !local.is_loopback()) continue;
    if (scan::iequals(host.host, "localhost")) return true;
    if (ip && local.is_unspecified() && (ip->is_loopback() || *ip == arrived.local.ip)) return true;
  }
  return false;
}

const Interface* Interfaces::find(Transport transport, bool v6, const Address& near) const {
  const Interface* first = nullptr;
  for (const auto& i : all_) {
    const auto& l = i.listener;
    if (l.transport != transport || l.local.ip.is_v6() != v6) continue;
    const bool same_port = l.local.port == near.port;
    if (same_port && (l.local.ip == near.ip || l.local.ip.is_unspecified())) return &i;
    if (!first) first = &i;
  }
  return first;
}

}  // namespace sip
