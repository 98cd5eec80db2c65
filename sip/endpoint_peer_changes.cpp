// Endpoint: re-INVITE and UPDATE of the peer (RFC 3261 14.2, RFC 3311 5.2).
#include "sip/endpoint_impl.hpp"

namespace sip {

void Endpoint::Impl::on_change_request(TransactionId id, CallId call_id, Turn& turn) {
  auto& call = *calls.find(call_id);
  if (refuse_change(id, call, turn)) return;
  auto& extra = call.more();
  auto& transaction = *transactions.get(id);
  transaction.owner = {Purpose::change, call_id, 0};
  extra.theirs = TheirChange{};
  extra.theirs.transaction = id;
  extra.theirs.method = view.method();
  extra.theirs.cseq = view.cseq()->number;
  if (answer_refresh(id, call, turn)) return;
  if (!config.user_handles_changes) return respond_plainly_to_change(id, call_id, 488, turn);
  if (!view.body().empty()) call.offer_answer.received();
  // Others have their transaction's own limit.
  if (view.method() == Method::invite)
    extra.theirs.answer_by = turn.now + config.limits.answer_within;
  call_deadlines.set(call_id.index, deadline_of(call));
  to_user(id, call_id, turn);
}

// 14.2, RFC 3311 5.2: what must not come now.
bool Endpoint::Impl::refuse_change(TransactionId id, Call& call, Turn& turn) {
  const bool update = view.method() == Method::update;
  const auto state = call.session->state();
  const bool up = state == InviteSession::State::established;
  const bool offers = !update || !view.body().empty();
  const auto* extra = call.extra.get();
  if (extra && extra->theirs.transaction) {
    const auto seconds = std::to_string(static_cast<int>(chance() * 11));
    respond_with(id, 500, {"Retry-After", seconds}, turn);
    return true;
  }
  const bool ours = extra && (extra->ours.active || extra->ours.awaits_ack) &&
                    extra->ours.retry_at == never &&
                    !(is_update(extra->ours.spec) && extra->ours.spec.body.empty());
  const bool early = update && !up && dialog_of(call);
  if (offers && (ours || call.offer_answer.local_pending())) {
    respond_plainly(id, 491, turn);
    return true;
  }
  if (up || early) return false;
  if (state == InviteSession::State::ending || state == InviteSession::State::ended) {
    respond_plainly(id, 481, turn);
  } else {
    respond_with(id, 500, {"Retry-After", "1"}, turn);
  }
  return true;
}

// What changes nothing but the time, or the peer's Contact, needs nobody's decision: UPDATE without
// a body; under a session timer also an INVITE that repeats the agreed offer.
bool Endpoint::Impl::answer_refresh(TransactionId id, Call& call, Turn& turn) {
  const auto& extra = *call.extra;
  const auto call_id = transactions.get(id)->owner.call;
  if (view.method() == Method::update) {
    if (!view.body().empty()) return false;
    respond_plainly_to_change(id, call_id, 200, turn);
    return true;
  }
  const bool repeated = extra.timer && extra.timer->active() && !extra.local_body.empty() &&
                        !view.body().empty() && view.body() == extra.remote_body;
  if (!repeated) return false;
  ResponseSpec same;
  same.content_type = extra.local_type;
  same.body = extra.local_body;
  call.offer_answer.received();
  respond_to_change(id, call_id, same, turn);
  return true;
}

void Endpoint::Impl::respond_plainly_to_change(TransactionId id, CallId call, int status,
                                               Turn& turn) {
  ResponseSpec spec;
  spec.status = status;
  respond_to_change(id, call, spec, turn);
}

bool Endpoint::Impl::respond_to_change(TransactionId id, CallId call_id, const ResponseSpec& spec,
                                       Turn& turn) {
  auto* call = calls.find(call_id);
  if (!call) return respond(id, spec, {}, turn.now, turn.out);
  auto& theirs = call->more().theirs;
  const auto* request = request_of(id);
  if (!request || theirs.transaction != id || theirs.answered) return false;
  const bool success = spec.status >= 200 && spec.status < 300;
  auto full = spec;
  full.to_tag = call->dialog.local_tag;
  std::string contact;
  if (success) {
    const auto from = request->from();
    auto& dialog = dialog_with(*call, from ? from->tag() : std::string_view());
    dialog.refresh_target(*request);
    aim(dialog);
    contact = writer.contact_for(user_of_to(*request), dialog.flow, dialog.is_secure());
    auto& timer = call->extra->timer;
    if (timer || request->has(HeaderId::session_expires)) {
      if (!timer) timer.emplace(0, static_cast<std::uint32_t>(config.min_se.count()));
      timer->answer(*request, turn.now);
      add_timer_headers(full.headers, *timer);
      if (timer->require()) full.headers.push_back({"Require", "timer"});
    }
    if (!spec.body.empty()) {
      call->offer_answer.sent();
      remember_session(*call, spec.content_type, spec.body);
      if (id == current) call->extra->remote_body = view.body();
    } else if (call->offer_answer.remote_pending()) {
      call->offer_answer.rolled_back();  // an answer without a description changes nothing
    }
  } else if (spec.status >= 300 && call->offer_answer.remote_pending()) {
    call->offer_answer.rolled_back();
  }
  if (!respond(id, full, contact, turn.now, turn.out)) return false;
  if (spec.status < 200) return true;
  if (!success || theirs.method != Method::invite) {
    theirs = TheirChange{};
  } else {
    theirs.answered = true;
    theirs.answer_by = never;
    theirs.gap = config.timers.t1;
    const auto* t = transactions.get(id);
    if (t && !is_reliable(t->flow.transport)) theirs.repeat_at = turn.now + theirs.gap;
    theirs.ack_by = turn.now + 64 * config.timers.t1;
  }
  call_deadlines.set(call_id.index, deadline_of(*call));
  return true;
}

}  // namespace sip
