// The SIP of the gateway: its cores, the sockets that they share, and who looks on. Shell; one
// thread.
#pragma once

#include <boost/asio/io_context.hpp>
#include <string>
#include <utility>

#include "gateway/alarm_clock.hpp"
#include "gateway/config.hpp"
#include "sip/net/endpoint_driver.hpp"
#include "sip/tracer.hpp"

namespace gateway {

class SipStack final : private sip::net::CoreUser {
 public:
  // The references must outlive it.
  SipStack(boost::asio::io_context& io, AlarmClock& clock, const Config& config);

  // Who hears of what happens at the endpoint, from before start() on; it must outlive close().
  void serve(sip::net::CoreUser& user) { user_ = &user; }
  // Opens the listeners; the error names the address.
  boost::system::result<void, std::string> start();
  void close() { driver_.close(); }

  // As sip::net::EndpointDriver.
  template <class F>
  decltype(auto) run(F&& f) {
    return driver_.run(std::forward<F>(f));
  }
  sip::Flow flow_to(sip::Transport transport, const sip::Address& remote) const {
    return driver_.flow_to(transport, remote);
  }
  sip::Endpoint& endpoint() { return driver_.endpoint(); }
  sip::net::TransportCounters transport_counters() const { return driver_.transport_counters(); }

  const sip::Tracer& tracer() const { return tracer_; }
  // As those of Tracer; the stack is observed while any trace runs.
  std::uint32_t start_trace(sip::TraceFilter filter, sip::Duration lasts);
  bool stop_trace(std::uint32_t id);
  bool remove_trace(std::uint32_t id);

 private:
  void on_event(const sip::Event& event) override {
    if (user_) user_->on_event(event);
  }
  void observe();

  const Config& config_;
  sip::net::EndpointDriver driver_;
  sip::net::CoreUser* user_ = nullptr;
  sip::Tracer tracer_;
  Alarm trace_over_;
};

}  // namespace gateway
