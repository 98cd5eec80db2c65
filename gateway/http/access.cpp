#include "gateway/http/access.hpp"

#include <algorithm>
#include <boost/beast/core/string.hpp>
#include <cctype>
#include <string>

namespace gateway::http {
namespace {

bool same_in_constant_time(std::string_view a, std::string_view b) {
  unsigned difference = a.size() == b.size() ? 0 : 1;
  for (std::size_t i = 0; i < a.size(); ++i)
    difference |= static_cast<unsigned>(a[i] ^ (b.empty() ? 0 : b[i % b.size()]));
  return difference == 0;
}

bool has_token(std::string_view authorization, std::string_view token) {
  constexpr std::string_view scheme = "bearer ";
  if (token.empty() || authorization.size() <= scheme.size()) return false;
  if (!boost::beast::iequals(authorization.substr(0, scheme.size()), scheme)) return false;
  return same_in_constant_time(authorization.substr(scheme.size()), token);
}

bool on_this_machine(const boost::asio::ip::address& peer) {
  if (peer.is_loopback()) return true;
  if (!peer.is_v6() || !peer.to_v6().is_v4_mapped()) return false;
  return boost::asio::ip::make_address_v4(boost::asio::ip::v4_mapped, peer.to_v6()).is_loopback();
}

// "[::1]:8080" -> "::1"
std::string_view host_without_port(std::string_view host) {
  if (host.starts_with('[')) return host.substr(1, host.find(']') - 1);
  return host.substr(0, host.find(':'));
}

// A name that its owner can point at 127.0.0.1 (DNS rebinding) does not count as this machine.
bool names_this_machine(std::string_view host) {
  const std::string name(host_without_port(host));
  if (boost::beast::iequals(name, "localhost")) return true;
  boost::system::error_code error;
  boost::asio::ip::make_address(name, error);
  return !error;
}

bool same_origin(std::string_view origin, std::string_view host) {
  if (origin.empty()) return true;
  const std::size_t slashes = origin.find("://");
  return slashes != origin.npos && origin.substr(slashes + 3) == host;
}

bool from_own_page(std::string_view site) {
  return site.empty() || site == "same-origin" || site == "none";
}

}  // namespace

bool is_trusted(const Credentials& credentials, std::string_view token, bool trust_loopback) {
  if (has_token(credentials.authorization, token)) return true;
  return trust_loopback && on_this_machine(credentials.peer) && !credentials.forwarded &&
         names_this_machine(credentials.host) &&
         same_origin(credentials.origin, credentials.host) &&
         from_own_page(credentials.sec_fetch_site);
}

}  // namespace gateway::http
