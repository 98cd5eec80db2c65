// A sip::Endpoint and the CoreDriver that drives it, in one.
#pragma once

#include <utility>

#include "sip/endpoint.hpp"
#include "sip/net/core_driver.hpp"

namespace sip::net {

using EndpointUser = CoreUser;

class EndpointDriver {
 public:
  // `io` and `user` must outlive the driver; the user hears nothing after its destruction.
  EndpointDriver(boost::asio::io_context& io, EndpointConfig config, const Seed& seed,
                 EndpointUser& user, TransportLimits limits = {})
      : endpoint_(std::move(config), seed), driver_(io, endpoint_, user, limits) {}

  // As CoreDriver::listen(), without an announced address.
  boost::system::result<Address> listen_udp(const Address& at) {
    return driver_.listen({Transport::udp, at, {}, 0, {}});
  }
  boost::system::result<Address> listen_tcp(const Address& at) {
    return driver_.listen({Transport::tcp, at, {}, 0, {}});
  }
  boost::system::result<Address> listen(const ListenOn& where) { return driver_.listen(where); }

  Flow flow_to(Transport transport, const Address& remote) const {
    return driver_.flow_to(transport, remote);
  }

  // As CoreDriver::run(), with `f(Endpoint&, TimePoint now, Output&)`.
  template <class F>
  decltype(auto) run(F&& f) {
    return driver_.run([&](TimePoint now, Output& out) -> decltype(auto) {
      return std::forward<F>(f)(endpoint_, now, out);
    });
  }

  // Between calls of run() only to look: counters(), config().
  Endpoint& endpoint() { return endpoint_; }
  CoreDriver& driver() { return driver_; }
  TransportCounters transport_counters() const { return driver_.transport_counters(); }

  // Closes all sockets. Nothing is delivered any more.
  void close() { driver_.close(); }

 private:
  Endpoint endpoint_;
  CoreDriver driver_;
};

}  // namespace sip::net
