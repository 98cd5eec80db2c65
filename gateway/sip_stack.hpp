// The SIP of the gateway: its cores, the sockets that they share, and who looks on. Shell; one
// thread.
//
// The cores: an endpoint for GB/T 28181, the SIP server, or both behind a switchboard. Without a
// server messages go straight to the endpoint.
#pragma once

#include <boost/asio/io_context.hpp>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "gateway/alarm_clock.hpp"
#include "gateway/config.hpp"
#include "gateway/secrets.hpp"
#include "gateway/sip_server.hpp"
#include "gateway/sip_switchboard.hpp"
#include "sip/endpoint.hpp"
#include "sip/net/core_driver.hpp"
#include "sip/tracer.hpp"

namespace gateway {

class SipStack final : private sip::net::CoreUser {
 public:
  // The references must outlive it.
  SipStack(boost::asio::io_context& io, AlarmClock& clock, const Config& config,
           const Secrets& secrets);

  // Who hears of what happens at the endpoint, from before start() on; it must outlive close().
  void serve(sip::net::CoreUser& user) { user_ = &user; }
  // Opens files and listeners; the error names the address.
  boost::system::result<void, std::string> start();
  void close() { driver_.close(); }
  // Reads the certificates again. What failed, in words.
  std::optional<std::string> reload_certificates();

  // Lets `f(Endpoint&, TimePoint now, Output&)` call the endpoint; as sip::net::CoreDriver::run().
  template <class F>
  decltype(auto) run(F&& f) {
    return driver_.run([&](sip::TimePoint now, sip::Output& out) -> decltype(auto) {
      return std::forward<F>(f)(endpoint_, now, out);
    });
  }
  sip::Flow flow_to(sip::Transport transport, const sip::Address& remote) const {
    return driver_.flow_to(transport, remote);
  }
  sip::Endpoint& endpoint() { return endpoint_; }
  const sip::Endpoint& endpoint() const { return endpoint_; }
  SipServer* server() { return server_.get(); }  // null: there is none
  // As sip::Server::remove(); there must be a server.
  bool remove_binding(std::string_view aor, std::string_view contact) {
    return driver_.run([&](sip::TimePoint now, sip::Output& out) {
      return server_->core().remove(aor, contact, now, out);
    });
  }
  AlarmClock& clock() { return clock_; }
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
  sip::Core& core();
  boost::system::result<void, std::string> load_certificates();
  void observe();

  AlarmClock& clock_;
  const Config& config_;
  sip::Endpoint endpoint_;
  std::unique_ptr<SipServer> server_;
  std::unique_ptr<SipSwitchboard> switchboard_;
  sip::net::CoreDriver driver_;
  std::shared_ptr<sip::net::TlsContext> tls_;
  sip::net::CoreUser* user_ = nullptr;
  sip::Tracer tracer_;
  Alarm trace_over_;
};

}  // namespace gateway
