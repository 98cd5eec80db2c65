// Server: forwarding without state (RFC 3261 16.11), of the stateless proxy and of an ACK to a 2xx.
// A repeated request takes the same way with the same branch, and so do its CANCEL and ACK.
#include "sip/scan.hpp"
#include "sip/server_impl.hpp"

namespace sip {

void Server::Impl::forward_statelessly(Turn& turn) {
  passing.clear();
  const auto method = turn.message->method();
  const bool answerable = method != Method::ack;
  if (const int status = find_targets(turn, passing); status != 0) {
    if (answerable) answer(method == Method::cancel ? 481 : status, turn);
    return;
  }
  auto what = outgoing(turn);
  what.breadth = passing.breadth;
  const auto& target = passing.targets[0];  // one only: there is nobody to choose the best answer
  const auto way = way_to(target, what);
  if (way.kind == Way::Kind::flow) return send_statelessly(target, way.flow, what, turn.out);
  if (way.kind == Way::Kind::nowhere || lookups >= config.limits.lookups) {
    if (answerable) answer(way.kind == Way::Kind::nowhere ? 500 : 503, turn);
    return;
  }
  const auto name = held_bit | ++held_ids;
  held.emplace(name, Held{std::string(turn.message->bytes()), turn.flow});
  ++lookups;
  turn.out.lookups.push_back({LookupId{name}, std::string(next_uri(target))});
}

void Server::Impl::send_statelessly(const ProxyTarget& target, const Flow& to, const Outgoing& what,
                                    Output& out) {
  const ProxyBranch with{BranchKind::stateless, branches.stateless_key(*what.request, *what.via),
                         what.loop};
  write_request(scratch, target, to, what, with);
  ++stats.forwarded_requests;
  ++stats.stateless_requests;
  counters.count_request_sent(counted(what.request->method()), to.transport);
  out.send(to, scratch);
}

void Server::Impl::on_held_resolved(std::uint64_t name, std::span<const Flow> found, TimePoint now,
                                    Output& out) {
  auto node = held.extract(name);
  if (node.empty()) return;
  const auto& request = node.mapped();
  if (!parse_message(request.bytes, stored, limits)) return;
  const auto via = stored.via();
  if (!via) return;
  Turn turn{now, out, &stored, request.source, *via};
  if (found.empty()) {
    if (stored.method() != Method::ack) answer(500, turn);
    return;
  }
  read(turn);
  turn.loop = branches.loop_hash(stored);
  passing.clear();
  if (find_targets(turn, passing) != 0) return;
  auto what = outgoing(turn);
  what.breadth = passing.breadth;
  static_cast<void>(way_to(passing.targets[0], what));
  auto to = found.front();
  if (settle_local(to, turn.flow)) send_statelessly(passing.targets[0], to, what, out);
}

// 16.11: back by the Via below ours; over a stream, by the connection that we noted in our own.
void Server::Impl::pass_statelessly(Turn& turn) {
  const auto via = second_via(*turn.message);
  auto to = via ? response_flow(*via) : std::nullopt;
  if (!to) {
    ++counters.stray_responses;
    return;
  }
  if (const auto noted = turn.via.params.get("i"); noted && is_reliable(to->transport))
    to->connection = ConnectionId{scan::number(*noted, UINT64_MAX).value_or(0)};
  if (!settle_local(*to, turn.flow)) return;
  if (!write_forwarded_response(scratch, *turn.message, is_reliable(to->transport))) return;
  ++stats.forwarded_responses;
  ++stats.stateless_responses;
  count_answer(turn.message->status(), to->transport);
  turn.out.send(*to, scratch);
}

}  // namespace sip
