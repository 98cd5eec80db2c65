// Server: messages, time and failures, to whom they concern.
#include "sip/server.hpp"

#include <algorithm>
#include <utility>

#include "sip/resolution.hpp"
#include "sip/scan.hpp"
#include "sip/server_impl.hpp"

namespace sip {
namespace {

std::uint64_t number_of(Random& random) {
  const std::uint64_t high = random.next();
  return high << 32 | random.next();
}

// Two numbers that the seed or the configured secret decide.
HashKey key_of_secret(const std::string& secret, Random& random) {
  if (secret.empty()) return {number_of(random), number_of(random)};
  const HashKey first{KeyedHash({1, 0}).add(secret).finish(),
                      KeyedHash({2, 0}).add(secret).finish()};
  return {KeyedHash(first).add("1").add(secret).finish(),
          KeyedHash(first).add("2").add(secret).finish()};
}

std::string hex(std::uint64_t number, int digits) {
  std::string text;
  for (int i = digits; i-- > 0;) text += "0123456789abcdef"[number >> (4 * i) & 15];
  return text;
}

std::string realm_of(const ServerConfig& config) {
  if (!config.realm.empty()) return config.realm;
  return config.domains.empty() ? config.server : config.domains.front();
}

std::string route_of_next_hop(const ServerConfig& config) {
  const auto uri = parse_uri(config.next_hop);
  return uri && uri->loose_routing() ? '<' + config.next_hop + '>' : std::string();
}

// 18.2.2: who does not ask for rport is answered at the port of its Via. Where a NAT is between,
// that would lead nowhere, and the source is what there is.
Flow answer_flow(const Via& via, const Flow& from) {
  auto flow = from;
  if (via.has_rport || is_reliable(from.transport)) return flow;
  const auto port = via.sent_by.port_or(default_port(from.transport));
  if (port == from.remote.port || IpAddress::parse(via.sent_by.host) != from.remote.ip) return flow;
  flow.remote.port = port;
  return flow;
}

RegistrarOptions registrar_options(const ServerConfig& config) {
  auto options = config.registration;
  if (options.domains.empty()) options.domains = config.domains;
  for (auto& domain : options.domains)
    for (auto& c : domain) c = scan::lower(c);
  return options;
}

}  // namespace

Server::Impl::Impl(ServerConfig configuration, const Seed& seed, Location& bindings,
                   const Accounts* who)
    : config(std::move(configuration)),
      random(seed),
      key(key_of_secret(config.secret, random)),
      location(bindings),
      accounts(who),
      interfaces(config.domains),
      branches(key),
      tag_prefix("gp" + hex(KeyedHash(key).add("tag").finish(), 6)),
      realm(realm_of(config)),
      next_hop_route(route_of_next_hop(config)),
      transactions(config.timers, config.limits.transactions, number_of(random), counters),
      registrar(registrar_options(config), location, accounts),
      redirector({}, location),
      watchers(config.reg_event, location),
      overload(config.limits.overload, config.limits.transactions) {
  if (const auto uri = parse_uri(config.next_hop)) {
    next_hop_keeps_transport = uri->scheme == UriScheme::sip && uri->transport().empty();
    if (const auto target = direct_target(*uri))
      next_hop_flow = Flow{target->transport, {}, target->remote, ConnectionId::none};
  }
  auto options = config.authenticator;
  options.realm = realm;
  if (accounts)
    authenticator.emplace(options, *accounts, HashKey{number_of(random), number_of(random)});
  limits.message_bytes =
      static_cast<std::uint32_t>(std::min<std::size_t>(config.limits.message_bytes, UINT32_MAX));
}

// --- messages ------------------------------------------------------------------------------------

void Server::Impl::on_message(std::string_view bytes, const Flow& from, TimePoint now,
                              Output& out) {
  const auto parsed = parse_message(bytes, view, limits);
  if (parsed && view.is_response()) return on_valid(view, from, now, out);
  const auto valid = parsed ? validate(view) : parsed;
  if (valid) return on_valid(view, from, now, out);
  Turn turn{now, out, &view, from, {}};
  on_broken(valid.error().code, turn);
}

void Server::Impl::on_valid(const MessageView& message, const Flow& from, TimePoint now,
                            Output& out) {
  Turn turn{now, out, &message, from, {}};
  const auto via = message.via();
  if (!via) return on_broken(Errc::bad_via, turn);
  turn.via = *via;
  if (message.is_response()) return on_response(turn);
  turn.flow = answer_flow(turn.via, from);
  on_request(turn);
}

void Server::Impl::on_broken(Errc code, Turn& turn) {
  if (code == Errc::keep_alive || code == Errc::not_sip) {
    ++counters.junk;
    return;
  }
  auto& errors = counters.parse_errors;
  ++errors[std::min(static_cast<std::size_t>(code), errors.size() - 1)];
  const int status = status_for(code);
  if (status != 0 && answerable(*turn.message)) {
    turn.via = *turn.message->via();
    answer(status, turn);
  }
  turn.out.events.push_back(event::BadMessage{code, turn.flow});
}

bool Server::Impl::concerns(const MessageView& message, const Flow& from) const {
  if (message.is_response()) {
    const auto via = message.via();
    return via && branches.is_ours(via->branch);
  }
  if (message.has(HeaderId::route)) {
    const auto top = message.route();
    if (top && interfaces.is_ours(top->uri, from)) return true;
  }
  const auto uri = message.request_uri();
  if (uri && interfaces.is_ours(*uri, from)) return true;
  const auto to = message.to();
  return to && interfaces.is_ours(to->uri, from) && to->tag().empty();
}

// --- time and failure ----------------------------------------------------------------------------

void Server::Impl::on_resolved(LookupId lookup, std::span<const Flow> found, TimePoint now,
                               Output& out) {
  const auto name = static_cast<std::uint64_t>(lookup);
  if (lookups > 0) --lookups;
  if (name & held_bit) return on_held_resolved(name, found, now, out);
  on_try_resolved(name, found, now, out);
}

void Server::Impl::on_reports(TimePoint now, Output& out) {
  for (std::size_t i = 0; i < reports.size(); ++i) {
    const auto report = reports[i];
    if (!report.server && report.owner.purpose == Purpose::notify)
      watchers.on_lost({report.owner.call.index, report.owner.call.generation});
    if (report.server || report.owner.purpose != Purpose::proxy) continue;
    on_try_failed(report.id, report.owner, report.what == Action::timeout ? 408 : 503, now, out);
  }
  reports.clear();
}

void Server::Impl::on_deadline(TimePoint now, Output& out) {
  transactions.on_deadline(now, out, reports);
  on_reports(now, out);
  on_context_deadlines(now, out);
  if (location.next_deadline() <= now) location.on_deadline(now);
  tell_watchers(now, out);
}

TimePoint Server::Impl::next_deadline() const {
  if (location.has_lapses()) return TimePoint::min();
  return std::min({transactions.next_deadline(), context_deadlines.next(), location.next_deadline(),
                   watchers.next_deadline()});
}

ContextId Server::Impl::context_of(std::uint64_t name) const {
  const auto index = static_cast<std::uint32_t>(name >> 32);
  if (index >= contexts.slot_count() || !contexts.live(index)) return {};
  const auto id = contexts.id_of(index);
  return (id.generation & 0xffffffu) == (name >> 8 & 0xffffffu) ? id : ContextId{};
}

std::vector<ProxiedRequest> Server::Impl::list(std::size_t at_most) {
  std::vector<ProxiedRequest> all;
  for (std::uint32_t i = 0; i < contexts.slot_count() && all.size() < at_most; ++i) {
    if (!contexts.live(i)) continue;
    const auto& c = contexts.at(i);
    const auto* t = transactions.get(c.server);
    if (!t) continue;
    auto& entry = all.emplace_back();
    static_cast<void>(parse_message(t->head, stored));  // for what of it there is
    entry.method = stored.method_text();
    entry.call_id = stored.call_id();
    entry.from = stored.text(HeaderId::from);
    entry.to = stored.text(HeaderId::to);
    entry.source = c.source;
    entry.since = c.since;
    for (const auto& one : c.tries)
      entry.branches.push_back({c.targets[one.target].uri, one.flow, one.status,
                                one.cancel_wanted || one.state == ProxyTry::State::cancelled});
  }
  return all;
}

// --- the face ------------------------------------------------------------------------------------

Server::Server(ServerConfig config, const Seed& seed, Location& location, const Accounts* accounts)
    : impl_(std::make_unique<Impl>(std::move(config), seed, location, accounts)) {}
Server::~Server() = default;

bool Server::concerns(const MessageView& message, const Flow& from) const {
  return impl_->concerns(message, from);
}
void Server::set_wall_clock(TimePoint now, WallTime wall) {
  impl_->wall_known_at = now;
  impl_->wall = wall;
}
bool Server::remove(std::string_view aor, std::string_view contact, TimePoint now, Output& out) {
  return impl_->remove(aor, contact, now, out);
}
void Server::on_listening(const Listener& listener) {
  impl_->interfaces.add(listener);
}
void Server::on_message(std::string_view bytes, const Flow& from, TimePoint now, Output& out) {
  impl_->on_message(bytes, from, now, out);
}
void Server::on_parsed(const MessageView& message, const Flow& from, TimePoint now, Output& out) {
  impl_->on_valid(message, from, now, out);
}
void Server::on_connection_closed(const Flow& flow, TimePoint now, Output& out) {
  impl_->location.on_connection_closed(flow);
  impl_->transactions.on_flow_failed(flow, impl_->reports);
  impl_->on_reports(now, out);
  out.events.push_back(event::ConnectionClosed{flow});
}
void Server::on_send_failed(const Flow& flow, TimePoint now, Output& out) {
  impl_->transactions.on_flow_failed(flow, impl_->reports);
  impl_->on_reports(now, out);
}
void Server::on_backlog(unsigned percent) {
  impl_->overload.on_backlog(percent);
}
void Server::on_resolved(LookupId lookup, std::span<const Flow> targets, TimePoint now,
                         Output& out) {
  impl_->on_resolved(lookup, targets, now, out);
}
void Server::on_deadline(TimePoint now, Output& out) {
  impl_->on_deadline(now, out);
}
TimePoint Server::next_deadline() const {
  return impl_->next_deadline();
}
const Transactions& Server::transactions() const {
  return impl_->transactions;
}
const ServerConfig& Server::config() const {
  return impl_->config;
}
const Counters& Server::counters() const {
  return impl_->counters;
}
const ServerCounters& Server::server_counters() const {
  return impl_->stats;
}
const Authenticator::Counters* Server::authenticator_counters() const {
  return impl_->authenticator ? &impl_->authenticator->counters() : nullptr;
}
std::vector<ProxiedRequest> Server::list(std::size_t at_most) const {
  return impl_->list(at_most);
}

}  // namespace sip
