#include "sip/net/core_driver.hpp"

#include <algorithm>
#include <boost/asio/steady_timer.hpp>
#include <optional>
#include <random>
#include <utility>
#include <vector>

#include "sip/net/message_sink.hpp"
#include "sip/net/socket_address.hpp"
#include "sip/net/stream_transport.hpp"
#include "sip/net/udp_transport.hpp"

namespace asio = boost::asio;

namespace sip::net {

struct CoreDriver::Impl final : MessageSink {
  Impl(asio::io_context& context, Core& driven, CoreUser& to, const TransportLimits& given)
      : io(context),
        core(driven),
        user(&to),
        limits(given),
        timer(io),
        udp(io, *this, limits, counters),
        streams(io, *this, limits, counters) {}

  void begin_batch() override {
    if (depth++ == 0) now = Clock::now();
  }
  void end_batch() override {
    // The outermost turn works until nothing is left; sending may fail and cause more.
    if (depth == 1 && user) {
      do {
        deliver();
        flush();
        streams.flush();
      } while (user && !out.empty());
      arm();
    }
    --depth;
  }
  void on_message(std::string_view bytes, const Flow& from) override {
    if (observer) observer->on_received(bytes, from, Clock::now());
    core.on_message(bytes, from, now, out);
    if (!out.events.empty()) deliver();  // before the bytes go
  }
  void on_backlog(unsigned percent) override { core.on_backlog(percent); }
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
    if (!out.lookups.empty()) look_up();
    for (const auto& wish : std::exchange(out.keep_alives, {}))
      streams.keep_alive(wish.flow, wish.every);
    if (out.sends.empty()) return;
    std::swap(out, sending);
    std::swap(out.events, sending.events);
    std::swap(out.lookups, sending.lookups);
    if (observer)
      for (const auto& send : sending.sends)
        observer->on_sent(sending.bytes(send), send.flow, Clock::now());
    udp.send(sending);
    for (const auto& send : sending.sends) {
      if (!user) break;
      if (send.flow.transport != Transport::udp) streams.send(send.flow, sending.bytes(send));
    }
    sending.clear_sends();
  }
  void look_up() {
    if (!resolver) resolver.emplace(io, ResolverConfig{}, random_seed());
    for (const auto& lookup : std::exchange(out.lookups, {})) {
      const auto uri = parse_uri(lookup.uri);
      if (!uri) {
        core.on_resolved(lookup.id, {}, now, out);
        continue;
      }
      resolver->resolve(*uri, policy(), [this, id = lookup.id](const Resolution& found) {
        if (user) on_resolved(id, found);
      });
    }
  }
  void on_resolved(LookupId id, const Resolution& found) {
    std::vector<Flow> flows;
    for (const auto& target : found.targets()) {
      flows.push_back(flow_to(target.transport, target.remote));
      if (is_secure(target.transport)) streams.name_server(target.remote, found.domain());
    }
    begin_batch();
    core.on_resolved(id, flows, now, out);
    end_batch();
  }
  // What we can send by: datagrams from the sockets that are open, streams always.
  ResolutionPolicy policy() const {
    ResolutionPolicy policy;
    policy.transports.clear();
    const bool udp4 = udp.listener_for(false), udp6 = udp.listener_for(true);
    if (udp4 || udp6) policy.transports.push_back(Transport::udp);
    policy.transports.push_back(Transport::tcp);
    if (streams.can_connect_securely()) policy.transports.push_back(Transport::tls);
    policy.ipv6 = udp6 || streams.listens(true);
    policy.ipv4 = udp4 || streams.listens(false) || !policy.ipv6;
    return policy;
  }
  Flow flow_to(Transport transport, const Address& remote) const {
    Flow flow;
    flow.transport = transport;
    flow.remote = remote;
    const bool v6 = remote.ip.is_v6();
    const auto* listener =
        transport == Transport::udp ? udp.listener_for(v6) : streams.listener_for(transport, v6);
    if (listener) flow.local = *listener;
    if (flow.local.ip.is_unspecified()) flow.local.ip = source_towards(remote);
    return flow;
  }
  // A timer that fires too early does no harm and costs less than moving it back each time.
  void arm() {
    // Thousands of deadlines a second need not be thousands of wakes.
    const auto deadline = std::max(core.next_deadline(), now + limits.gather);
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
    streams.close();
    resolver.reset();
  }

  asio::io_context& io;
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
  StreamTransport streams;
  std::optional<Resolver> resolver;
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
  const auto bound = where.transport == Transport::udp ? impl_->udp.listen(where.at)
                                                       : impl_->streams.listen(where);
  if (bound)
    impl_->core.on_listening({where.transport, *bound, where.announced_host, where.announced_port});
  return bound;
}

Flow CoreDriver::flow_to(Transport transport, const Address& remote) const {
  return impl_->flow_to(transport, remote);
}
void CoreDriver::resolve_with(ResolverConfig config) {
  impl_->resolver.emplace(impl_->io, std::move(config), random_seed());
}
void CoreDriver::connect_with(std::shared_ptr<const TlsContext> tls) {
  impl_->streams.connect_with(std::move(tls));
}
void CoreDriver::name_server(const Address& remote, std::string domain) {
  impl_->streams.name_server(remote, std::move(domain));
}

void CoreDriver::observe(MessageObserver* observer) {
  impl_->observer = observer;
}
TransportCounters CoreDriver::transport_counters() const {
  return impl_->counters;
}
ResolverCounters CoreDriver::resolver_counters() const {
  return impl_->resolver ? impl_->resolver->counters() : ResolverCounters{};
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
