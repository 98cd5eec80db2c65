// A trace as a capture file that tcpdump, tshark and Wireshark read.
#pragma once

#include <string>

#include "sip/trace.hpp"

namespace sip {

// The classic format (microseconds), LINKTYPE_RAW: IP packets without Ethernet, made up around the
// messages. UDP messages become datagrams with the addresses and ports that they had; those of a
// stream become TCP segments of one connection per peer, with a handshake and sequence numbers that
// fit together. TLS and WebSocket are shown decrypted, as TCP with the server's port made 5060 (the
// lower of the two), so that a dissector takes them for SIP. What we cannot know is left 0: an
// unspecified local address stays 0.0.0.0.
std::string pcap(const Trace& trace);

}  // namespace sip
