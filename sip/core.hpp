// What a network shell drives (sip/net): a pure machine of messages and time. Endpoint (user
// agents) and Server (registrar, redirect, proxy) are two.
//
// The shell calls one of these, then performs all of `out` (events in order, lookups, sends) and
// re-arms one timer with next_deadline().
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "sip/address.hpp"
#include "sip/output.hpp"
#include "sip/time.hpp"

namespace sip {

// A socket that is open now, and what the world calls it.
struct Listener {
  Transport transport = Transport::udp;
  Address local;     // as bound; its ip may be unspecified (all interfaces)
  std::string host;  // announced in Via, Contact and Record-Route; empty: the flow's own address
  std::uint16_t port = 0;  // announced; 0: as bound

  bool operator==(const Listener&) const = default;
};

class Core {
 public:
  virtual ~Core() = default;

  // Comes before any message of that socket.
  virtual void on_listening(const Listener& listener) = 0;
  // One datagram, or one message that StreamFramer cut. `bytes` must live as long as the events.
  // Junk is counted and ignored, malformed requests are answered when they can be.
  virtual void on_message(std::string_view bytes, const Flow& from, TimePoint now, Output& out) = 0;
  // `flow` as the connection was known.
  virtual void on_connection_closed(const Flow& flow, TimePoint now, Output& out) = 0;
  // A send to `flow` failed (ICMP unreachable, no route, connection refused, queue full).
  virtual void on_send_failed(const Flow& flow, TimePoint now, Output& out) = 0;
  // How full the receive buffers of the datagram sockets are, in percent of what the system allows;
  // told when it changes while there is a backlog, and when there is none any more.
  virtual void on_backlog(unsigned percent) { static_cast<void>(percent); }
  // The answer to a Lookup of its own: where to try, best first; empty when there is nowhere.
  // Comes exactly once for each, also when it is not wanted any more.
  virtual void on_resolved(LookupId lookup, std::span<const Flow> targets, TimePoint now,
                           Output& out) = 0;
  virtual void on_deadline(TimePoint now, Output& out) = 0;
  virtual TimePoint next_deadline() const = 0;  // `never` when nothing waits
};

}  // namespace sip
