#include "sip/net/core_driver.hpp"

#include <boost/asio/steady_timer.hpp>
#include <random>

#include "sip/net/message_sink.hpp"
#include "sip/net/socket_address.hpp"
#include "sip/net/tcp_transport.hpp"
#include "sip/net/udp_transport.hpp"

namespace asio = boost::asio;

namespace sip::net {

struct CoreDriver::Impl final : MessageSink {
  Impl(asio::io_context& io, Core& driven, CoreUser& to, const TransportLimits& given)
      : core(driven),
        user(&to),
        limits(given),
        timer(io),
        udp(io, *this, limits, counters),
        tcp(io, *this, limits, counters) {}

  void begin_batch() override {
    if (depth++ == 0) now = Clock::now();
  }
  void end_batch() override {
    // The outermost turn works until nothing is left; sending may fail and cause more.
    if (depth == 1 && user) {
      do {
        deliver();
        flush();
      } while (user && !out.empty());
      arm();
    }
    --depth;
  }
  void on_message(std::string_view bytes, const Flow& from) override {
    if (observer) observer->on_received(bytes, from, now);
    core.on_message(bytes, from, now, out);
    if (!out.events.empty()) deliver();  // before the bytes go
  }
  void on_send_failed(const Flow& flow) override { core.on_send_failed(flow, now, out); }
  void on_connection_closed(const Flow& flow) override {
    core.on_connection_closed(flow, now, out);
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
    std::swap(out.lookups, sending.lookups);
    if (observer)
      for (const auto& send : sending.sends) observer->on_sent(sending.bytes(send), send.flow, now);
    udp.send(sending);
    for (const auto& send : sending.sends) {
      if (!user) break;
      if (send.flow.transport != Transport::udp) send_by_stream(send);
    }
    sending.clear_sends();
  }
  void send_by_stream(const Send& send) {
    if (send.flow.transport != Transport::tcp) return on_send_failed(send.flow);
    tcp.send(send.flow, sending.bytes(send));
  }
  // A timer that fires too early does no harm and costs less than moving it back each time.
  void arm() {
    const auto deadline = core.next_deadline();
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
    core.on_deadline(now, out);
    end_batch();
  }
  void close() {
    user = nullptr;
    timer.cancel();
    udp.close();
    tcp.close();
  }

  Core& core;
  CoreUser* user;  // null: closed
  MessageObserver* observer = nullptr;
  Output out;
  Output sending;
  int depth = 0;  // of turns: only the outermost delivers and sends
  TimePoint now;  // of the turn
  TransportLimits limits;
  TransportCounters counters;
  asio::steady_timer timer;
  TimePoint armed = never;
  UdpTransport udp;
  TcpTransport tcp;
  std::weak_ptr<Impl> self;
};

CoreDriver::CoreDriver(asio::io_context& io, Core& core, CoreUser& user, TransportLimits limits)
    : impl_(std::make_shared<Impl>(io, core, user, limits)) {
  impl_->self = impl_;
}

CoreDriver::~CoreDriver() {
  close();
}

boost::system::result<Address> CoreDriver::listen(const ListenOn& where) {
  const auto bound =
      where.transport == Transport::udp ? impl_->udp.listen(where.at) : impl_->tcp.listen(where.at);
  if (bound)
    impl_->core.on_listening({where.transport, *bound, where.announced_host, where.announced_port});
  return bound;
}

Flow CoreDriver::flow_to(Transport transport, const Address& remote) const {
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

void CoreDriver::observe(MessageObserver* observer) {
  impl_->observer = observer;
}
TransportCounters CoreDriver::transport_counters() const {
  return impl_->counters;
}
void CoreDriver::close() {
  impl_->close();
}

void CoreDriver::begin_turn() {
  impl_->begin_batch();
}
void CoreDriver::end_turn() {
  impl_->end_batch();
}
TimePoint CoreDriver::now() const {
  return impl_->now;
}
Output& CoreDriver::output() {
  return impl_->out;
}

Seed random_seed() {
  std::random_device device;
  Seed seed;
  for (auto& word : seed) word = device();
  return seed;
}

}  // namespace sip::net
