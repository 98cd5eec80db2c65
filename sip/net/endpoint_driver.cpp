#include "sip/net/endpoint_driver.hpp"

#include <boost/asio/steady_timer.hpp>
#include <random>

#include "sip/net/message_sink.hpp"
#include "sip/net/socket_address.hpp"
#include "sip/net/tcp_transport.hpp"
#include "sip/net/udp_transport.hpp"

namespace asio = boost::asio;

namespace sip::net {

struct EndpointDriver::Impl final : MessageSink {
  Impl(asio::io_context& io, EndpointConfig config, const Seed& seed, EndpointUser& to,
       const TransportLimits& given)
      : endpoint(std::move(config), seed),
        user(&to),
        limits(given),
        timer(io),
        udp(io, *this, limits, counters),
        tcp(io, *this, limits, counters) {}

  void begin_batch() override { ++depth; }
  void end_batch() override {
    // The outermost turn works until nothing is left; sending may fail and cause more.
    if (depth == 1 && user) {
      do {
        deliver();
        flush();
      } while (!out.empty());
      arm();
    }
    --depth;
  }
  void on_message(std::string_view bytes, const Flow& from) override {
    endpoint.on_message(bytes, from, Clock::now(), out);
    deliver();  // before the bytes go
  }
  void on_send_failed(const Flow& flow) override {
    endpoint.on_send_failed(flow, Clock::now(), out);
  }
  void on_connection_closed(const Flow& flow) override {
    endpoint.on_connection_closed(flow, Clock::now(), out);
  }

  // Handling an event may append more.
  void deliver() {
    for (std::size_t i = 0; user && i < out.events.size(); ++i) {
      const Event event = out.events[i];
      user->on_event(event);
    }
    out.events.clear();
  }
  // Failures on the way append to `out`, so what is sent stands in `sending`.
  void flush() {
    if (out.sends.empty()) return;
    std::swap(out, sending);
    std::swap(out.events, sending.events);
    udp.send(sending);
    for (const auto& send : sending.sends) {
      if (!user) break;
      if (send.flow.transport == Transport::tcp) tcp.send(send.flow, sending.bytes(send));
      if (send.flow.transport == Transport::tls) on_send_failed(send.flow);  // not here yet
    }
    sending.clear_sends();
  }
  // A timer that fires too early does no harm and costs less than moving it back each time.
  void arm() {
    const auto deadline = endpoint.next_deadline();
    if (deadline >= armed) return;
    armed = deadline;
    timer.expires_at(deadline);
    timer.async_wait([weak = self](boost::system::error_code ec) {
      const auto alive = weak.lock();
      if (ec || !alive || !alive->user) return;
      alive->on_timer();
    });
  }
  void on_timer() {
    armed = never;
    begin_batch();
    endpoint.on_deadline(Clock::now(), out);
    end_batch();
  }
  void close() {
    user = nullptr;
    timer.cancel();
    udp.close();
    tcp.close();
  }

  Endpoint endpoint;
  EndpointUser* user;  // null: closed
  Output out;
  Output sending;
  int depth = 0;  // of turns: only the outermost delivers and sends
  TransportLimits limits;
  TransportCounters counters;
  asio::steady_timer timer;
  TimePoint armed = never;
  UdpTransport udp;
  TcpTransport tcp;
  std::weak_ptr<Impl> self;
};

EndpointDriver::EndpointDriver(asio::io_context& io, EndpointConfig config, const Seed& seed,
                               EndpointUser& user, TransportLimits limits)
    : impl_(std::make_shared<Impl>(io, std::move(config), seed, user, limits)) {
  impl_->self = impl_;
}

EndpointDriver::~EndpointDriver() {
  close();
}

boost::system::result<Address> EndpointDriver::listen_udp(const Address& at) {
  return impl_->udp.listen(at);
}

boost::system::result<Address> EndpointDriver::listen_tcp(const Address& at) {
  return impl_->tcp.listen(at);
}

Flow EndpointDriver::flow_to(Transport transport, const Address& remote) const {
  Flow flow;
  flow.transport = transport;
  flow.remote = remote;
  const bool v6 = remote.ip.is_v6();
  const auto* listener =
      transport == Transport::udp ? impl_->udp.listener_for(v6) : impl_->tcp.listener_for(v6);
  if (listener) flow.local = *listener;
  if (flow.local.ip.is_unspecified()) flow.local.ip = source_towards(remote);
  return flow;
}

Endpoint& EndpointDriver::endpoint() {
  return impl_->endpoint;
}
TransportCounters EndpointDriver::transport_counters() const {
  return impl_->counters;
}
void EndpointDriver::close() {
  impl_->close();
}

void EndpointDriver::begin_turn() {
  impl_->begin_batch();
}
void EndpointDriver::end_turn() {
  impl_->end_batch();
}
Output& EndpointDriver::output() {
  return impl_->out;
}

Seed random_seed() {
  std::random_device device;
  Seed seed;
  for (auto& word : seed) word = device();
  return seed;
}

}  // namespace sip::net
