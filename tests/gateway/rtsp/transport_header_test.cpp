#include "gateway/rtsp/transport_header.hpp"

#include <doctest/doctest.h>

#include "gateway/rtsp/rtp_info.hpp"

using namespace gateway::rtsp;

namespace {

std::string chosen(const char* header, TransportPolicy policy = {}) {
  const auto transport = choose_transport(header, policy);
  if (!transport) return "none";
  if (transport->lower == Transport::Lower::udp)
    return transport->profile + " " + std::to_string(transport->client_rtp_port) + "-" +
           std::to_string(transport->client_rtcp_port);
  if (!transport->rtp_channel) return transport->profile + " any";
  return transport->profile + " " + std::to_string(*transport->rtp_channel) + "-" +
         std::to_string(*transport->rtcp_channel);
}

}  // namespace

TEST_CASE("the first alternative that can be served is taken") {
  const struct {
    const char* header;
    const char* expected;
  } cases[] = {
      {"RTP/AVP/TCP;unicast;interleaved=0-1", "RTP/AVP/TCP 0-1"},
      {"rtp/avp/tcp; unicast ; INTERLEAVED = 4-5", "rtp/avp/tcp 4-5"},
      {"RTP/AVP/TCP;unicast;interleaved=6", "RTP/AVP/TCP 6-7"},
      {"RTP/AVP/TCP;unicast;interleaved=255", "RTP/AVP/TCP any"},
      {"RTP/AVP/TCP;unicast;interleaved=3-3", "RTP/AVP/TCP any"},
      {"RTP/AVP/TCP;unicast;interleaved=256-257", "RTP/AVP/TCP any"},
      {"RTP/AVP/TCP", "RTP/AVP/TCP any"},
      {"RTP/AVP;unicast;client_port=5000-5001", "RTP/AVP 5000-5001"},
      {"RTP/AVP/UDP;unicast;client_port=5000", "RTP/AVP/UDP 5000-5001"},
      {"RTP/AVP;client_port=5000-5001;destination=10.9.9.9", "RTP/AVP 5000-5001"},
      {"RTP/AVP;unicast;client_port=5000-5001;mode=\"PLAY\"", "RTP/AVP 5000-5001"},
      {"RTP/AVP;unicast;client_port=5000-5001;mode=record", "none"},
      {"RTP/AVP;multicast;client_port=5000-5001", "none"},
      {"RTP/AVP;unicast", "none"},
      {"RTP/AVP;unicast;client_port=0-1", "none"},
      {"RTP/AVP;unicast;client_port=70000-70001", "none"},
      {"RTP/SAVP;unicast;client_port=5000-5001", "none"},
      {"MP2T/RTP/TCP;unicast;interleaved=0-1,RTP/AVP/TCP;unicast;interleaved=2-3",
       "RTP/AVP/TCP 2-3"},
      {"RTP/AVP;multicast,RTP/AVP;unicast;client_port=1-2,RTP/AVP/TCP", "RTP/AVP 1-2"},
      {"RTP/AVP;unicast;x=\"a,b;c\";client_port=5000-5001", "RTP/AVP 5000-5001"},
      {",;,", "none"},
      {"", "none"},
  };
  for (const auto& c : cases) {
    CAPTURE(c.header);
    CHECK(chosen(c.header) == c.expected);
  }
}

TEST_CASE("what is switched off is passed over") {
  const char* both = "RTP/AVP;unicast;client_port=5000-5001,RTP/AVP/TCP;interleaved=0-1";
  CHECK(chosen(both, {.udp = false, .tcp = true}) == "RTP/AVP/TCP 0-1");
  CHECK(chosen(both, {.udp = true, .tcp = false}) == "RTP/AVP 5000-5001");
  CHECK(chosen(both, {.udp = false, .tcp = false}) == "none");
}

TEST_CASE("the answer names what is used") {
  auto udp = choose_transport("RTP/AVP/UDP;unicast;client_port=5000-5001");
  udp->server_rtp_port = 7000;
  udp->server_rtcp_port = 7001;
  CHECK(udp->print(0x0abc) ==
        "RTP/AVP/UDP;unicast;client_port=5000-5001;server_port=7000-7001;ssrc=00000ABC;"
        "mode=\"PLAY\"");
  CHECK(choose_transport("RTP/AVP/TCP;interleaved=2-3")->print(0xffffffff) ==
        "RTP/AVP/TCP;unicast;interleaved=2-3;ssrc=FFFFFFFF;mode=\"PLAY\"");
}

TEST_CASE("RTP-Info is unsigned") {
  const RtpInfo infos[] = {{"rtsp://h/a/trackID=0", 65535, 4294967295u},
                           {"rtsp://h/a/trackID=1", 0, 0}};
  CHECK(print_rtp_info(infos) ==
        "url=rtsp://h/a/trackID=0;seq=65535;rtptime=4294967295,"
        "url=rtsp://h/a/trackID=1;seq=0;rtptime=0");
}
