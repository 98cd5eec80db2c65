// What an Endpoint has seen. Plain numbers that only grow; only the gateway names them for metrics.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "sip/address.hpp"

namespace sip {

// The methods that are counted apart; everything else is `other`.
enum class CountedMethod : std::uint8_t {
  register_,
  message,
  invite,
  ack,
  cancel,
  bye,
  info,
  options,
  subscribe,
  notify,
  prack,
  update,
  refer,
  publish,
  other
};
inline constexpr std::size_t counted_methods = 15;
inline constexpr std::size_t counted_transports = 5;  // of Transport

struct Counters {
  using PerMethod = std::array<std::uint64_t, counted_methods>;
  using PerStatus = std::array<std::uint32_t, 600>;  // [status - 100]; wraps around

  // Without retransmissions.
  struct Messages {
    PerMethod requests_received{};
    PerMethod requests_sent{};
    PerStatus statuses_received{};
    PerStatus statuses_sent{};
  };
  std::array<Messages, counted_transports> by_transport{};

  std::uint64_t retransmissions_received = 0;
  std::uint64_t retransmissions_sent = 0;
  std::uint64_t timeouts = 0;                    // requests of ours without a final answer
  std::uint64_t transport_errors = 0;            // requests of ours that could not be sent
  std::uint64_t junk = 0;                        // pings and the like: not SIP at all, ignored
  std::uint64_t stray_responses = 0;             // responses to nothing that we sent
  std::uint64_t unproven_servers = 0;            // 2xx whose rspauth proves nothing (RFC 7615)
  std::uint64_t stray_requests = 0;              // ACK without a call; BYE or INFO answered 481
  std::uint64_t refused_overload = 0;            // requests answered 503 because of a limit
  std::array<std::uint64_t, 64> parse_errors{};  // by Errc value; the last holds all beyond

  std::size_t transactions = 0;   // alive now
  std::size_t calls = 0;          // alive now
  std::size_t subscriptions = 0;  // alive now, on either side

  Messages& by(Transport transport) { return by_transport[static_cast<std::size_t>(transport)]; }
  void count_request_received(CountedMethod method, Transport transport) {
    ++by(transport).requests_received[static_cast<std::size_t>(method)];
  }
  void count_request_sent(CountedMethod method, Transport transport) {
    ++by(transport).requests_sent[static_cast<std::size_t>(method)];
  }
  void count_response_received(int status, Transport transport) {
    if (status >= 100 && status < 700)
      ++by(transport).statuses_received[static_cast<std::size_t>(status - 100)];
  }
  void count_response_sent(int status, Transport transport) {
    if (status >= 100 && status < 700)
      ++by(transport).statuses_sent[static_cast<std::size_t>(status - 100)];
  }
  // Of all transports.
  std::uint64_t received(CountedMethod method) const {
    std::uint64_t sum = 0;
    for (const auto& one : by_transport)
      sum += one.requests_received[static_cast<std::size_t>(method)];
    return sum;
  }
  std::uint64_t answered(int status) const {
    std::uint64_t sum = 0;
    for (const auto& one : by_transport)
      sum += one.statuses_sent[static_cast<std::size_t>(status - 100)];
    return sum;
  }
};

}  // namespace sip
