// Drives a sip::Endpoint under Asio: owns its sockets and its one timer, delivers its events,
// flushes what it wants sent. Everything happens on the thread that runs the io_context; there are
// no locks and no other thread may call in.
#pragma once

#include <boost/asio/io_context.hpp>
#include <memory>
#include <utility>

#include "sip/endpoint.hpp"
#include "sip/net/transport_limits.hpp"

namespace sip::net {

// Who decides what to do. One event at a time, in order; it may call EndpointDriver::run() from
// inside. Views in the event are valid until on_event() returns.
class EndpointUser {
 public:
  virtual void on_event(const Event& event) = 0;

 protected:
  ~EndpointUser() = default;
};

class EndpointDriver {
 public:
  // `io` and `user` must outlive the driver; the user hears nothing after its destruction.
  EndpointDriver(boost::asio::io_context& io, EndpointConfig config, const Seed& seed,
                 EndpointUser& user, TransportLimits limits = {});
  ~EndpointDriver();
  EndpointDriver(const EndpointDriver&) = delete;
  EndpointDriver& operator=(const EndpointDriver&) = delete;

  // Opens one more socket; port 0 takes a free one. Returns the address with the port that it got,
  // or the system's error (address in use).
  boost::system::result<Address> listen_udp(const Address& at);
  boost::system::result<Address> listen_tcp(const Address& at);

  // The flow by which `remote` is reached: a listener of ours, and of our addresses the one that
  // the kernel routes there, so that Via and Contact name it. Opens nothing.
  Flow flow_to(Transport transport, const Address& remote) const;

  // Lets `f(Endpoint&, TimePoint now, Output&)` call the endpoint, then delivers what that caused
  // and sends it. Inside on_event() delivery waits until the present event is done.
  template <class F>
  decltype(auto) run(F&& f) {
    const Turn turn(*this);
    return std::forward<F>(f)(endpoint(), Clock::now(), output());
  }

  // Between calls of run() only to look: counters(), config().
  Endpoint& endpoint();
  TransportCounters transport_counters() const;

  // Closes all sockets. Nothing is delivered any more.
  void close();

 private:
  struct Impl;
  // The end of the outermost turn delivers and flushes.
  class Turn {
   public:
    explicit Turn(EndpointDriver& driver) : driver_(driver) { driver_.begin_turn(); }
    ~Turn() { driver_.end_turn(); }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

   private:
    EndpointDriver& driver_;
  };
  void begin_turn();
  void end_turn();
  Output& output();

  std::shared_ptr<Impl> impl_;
};

// 256 bits from the system's random source.
Seed random_seed();

}  // namespace sip::net
