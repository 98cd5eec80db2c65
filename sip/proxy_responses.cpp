// Server: responses to what it forwarded, and the best of several (RFC 3261 16.7).
#include <algorithm>

#include "sip/server_impl.hpp"

namespace sip {

void Server::Impl::on_response(Turn& turn) {
  const auto& response = *turn.message;
  const auto cseq = response.cseq();
  if (!branches.is_ours(turn.via.branch) || !cseq) {
    ++counters.stray_responses;
    return;
  }
  if (branches.kind_of(turn.via.branch) == BranchKind::stateless) return pass_statelessly(turn);
  const auto id = transactions.find(transactions.response_key(turn.via.branch, cseq->method_text));
  const auto* const t = transactions.get(id);
  if (!t) {  // RFC 6026 8.9: not passed on
    ++counters.stray_responses;
    return;
  }
  const auto owner = t->owner;  // the response may end the transaction
  if (!transactions.on_response(id, response, turn.now, turn.out)) return;
  counters.count_response_received(response.status(), turn.flow.transport);
  if (owner.purpose == Purpose::proxy) on_try_response(id, owner, turn);
  if (owner.purpose == Purpose::notify)
    on_notify_answer(owner, response.status(), turn.now, turn.out);
}

void Server::Impl::on_try_response(TransactionId client, const Owner& owner, Turn& turn) {
  const auto id = context_of(owner.user_data);
  auto* const c = contexts.find(id);
  const auto n = static_cast<std::size_t>(owner.user_data & 0xff);
  if (!c || n >= c->tries.size() || c->tries[n].client != client)
    return pass_late_answer(owner, turn);
  auto& t = c->tries[n];
  const int status = turn.message->status();
  t.status = static_cast<std::uint16_t>(status);
  if (status < 200) return on_provisional(*c, t, turn);
  t.state = ProxyTry::State::done;
  if (status < 300) {
    on_success(*c, turn);
  } else {
    on_failure(id, *c, n, turn);
  }
  check(id, *c, turn.now, turn.out);
}

void Server::Impl::on_provisional(ResponseContext& c, ProxyTry& t, Turn& turn) {
  if (t.state == ProxyTry::State::calling) t.state = ProxyTry::State::proceeding;
  if (t.state == ProxyTry::State::proceeding && c.invite) {
    // Its deadline is looked at when it comes: moving it for each would cost more.
    if (turn.message->status() > 100) t.timer = turn.now + config.limits.timer_c;
    if (t.cancel_wanted) send_cancel(c, t, turn.now, turn.out);
  }
  if (turn.message->status() > 100 && !c.answered) pass_up(c, turn);
}

// 16.7 step 5: every 2xx to an INVITE at once; of other requests the first final answer only.
void Server::Impl::on_success(ResponseContext& c, Turn& turn) {
  if (c.invite || !c.answered) pass_up(c, turn);
  c.answered = c.closed = true;
  if (!c.invite) return;
  for (auto& t : c.tries) cancel_try(c, t, turn.now, turn.out);
}

void Server::Impl::on_failure(ContextId id, ResponseContext& c, std::size_t n, Turn& turn) {
  const auto& response = *turn.message;
  const int status = response.status();
  if (status == 503 && retry_elsewhere(id, c, n, turn.now, turn.out)) return;
  if (status < 400 && follow_redirect(c, response)) return;
  if (c.tries[n].timed_out && status == 487) return take_answer(c, 408, nullptr);
  take_answer(c, status, &response);
  if (status < 600) return;
  c.closed = true;
  for (auto& t : c.tries) cancel_try(c, t, turn.now, turn.out);
}

// `response` is null when nobody has sent it.
void Server::Impl::take_answer(ResponseContext& c, int status, const MessageView* response) {
  if (!better_answer(status, c.best_status)) {
    if (response && (status == 401 || status == 407)) collect_challenges(*response, c.challenges);
    return;
  }
  c.best_status = status;
  c.best.clear();
  if (response) write_forwarded_response(c.best, *response, is_reliable(c.source.transport));
}

// 16.7 step 4: where it points to are more targets. False when nothing came of it.
bool Server::Impl::follow_redirect(ResponseContext& c, const MessageView& response) {
  if (!config.recurse_redirects || c.closed || c.cancelled || response.status() == 380)
    return false;
  const bool anywhere = config.relay_for == RelayFor::everyone;
  const auto before = c.target_count;
  for (const auto element : response.contacts()) {
    if (c.target_count >= config.limits.branches) break;
    const auto contact = parse_name_addr(element);
    if (!contact || contact->wildcard || !contact->uri.has_host()) continue;
    if (!anywhere && !interfaces.serves(contact->uri.host)) continue;
    bool known = false;
    for (std::size_t i = 0; i < c.target_count; ++i)
      known = known || c.targets[i].uri == contact->uri.text;
    if (known) continue;
    auto& target = c.add_target();
    target.uri = contact->uri.text;
    target.q_1000 = static_cast<std::uint16_t>(contact->q_thousandths());
  }
  if (c.target_count == before) return false;
  std::stable_sort(c.targets.begin() + c.next_target,
                   c.targets.begin() + static_cast<std::ptrdiff_t>(c.target_count),
                   [](const auto& a, const auto& b) { return a.q_1000 > b.q_1000; });
  return true;
}

// --- towards the caller --------------------------------------------------------------------------

void Server::Impl::pass_up(ResponseContext& c, Turn& turn) {
  const int status = turn.message->status();
  if (!write_forwarded_response(scratch, *turn.message, is_reliable(c.source.transport))) return;
  ++stats.forwarded_responses;
  count_answer(status, c.source.transport);
  transactions.respond(c.server, status, scratch, turn.now, turn.out);
}

// A 2xx that comes again, or from another branch, when all has been said: the transaction of the
// caller may still be there to say where it goes, else its Via does.
void Server::Impl::pass_late_answer(const Owner& owner, Turn& turn) {
  const auto& response = *turn.message;
  const auto cseq = response.cseq();
  if (response.status() / 100 != 2 || !cseq || cseq->method != Method::invite) return;
  const TransactionId server{owner.call.index, owner.call.generation};
  const auto* const t = transactions.get(server);
  if (!t) return pass_statelessly(turn);
  if (!write_forwarded_response(scratch, response, is_reliable(t->flow.transport))) return;
  ++stats.forwarded_responses;
  if (!transactions.respond(server, response.status(), scratch, turn.now, turn.out))
    turn.out.send(t->flow, scratch);
}

// After each change: more tries, the answer, or the next deadline.
void Server::Impl::check(ContextId id, ResponseContext& c, TimePoint now, Output& out) {
  const bool over = c.answered && !c.invite;
  if (c.pending() > 0 && !over) return context_deadlines.set(id.index, c.next_timer());
  if (!c.answered) {
    const bool more = c.next_target < c.target_count && c.tries.size() < config.limits.branches;
    if (more && !c.closed && !c.cancelled) {
      if (const auto what = reread(c)) return start_next(id, c, *what, now, out);
    }
    finish(c, now, out);
  }
  release(id);
}

void Server::Impl::finish(ResponseContext& c, TimePoint now, Output& out) {
  c.answered = true;
  const int status = c.cancelled && c.best_status == 408 ? 487
                     : c.best_status == 503              ? 500  // 16.7 step 6
                     : c.best_status == 0                ? 480
                                                         : c.best_status;
  // RFC 4320 4.2: who waits for a non-INVITE has given up by now.
  if (status == 408 && !c.invite) return transactions.drop(c.server);
  if (c.best.empty() || status != c.best_status) return answer_from_memory(c, status, now, out);
  if (status == 401 || status == 407) insert_lines(c.best, c.challenges);
  ++stats.forwarded_responses;
  count_answer(status, c.source.transport);
  transactions.respond(c.server, status, c.best, now, out);
}

void Server::Impl::answer_from_memory(ResponseContext& c, int status, TimePoint now, Output& out) {
  const auto* const t = transactions.get(c.server);
  if (!t) return;
  static_cast<void>(parse_message(t->head, stored));  // its body is not there: that is no fault
  if (!answerable(stored)) return;
  const auto via = stored.via();
  Turn turn{now, out, &stored, c.source, *via};
  const auto bytes = begin_answer(status, turn).finish();
  transactions.respond(c.server, status, bytes, now, out);
}

}  // namespace sip
