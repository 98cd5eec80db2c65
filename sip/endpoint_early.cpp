// Endpoint: answers of several branches of one INVITE, and reliable provisional ones (RFC 3262).
#include <algorithm>

#include "sip/endpoint_impl.hpp"

namespace sip {
namespace {

constexpr std::size_t max_early_dialogs = 16;  // of one INVITE
constexpr std::uint32_t first_rseq = 1;

std::string_view to_tag_of(const MessageView& message) {
  const auto to = message.to();
  return to ? to->tag() : std::string_view();
}

}  // namespace

// --- calls that we make --------------------------------------------------------------------------

// False: it repeats what was heard, or came out of order (RFC 3262 4).
bool Endpoint::Impl::on_early_answer(CallId id, Call& call, Turn& turn) {
  if (call.confirmed || to_tag_of(view).empty()) return true;
  const bool reliable = lists(view, HeaderId::require, "100rel");
  if (!call.extra && !reliable && !config.follow_targets) return true;  // nobody will ask for it
  auto& early = early_dialog(call, turn);
  if (!reliable) return true;
  const auto rseq = view.number(HeaderId::rseq);
  const auto cseq = view.cseq();
  if (!rseq || !cseq) return true;
  if (early.rseq != 0 && *rseq != early.rseq + 1) return false;
  early.rseq = *rseq;
  if (!view.body().empty() && !call.offer_answer.remote_pending() &&
      call.offer_answer.state() != OfferAnswer::State::agreed)
    call.offer_answer.received();
  if (call.late_offer && call.offer_answer.remote_pending()) {
    early.awaits_prack = *rseq;
  } else {
    send_prack(id, early, *rseq, cseq->number, {}, turn);
  }
  return true;
}

EarlyDialog& Endpoint::Impl::early_dialog(Call& call, Turn&) {
  auto& all = call.more().early;
  const auto tag = to_tag_of(view);
  for (auto& early : all)
    if (early.dialog.remote_tag == tag) return early;
  if (all.size() >= max_early_dialogs) all.erase(all.begin());
  auto& fresh = all.emplace_back();
  fresh.dialog = call.dialog;
  fresh.dialog.confirm(view);
  aim(fresh.dialog);
  return fresh;
}

Dialog* Endpoint::Impl::dialog_of(Call& call) {
  if (call.session->in_dialog()) return &call.dialog;
  if (call.session->state() == InviteSession::State::ringing) return &call.dialog;
  const bool early = call.session->state() == InviteSession::State::proceeding && call.extra &&
                     !call.extra->early.empty();
  return early ? &call.extra->early.back().dialog : nullptr;
}

Dialog& Endpoint::Impl::dialog_with(Call& call, std::string_view remote_tag) {
  if (call.extra)
    for (auto& early : call.extra->early)
      if (early.dialog.remote_tag == remote_tag) return early.dialog;
  return call.dialog;
}

void Endpoint::Impl::send_prack(CallId id, EarlyDialog& early, std::uint32_t rseq,
                                std::uint32_t invite_cseq, const InCallRequestSpec& spec,
                                Turn& turn) {
  if (full()) return;
  auto prack = spec;
  prack.headers.push_back(
      {"RAck", std::to_string(rseq) + ' ' + std::to_string(invite_cseq) + " INVITE"});
  const Owner owner{Purpose::prack, id, 0};
  add_credentials(prack.headers, login_of(owner), "PRACK", prack.body, early.dialog.remote_target);
  writer.write_in_dialog(early.dialog, "PRACK", early.dialog.next_cseq(), prack);
  Persistence persistence;
  if (const auto* call = calls.find(id); call && call->extra)
    persistence.credentials = call->extra->credentials;
  start_in_dialog(early.dialog, "PRACK", owner, persistence, false, turn.now, turn.out);
}

// The user's answer to an offer of the peer.
bool Endpoint::Impl::acknowledge(CallId id, const InCallRequestSpec& spec, TimePoint now,
                                 Output& out) {
  auto* call = calls.find(id);
  if (!call || !call->extra) return false;
  auto& extra = *call->extra;
  Turn turn{now, out};
  for (auto& early : extra.early) {
    if (early.awaits_prack == 0) continue;
    send_prack(id, early, early.awaits_prack, call->invite_cseq, spec, turn);
    early.awaits_prack = 0;
    call->offer_answer.sent();
    return true;
  }
  const bool first = call->ack.empty() && extra.acknowledge_by != never;
  if (!first && !extra.ours.awaits_ack) return false;
  extra.acknowledge_by = never;
  call->offer_answer.sent();
  if (first) {
    write_ack(id, *call, spec, turn);
  } else {
    acknowledge_change(id, *call, spec, turn);
  }
  remember_session(*call, spec.content_type, spec.body);
  perform(id, turn);
  return true;
}

// --- forks ---------------------------------------------------------------------------------------

// The call that a repeated 2xx of a branch belongs to.
CallId Endpoint::Impl::find_branch(const MessageView& response) {
  const auto from = response.from();
  const auto [begin, end] = calls_by_call_id.equal_range(response.call_id());
  for (auto i = begin; i != end; ++i) {
    const auto& dialog = calls.at(i->second.index).dialog;
    if (from && dialog.local_tag == from->tag() && dialog.remote_tag == to_tag_of(response))
      return i->second;
  }
  return {};
}

void Endpoint::Impl::on_other_branch(CallId original, TransactionId invite, Turn& turn) {
  if (view.status() < 200 || view.status() >= 300) return;
  if (auto* known = calls.find(find_branch(view)); known && !known->ack.empty()) {
    ++counters.retransmissions_sent;
    return turn.out.send(known->dialog.flow, known->ack);
  }
  const auto* call = calls.find(original);
  if (!call || !call->keep_forks || !call->session->in_dialog() ||
      calls.size() >= config.limits.calls)
    return refuse_stray_answer(invite, turn);
  const auto id = take_call(view.call_id(), turn.now);
  const auto& first = calls.at(original.index);
  auto& fork = calls.at(id.index);
  fork.session = InviteSession::forked(config.timers);
  fork.invite = invite;
  fork.user_data = first.user_data;
  fork.invite_cseq = first.invite_cseq;
  fork.dialog = first.dialog;
  if (!config.follow_targets) fork.dialog.flow = turn.flow;
  fork.dialog.local_cseq = first.invite_cseq;
  fork.dialog.remote_cseq = 0;
  if (first.offer_answer.state() != OfferAnswer::State::none) fork.offer_answer.sent();
  call_actions.clear();
  send_ack(id, fork, turn);
  turn.out.events.push_back(event::CallForked{id, original, &view, turn.flow, fork.user_data});
  perform(id, turn);
}

// --- calls that come to us -----------------------------------------------------------------------

bool Endpoint::Impl::answer_reliably(CallId id, Call& call, const ResponseSpec& spec, Turn& turn) {
  auto& extra = call.more();
  extra.next_rseq = extra.next_rseq == 0 ? first_rseq + random.next() % 1000 : extra.next_rseq + 1;
  auto marked = spec;
  marked.headers.push_back({"Require", "100rel"});
  marked.headers.push_back({"RSeq", std::to_string(extra.next_rseq)});
  if (!spec.body.empty() && call.offer_answer.state() != OfferAnswer::State::agreed)
    call.offer_answer.sent();
  send_answer(id, call, marked, turn);
  auto& waiting = extra.reliable.emplace();
  waiting.rseq = extra.next_rseq;
  waiting.bytes = writer.text();
  waiting.has_body = !spec.body.empty();
  // RFC 3262 3: repeated over any transport, since proxies on the way may change it.
  waiting.gap = config.timers.t1;
  waiting.repeat_at = turn.now + waiting.gap;
  waiting.give_up_at = turn.now + 64 * config.timers.t1;
  perform(id, turn);
  return true;
}

void Endpoint::Impl::on_prack(TransactionId id, CallId call_id, Turn& turn) {
  auto& call = *calls.find(call_id);
  const auto rack = parse_rack(view.text(HeaderId::rack));
  const bool known = rack && call.extra && call.extra->reliable &&
                     call.extra->reliable->rseq == rack->rseq &&
                     rack->cseq.method == Method::invite;
  if (!known) return respond_plainly(id, 481, turn);
  auto final = std::move(call.extra->reliable->final);
  call.extra->reliable.reset();
  if (view.body().empty()) {
    respond_plainly(id, 200, turn);
  } else if (call.offer_answer.local_pending()) {  // the answer to our offer
    call.offer_answer.received();
    respond_plainly(id, 200, turn);
  } else {
    call.offer_answer.received();
    call.offer_answer.sent();  // the user's 200 has the answer
    to_user(id, call_id, turn);
  }
  turn.out.events.push_back(event::ProvisionalAcknowledged{call_id, &view, call.user_data});
  if (final) {
    answer(call_id, *final, turn.now, turn.out);
  } else {
    perform(call_id, turn);
  }
}

void Endpoint::Impl::on_reliable_deadline(CallId id, Call& call, Turn& turn) {
  if (!call.extra || !call.extra->reliable) return;
  auto& waiting = *call.extra->reliable;
  if (turn.now >= waiting.give_up_at) {
    call.extra->reliable.reset();
    turn.out.events.push_back(event::ProvisionalAcknowledged{id, nullptr, call.user_data});
    call.session->on_no_prack(call_actions);
    return perform(id, turn);
  }
  if (turn.now < waiting.repeat_at) return;
  waiting.gap *= 2;
  waiting.repeat_at = turn.now + waiting.gap;
  ++counters.retransmissions_sent;
  if (const auto* t = transactions.get(call.invite)) turn.out.send(t->flow, waiting.bytes);
}

}  // namespace sip
