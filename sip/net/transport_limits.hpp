// What the transports of a CoreDriver may use, and what they have done.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "sip/time.hpp"

namespace sip::net {

struct TransportLimits {
  std::size_t connections = 20'000;              // accepted and opened; beyond: closed at once
  std::size_t connections_per_address = 10'000;  // accepted from one IP address; a NAT has one
  std::size_t queue_bytes = 1024 * 1024;         // waiting for a slow stream peer; beyond: closed
  Duration idle = std::chrono::minutes(30);      // a stream without any byte for so long is closed
  // An accepted stream must have sent its first message or keep-alive by then.
  Duration silent = std::chrono::minutes(1);
  Duration message_within = std::chrono::seconds(30);  // from its first byte to its last
  Duration written_within = std::chrono::seconds(30);  // a peer that takes nothing is closed
  Duration connect_within = std::chrono::seconds(10);  // TCP, TLS and WebSocket handshakes in all
  // On streams that we opened: an empty line pair each so often (RFC 5626 3.5.1); 0: none. A peer
  // that answers nothing within 10 s is closed.
  Duration ping_every = Duration::zero();
  std::size_t ws_message_bytes = 1024 * 1024;  // one WebSocket message; beyond: closed
  int udp_buffer_bytes = 4 * 1024 * 1024;      // asked of the kernel, which may give less
  // When hundreds of datagrams come a second and leave the thread mostly idle, one wake serves
  // those of so long a time: less CPU for that much delay (ReceivePace). Zero: each is served at
  // once.
  Duration gather = std::chrono::milliseconds(5);
};

struct TransportCounters {
  std::uint64_t datagrams_received = 0;
  std::uint64_t datagrams_sent = 0;
  std::uint64_t datagram_send_errors = 0;
  std::uint64_t datagrams_refused = 0;  // ICMP said that nobody is there
  std::uint64_t receive_calls = 0;      // recvmmsg, for datagrams per system call
  std::uint64_t send_calls = 0;         // sendmmsg
  std::uint64_t bytes_received = 0;
  std::uint64_t bytes_sent = 0;
  std::uint64_t stream_reads = 0;   // system calls, or TLS reads, that yielded bytes
  std::uint64_t stream_writes = 0;  // that took bytes
  std::uint64_t connections_accepted = 0;
  std::uint64_t connections_opened = 0;
  std::uint64_t connections_refused = 0;    // by TransportLimits
  std::uint64_t connections_timed_out = 0;  // idle, silent, slow, deaf, or a handshake too long
  std::uint64_t queues_overrun = 0;         // closed because of queue_bytes
  std::uint64_t tls_failures = 0;           // handshakes that failed, certificates not believed
  std::uint64_t ws_refusals = 0;  // upgrades refused: no WebSocket, or not the protocol "sip"
  std::uint64_t keep_alives_received = 0;  // CRLF pairs on streams
  std::uint64_t keep_alives_sent = 0;
  std::uint64_t aliases = 0;  // peers that asked to be reached by their connection (RFC 5923)
  std::uint64_t broken_streams = 0;  // closed because no message could be cut out of them
  std::size_t connections = 0;       // open now
};

}  // namespace sip::net
