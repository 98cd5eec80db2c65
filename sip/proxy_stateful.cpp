// Server: the tries of a proxied request (RFC 3261 16.6, 16.8 to 16.10).
#include <algorithm>
#include <utility>

#include "sip/server_impl.hpp"
#include "sip/transport_choice.hpp"

namespace sip {

void Server::Impl::forward_statefully(Turn& turn) {
  if (transactions.full() || contexts.size() >= config.limits.contexts)
    return answer_overloaded(turn);
  const auto id = contexts.take();
  auto& c = contexts.at(id.index);
  c.clear();
  if (const int status = find_targets(turn, c); status != 0) {
    contexts.release(id.index);
    return answer(status, turn);
  }
  stats.contexts = contexts.size();
  const auto& request = *turn.message;
  c.invite = request.method() == Method::invite;
  c.source = turn.flow;
  c.since = turn.now;
  c.server = transactions.start_server(turn.transaction, request, turn.flow,
                                       {Purpose::proxy, {}, user_data(id, 0)}, never, turn.now);
  if (c.invite && config.trying_at_once) {
    MessageBuilder trying(scratch);
    trying.respond_to(request, 100, {}, {.source = turn.flow.remote, .to_tag = {}});
    transactions.respond(c.server, 100, trying.finish(), turn.now, turn.out);
  }
  if (config.recurse_redirects || c.target_count > 1) c.request = request.bytes();
  start_next(id, c, outgoing(turn), turn.now, turn.out);
}

// The request once more, as it came.
std::optional<Server::Impl::Outgoing> Server::Impl::reread(const ResponseContext& c) {
  if (!parse_message(c.request, stored, limits)) return std::nullopt;
  const auto via = stored.via();
  if (!via) return std::nullopt;
  stored_via = *via;
  read_route(stored_route, stored, c.source, interfaces, key);
  return Outgoing{&stored,       &stored_via, c.source,
                  &stored_route, nullptr,     branches.loop_hash(stored),
                  c.breadth};
}

// 16.6: all targets with the same q at once, those with less when these have failed.
void Server::Impl::start_next(ContextId id, ResponseContext& c, const Outgoing& what, TimePoint now,
                              Output& out) {
  const auto q = c.targets[c.next_target].q_1000;
  const auto room =
      std::min<std::size_t>(config.limits.branches - c.tries.size(), std::max(c.breadth, 1u));
  const auto first = c.tries.size();
  while (c.next_target < c.target_count && c.targets[c.next_target].q_1000 == q &&
         c.tries.size() - first < room)
    c.tries.emplace_back().target = c.next_target++;
  const auto count = c.tries.size() - first;
  if (count > 1) ++stats.forks;
  auto each = what;
  each.breadth = std::max<std::uint32_t>(1, c.breadth / static_cast<std::uint32_t>(count));
  for (std::size_t n = first; n < first + count; ++n) start_try(id, c, n, each, now, out);
  check(id, c, now, out);
}

void Server::Impl::start_try(ContextId id, ResponseContext& c, std::size_t n, const Outgoing& what,
                             TimePoint now, Output& out) {
  const auto& target = c.targets[c.tries[n].target];
  c.tries[n].by_flow = target.has_flow;
  const auto way = way_to(target, what);
  if (way.kind == Way::Kind::flow) {
    if (target.has_flow && is_reliable(way.flow.transport)) note_way_around(c, n, what);
    return send_try(id, c, n, way.flow, what, now, out);
  }
  if (way.kind == Way::Kind::nowhere || lookups >= config.limits.lookups) {
    c.tries[n].state = ProxyTry::State::done;
    return take_answer(c, 503, nullptr);
  }
  if (c.request.empty()) c.request = what.request->bytes();
  c.tries[n].state = ProxyTry::State::resolving;
  ++lookups;
  out.lookups.push_back({LookupId{user_data(id, n)}, std::string(next_uri(target))});
}

// `next_hop` is that of this target.
void Server::Impl::send_try(ContextId id, ResponseContext& c, std::size_t n, const Flow& by,
                            const Outgoing& what, TimePoint now, Output& out) {
  auto& t = c.tries[n];
  auto to = by;
  if (transactions.full()) {
    t.state = ProxyTry::State::done;
    return take_answer(c, 503, nullptr);
  }
  const ProxyBranch with{BranchKind::stateful, std::uint64_t{random.next()} << 32 | random.next(),
                         what.loop};
  write_request(scratch, c.targets[t.target], to, what, with);
  if (prefer_stream(t, scratch.size(), to, c.source)) {
    t.large = true;
    t.others.push_back(by);  // when nobody listens there (18.1.1)
    if (c.request.empty()) c.request = what.request->bytes();
    write_request(scratch, c.targets[t.target], to, what, with);
  }
  t.state = ProxyTry::State::calling;
  t.flow = to;
  t.timer = c.invite ? now + config.limits.timer_c : never;
  const auto& request = *what.request;
  const Owner owner{Purpose::proxy, {c.server.index, c.server.generation}, user_data(id, n)};
  t.client =
      transactions.start_client(c.invite, transactions.response_key(branch, request.method_text()),
                                scratch, to, owner, now, out);
  ++stats.forwarded_requests;
  counters.count_request_sent(counted(request.method()), to.transport);
}

// A connection may be gone: then its peer is tried where its URI says, when that is a number.
void Server::Impl::note_way_around(ResponseContext& c, std::size_t n, const Outgoing& what) {
  Uri uri;
  if (parse_uri(next_hop.uri, uri)) return;
  const auto around = way_to_uri(uri, what.source);
  if (around.kind != Way::Kind::flow) return;
  c.tries[n].others.push_back(around.flow);
  if (c.request.empty()) c.request = what.request->bytes();
}

// 18.1.1: what is too large for a datagram goes by TCP, when we speak it. Not to who is reached by
// the flow of a registration: it has chosen its transport.
bool Server::Impl::prefer_stream(const ProxyTry& t, std::size_t size, Flow& to,
                                 const Flow& near) const {
  if (t.large || t.by_flow || !config.large_by_stream) return false;
  if (transport_for(size, to.transport) == to.transport) return false;
  Flow by_tcp{Transport::tcp, {}, to.remote, ConnectionId::none};
  if (!settle_local(by_tcp, near)) return false;
  to = by_tcp;
  return true;
}

// --- failures ------------------------------------------------------------------------------------

void Server::Impl::on_try_resolved(std::uint64_t name, std::span<const Flow> found, TimePoint now,
                                   Output& out) {
  const auto id = context_of(name);
  auto* const c = contexts.find(id);
  const auto n = static_cast<std::size_t>(name & 0xff);
  if (!c || n >= c->tries.size() || c->tries[n].state != ProxyTry::State::resolving) return;
  auto& t = c->tries[n];
  t.others.assign(found.rbegin(), found.rend());
  if (!retry_elsewhere(id, *c, n, now, out)) {
    t.state = ProxyTry::State::done;
    take_answer(*c, 503, nullptr);
  }
  check(id, *c, now, out);
}

// The next address of the same target (RFC 3263 4.3). False when there is none.
bool Server::Impl::retry_elsewhere(ContextId id, ResponseContext& c, std::size_t n, TimePoint now,
                                   Output& out) {
  auto& t = c.tries[n];
  if (t.others.empty() || c.cancelled || c.closed || t.cancel_wanted) return false;
  const auto what = reread(c);
  if (!what) return false;
  static_cast<void>(way_to(c.targets[t.target], *what));
  while (!t.others.empty()) {
    auto to = t.others.back();
    t.others.pop_back();
    if (!settle_local(to, c.source)) continue;
    if (t.client) ++stats.failovers;
    send_try(id, c, n, to, *what, now, out);
    return true;
  }
  return false;
}

void Server::Impl::on_try_failed(TransactionId client, const Owner& owner, int status,
                                 TimePoint now, Output& out) {
  const auto id = context_of(owner.user_data);
  auto* const c = contexts.find(id);
  const auto n = static_cast<std::size_t>(owner.user_data & 0xff);
  if (!c || n >= c->tries.size() || c->tries[n].client != client) return;
  fail_try(id, *c, n, status, now, out);
}

// 16.9: a transport that fails is a 503 of that branch; 16.7: no answer is a 408. RFC 5626 5.3.1:
// who has sent it along a flow of ours is told that this flow is gone.
void Server::Impl::fail_try(ContextId id, ResponseContext& c, std::size_t n, int status,
                            TimePoint now, Output& out) {
  c.tries[n].state = ProxyTry::State::done;
  if (!retry_elsewhere(id, c, n, now, out)) {
    const bool flow_failed = status == 503 && c.targets[c.tries[n].target].by_token;
    take_answer(c, flow_failed ? 430 : status, nullptr);
  }
  check(id, c, now, out);
}

// --- CANCEL --------------------------------------------------------------------------------------

void Server::Impl::cancel_all(ResponseContext& c, TimePoint now, Output& out) {
  if (!c.invite) return;  // nothing else can be cancelled (9.1)
  c.cancelled = true;
  for (auto& t : c.tries) cancel_try(c, t, now, out);
}

void Server::Impl::cancel_try(ResponseContext& c, ProxyTry& t, TimePoint now, Output& out) {
  switch (t.state) {
    case ProxyTry::State::resolving:
      t.state = ProxyTry::State::done;
      if (c.cancelled) take_answer(c, 487, nullptr);
      return;
    case ProxyTry::State::calling:
      t.cancel_wanted = true;  // 9.1: not before a provisional answer
      return;
    case ProxyTry::State::proceeding:
      return send_cancel(c, t, now, out);
    case ProxyTry::State::cancelled:
    case ProxyTry::State::done:
      return;
  }
}

void Server::Impl::send_cancel(ResponseContext& c, ProxyTry& t, TimePoint now, Output& out) {
  t.state = ProxyTry::State::cancelled;
  t.timer = now + 64 * config.timers.t1;
  transactions.cancel(t.client, {Purpose::cancel, {c.server.index, c.server.generation}, 0}, now,
                      out);
  counters.count_request_sent(CountedMethod::cancel, t.flow.transport);
}

// --- time ----------------------------------------------------------------------------------------

void Server::Impl::on_context_deadlines(TimePoint now, Output& out) {
  while (context_deadlines.next() <= now) {
    const auto id = contexts.id_of(context_deadlines.first());
    auto& c = contexts.at(id.index);
    on_timers(c, now, out);
    check(id, c, now, out);
  }
}

void Server::Impl::on_timers(ResponseContext& c, TimePoint now, Output& out) {
  for (auto& t : c.tries) {
    if (t.timer > now || t.state == ProxyTry::State::done) continue;
    if (t.state == ProxyTry::State::proceeding) {  // timer C (16.8)
      ++stats.timer_c;
      t.timed_out = true;
      send_cancel(c, t, now, out);
    } else if (t.state == ProxyTry::State::cancelled) {  // its answer does not come (9.1)
      transactions.drop(t.client);
      t.state = ProxyTry::State::done;
      take_answer(c, t.timed_out ? 408 : 487, nullptr);
    } else {
      t.timer = never;  // the transaction gives up before timer C
    }
  }
}

void Server::Impl::release(ContextId id) {
  context_deadlines.remove(id.index);
  contexts.at(id.index).clear();
  contexts.release(id.index);
  stats.contexts = contexts.size();
}

}  // namespace sip
