// The Transport header of SETUP (RFC 2326 12.39): a list of alternatives, of which the first that
// we can serve is taken. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace gateway::rtsp {

// One way to deliver a track. Interleaved over the RTSP connection, or UDP unicast.
struct Transport {
  enum class Lower : std::uint8_t { udp, tcp };

  Lower lower = Lower::udp;
  std::string profile = "RTP/AVP";  // as the client spelt it, so that it finds it in the answer
  // tcp: channels of RTP and RTCP. Empty when the client named none that can be used.
  std::optional<std::uint8_t> rtp_channel, rtcp_channel;
  // udp: where the client listens. A destination address is never taken from the client.
  std::uint16_t client_rtp_port = 0, client_rtcp_port = 0;
  // udp: where we send from.
  std::uint16_t server_rtp_port = 0, server_rtcp_port = 0;

  // For the answer.
  std::string print(std::uint32_t ssrc) const;
};

struct TransportPolicy {
  bool udp = true;
  bool tcp = true;
};

// `header` is the header's value, several headers joined by commas. Empty: nothing in the list can
// be served (461): an unknown profile, multicast, recording, UDP without a port.
std::optional<Transport> choose_transport(std::string_view header, TransportPolicy policy = {});

}  // namespace gateway::rtsp
