// What the transports of an EndpointDriver may use, and what they have done.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "sip/time.hpp"

namespace sip::net {

struct TransportLimits {
  std::size_t connections = 20'000;           // accepted and opened; beyond: closed at once
  std::size_t queue_bytes = 1024 * 1024;      // waiting for a slow stream peer; beyond: closed
  Duration idle = std::chrono::minutes(30);   // a stream without any byte for so long is closed
  Duration silent = std::chrono::minutes(1);  // an accepted stream that has not sent anything yet
  Duration connect_within = std::chrono::seconds(10);
  int udp_buffer_bytes = 4 * 1024 * 1024;  // asked of the kernel, which may give less
};

struct TransportCounters {
  std::uint64_t datagrams_received = 0;
  std::uint64_t datagrams_sent = 0;
  std::uint64_t datagram_send_errors = 0;
  std::uint64_t receive_calls = 0;  // recvmmsg, for datagrams per system call
  std::uint64_t send_calls = 0;     // sendmmsg
  std::uint64_t bytes_received = 0;
  std::uint64_t bytes_sent = 0;
  std::uint64_t connections_accepted = 0;
  std::uint64_t connections_opened = 0;
  std::uint64_t connections_refused = 0;  // by TransportLimits
  std::uint64_t broken_streams = 0;       // closed because no message could be cut out of them
  std::size_t connections = 0;            // open now
};

}  // namespace sip::net
