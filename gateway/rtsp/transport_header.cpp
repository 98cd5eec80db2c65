#include "gateway/rtsp/transport_header.hpp"

#include <cstdio>
#include <utility>

#include "gateway/rtsp/scan.hpp"

namespace gateway::rtsp {
namespace {

// "a-b" or "a": b is then a + 1.
template <class T>
std::optional<std::pair<T, T>> parse_pair(std::string_view text) {
  const auto [first, second] = split(text, '-');
  const auto a = parse_number<T>(first);
  if (!a) return {};
  if (second.empty()) {
    if (*a == static_cast<T>(-1)) return {};
    return std::pair{*a, static_cast<T>(*a + 1)};
  }
  const auto b = parse_number<T>(second);
  if (!b) return {};
  return std::pair{*a, *b};
}

std::optional<Transport::Lower> lower_of(std::string_view profile) {
  if (iequals(profile, "RTP/AVP") || iequals(profile, "RTP/AVP/UDP")) return Transport::Lower::udp;
  if (iequals(profile, "RTP/AVP/TCP")) return Transport::Lower::tcp;
  return {};
}

// False when the parameter rules the alternative out.
bool apply_parameter(Transport& transport, std::string_view parameter) {
  const auto [name, value] = split(parameter, '=');
  if (iequals(name, "multicast")) return false;
  if (iequals(name, "mode")) return iequals(unquote(value), "PLAY");
  if (iequals(name, "interleaved")) {
    const auto channels = parse_pair<std::uint8_t>(value);
    if (channels && channels->first != channels->second) {
      transport.rtp_channel = channels->first;
      transport.rtcp_channel = channels->second;
    }
  }
  if (iequals(name, "client_port")) {
    if (const auto ports = parse_pair<std::uint16_t>(value)) {
      transport.client_rtp_port = ports->first;
      transport.client_rtcp_port = ports->second;
    }
  }
  return true;
}

std::optional<Transport> parse_alternative(std::string_view text, TransportPolicy policy) {
  const auto profile = take_element(text, ';');
  const auto lower = lower_of(profile);
  if (!lower) return {};
  if (*lower == Transport::Lower::udp ? !policy.udp : !policy.tcp) return {};
  Transport transport;
  transport.lower = *lower;
  transport.profile = profile;
  while (!text.empty())
    if (!apply_parameter(transport, take_element(text, ';'))) return {};
  if (*lower == Transport::Lower::udp &&
      (!transport.client_rtp_port || !transport.client_rtcp_port))
    return {};
  return transport;
}

}  // namespace

std::optional<Transport> choose_transport(std::string_view header, TransportPolicy policy) {
  while (!header.empty())
    if (auto transport = parse_alternative(take_element(header, ','), policy)) return transport;
  return {};
}

std::string Transport::print(std::uint32_t ssrc) const {
  std::string out = profile + ";unicast";
  const auto pair = [](unsigned a, unsigned b) {
    return std::to_string(a) + '-' + std::to_string(b);
  };
  if (lower == Lower::tcp) {
    out += ";interleaved=" + pair(rtp_channel.value_or(0), rtcp_channel.value_or(1));
  } else {
    out += ";client_port=" + pair(client_rtp_port, client_rtcp_port);
    out += ";server_port=" + pair(server_rtp_port, server_rtcp_port);
  }
  char hex[9];
  std::snprintf(hex, sizeof hex, "%08X", static_cast<unsigned>(ssrc));
  return out + ";ssrc=" + hex + ";mode=\"PLAY\"";
}

}  // namespace gateway::rtsp
