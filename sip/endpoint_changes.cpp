// Endpoint: calls that change while they are up: re-INVITE (RFC 3261 14), UPDATE (RFC 3311), and
// the session timer that needs them (RFC 4028).
#include <algorithm>
#include <utility>

#include "sip/endpoint_impl.hpp"

namespace sip {
namespace {

constexpr std::uint8_t max_tries = 5;  // of one change that meets glare

// 14.1: in units of 10 ms.
Duration glare_gap(bool owns_call_id, double chance) {
  const int least = owns_call_id ? 210 : 0;
  const int most = owns_call_id ? 400 : 200;
  const int units = least + static_cast<int>(chance * (most - least + 1));
  return units * std::chrono::milliseconds(10);
}

bool is_update(const ChangeSpec& spec) {
  return spec.method == "UPDATE";
}

}  // namespace

// --- ours ----------------------------------------------------------------------------------------

RequestId Endpoint::Impl::change(CallId id, const ChangeSpec& spec, bool internal, TimePoint now,
                                 Output& out) {
  const Owner owner{Purpose::in_call_request, id, spec.user_data};
  auto* call = calls.find(id);
  const bool update = is_update(spec);
  const bool possible =
      call && (update ? dialog_of(*call) != nullptr
                      : call->session->state() == InviteSession::State::established);
  if (!possible || (!update && spec.method != "INVITE"))
    return fail_at_once(owner, Cause::invalid, 481, out);
  if (full()) return fail_at_once(owner, Cause::overloaded, 503, out);
  auto& extra = call->more();
  const bool busy = extra.ours.active || extra.ours.awaits_ack || extra.theirs.transaction ||
                    (!(update && spec.body.empty()) && !call->offer_answer.may_offer());
  if (busy) return fail_at_once(owner, Cause::invalid, 491, out);
  extra.ours = OurChange{};
  extra.ours.active = true;
  extra.ours.internal = internal;
  extra.ours.spec = spec;
  extra.ours.id = dead_request_id();
  Turn turn{now, out};
  send_change(id, *call, turn);
  call_deadlines.set(id.index, deadline_of(*call));
  return extra.ours.id;
}

void Endpoint::Impl::send_change(CallId id, Call& call, Turn& turn) {
  auto& ours = call.extra->ours;
  auto& dialog = *dialog_of(call);
  ours.retry_at = ours.answer_by = never;
  ours.cancelled = false;
  ++ours.tries;
  ours.cseq = dialog.next_cseq();
  InCallRequestSpec request{ours.spec.method, ours.spec.headers, ours.spec.content_type,
                            ours.spec.body, 0};
  request.headers.push_back({"Allow", config.allow});
  if (call.extra->timer) {
    request.headers.push_back({"Supported", "timer"});
    add_timer_headers(request.headers, *call.extra->timer);
  }
  add_credentials(request.headers, &call.extra->login, request.method, request.body,
                  dialog.remote_target);
  if (!request.body.empty()) call.offer_answer.sent();
  const auto local = parse_name_addr(dialog.local);
  writer.write_in_dialog(
      dialog, request.method, ours.cseq, request,
      writer.contact_for(local ? local->uri.user : std::string_view(), dialog.flow));
  send_in_dialog(dialog, request.method, {Purpose::change, id, 0}, turn.now, turn.out);
}

void Endpoint::Impl::on_change_response(const Owner& owner, Turn& turn) {
  auto* call = calls.find(owner.call);
  const auto cseq = view.cseq();
  if (!call || !call->extra || !cseq) return;
  auto& ours = call->extra->ours;
  const int status = view.status();
  const bool success = status >= 200 && status < 300;
  if (success && cseq->method == Method::invite && cseq->number == ours.ack_cseq &&
      !ours.ack.empty()) {
    if (call->dialog.unresolved) return;  // it goes when its place is found
    ++counters.retransmissions_sent;
    return turn.out.send(call->dialog.flow, ours.ack);
  }
  if (!ours.active || cseq->number != ours.cseq) return;
  if (status < 200) {
    if (is_update(ours.spec) || ours.answer_by != never) return;
    ours.answer_by = turn.now + config.limits.accept_within;
    call_deadlines.set(owner.call.index, deadline_of(*call));
    return;
  }
  ours.answer_by = never;
  if (success) return on_change_success(owner.call, *call, turn);
  on_change_failure(owner.call, {Cause::answered, status, &view}, turn);
}

void Endpoint::Impl::on_change_success(CallId id, Call& call, Turn& turn) {
  auto& extra = *call.extra;
  auto& ours = extra.ours;
  const auto to = view.to();
  auto& dialog = dialog_with(call, to ? to->tag() : std::string_view());
  dialog.refresh_target(view);
  aim(dialog);
  if (extra.timer) extra.timer->agreed(view, turn.now);
  const bool asked = !is_update(ours.spec) && ours.spec.body.empty();
  if (!view.body().empty()) {
    call.offer_answer.received();
    extra.remote_body = view.body();
  } else if (call.offer_answer.local_pending()) {
    call.offer_answer.rolled_back();
  }
  if (!ours.spec.body.empty()) remember_session(call, ours.spec.content_type, ours.spec.body);
  ours.active = false;
  if (!is_update(ours.spec)) {
    ours.awaits_ack = asked && ours.spec.late_offer && !view.body().empty();
    if (ours.awaits_ack) {
      extra.acknowledge_by = turn.now + config.limits.accept_within;
    } else {
      if (call.offer_answer.remote_pending()) call.offer_answer.rolled_back();
      acknowledge_change(id, call, {}, turn);
    }
  }
  if (!ours.internal)
    turn.out.events.push_back(event::RequestDone{ours.id, Cause::answered, view.status(), &view, id,
                                                 ours.spec.user_data});
  perform(id, turn);
}

void Endpoint::Impl::acknowledge_change(CallId id, Call& call, const InCallRequestSpec& spec,
                                        Turn& turn) {
  auto& ours = call.extra->ours;
  writer.write_in_dialog(call.dialog, "ACK", ours.cseq, spec);
  ours.ack = writer.text();
  ours.ack_cseq = ours.cseq;
  ours.awaits_ack = false;
  counters.count_request_sent(CountedMethod::ack, call.dialog.flow.transport);
  send_in_dialog(call.dialog, "ACK", {Purpose::ack, id, 0}, turn.now, turn.out);
}

// Also what became of a change that was never answered.
void Endpoint::Impl::on_change_failure(CallId id, const Outcome& outcome, Turn& turn) {
  auto* call = calls.find(id);
  if (!call || !call->extra || !call->extra->ours.active) return;
  if (!call->extra->ours.spec.body.empty()) call->offer_answer.rolled_back();
  if (retry_change(id, *call, outcome, turn)) return;
  auto& ours = call->extra->ours;
  ours.active = false;
  if (!ours.internal)
    turn.out.events.push_back(event::RequestDone{ours.id, outcome.cause, outcome.status,
                                                 outcome.message, id, ours.spec.user_data});
  if (ends_call(outcome)) call->session->lose(CallAction::ended_lost, call_actions);
  perform(id, turn);
}

// What a request inside hears when there is no call any more: the peer does not know it or is not
// there (12.2.1.2), or nothing can reach it (RFC 5057 5.1).
bool Endpoint::Impl::ends_call(const Outcome& outcome) const {
  switch (outcome.status) {
    case 408:
    case 481:
      return true;
    case 404:
    case 410:
    case 416:
    case 482:
    case 483:
    case 484:
    case 485:
    case 502:
    case 604:
      return !config.lenient_dialogs;
    default:
      return false;
  }
}

bool Endpoint::Impl::retry_change(CallId id, Call& call, const Outcome& outcome, Turn& turn) {
  auto& extra = *call.extra;
  auto& ours = extra.ours;
  if (!outcome.message || ours.tries >= max_tries || !dialog_of(call)) return false;
  const auto& response = *outcome.message;
  if (outcome.status == 491) {
    ours.retry_at = turn.now + glare_gap(call.session->is_outgoing(), chance());
    call_deadlines.set(id.index, deadline_of(call));
    return true;
  }
  bool again = outcome.status == 422 && extra.timer && extra.timer->raise(response);
  if (outcome.status == 401 || outcome.status == 407)
    again = answer_challenge(extra.login, ours.challenged, extra.credentials, response);
  if (!again || full()) return false;
  send_change(id, call, turn);
  return true;
}

// --- the peer's ----------------------------------------------------------------------------------

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
    contact = writer.contact_for(user_of_to(*request), dialog.flow);
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

// --- time ----------------------------------------------------------------------------------------

void Endpoint::Impl::on_change_deadline(CallId id, Call& call, Turn& turn) {
  if (!call.extra) return;
  auto& extra = *call.extra;
  if (turn.now >= extra.ours.retry_at) {
    const bool busy = extra.theirs.transaction || full() ||
                      (!extra.ours.spec.body.empty() && !call.offer_answer.may_offer());
    extra.ours.retry_at = never;
    if (!dialog_of(call)) {
      on_change_failure(id, {Cause::invalid, 481, nullptr}, turn);  // it is being hung up
    } else if (busy) {
      extra.ours.retry_at = turn.now + std::chrono::milliseconds(10) +
                            glare_gap(call.session->is_outgoing(), chance());
    } else {
      send_change(id, call, turn);
    }
    if (!calls.find(id)) return;
  }
  if (turn.now >= extra.ours.answer_by) give_up_change(id, extra.ours, turn);
  if (!calls.find(id)) return;
  auto& theirs = extra.theirs;
  if (turn.now >= theirs.ack_by) {
    theirs = TheirChange{};
    return lose_call(id, CallAction::ended_no_ack, turn);
  }
  if (turn.now >= theirs.answer_by) {
    theirs.answer_by = never;
    respond_plainly_to_change(theirs.transaction, id, 500, turn);
  }
  if (turn.now >= theirs.repeat_at) {
    theirs.gap = std::min(2 * theirs.gap, config.timers.t2);
    theirs.repeat_at = turn.now + theirs.gap;
    transactions.repeat_response(theirs.transaction, turn.out);
  }
  if (turn.now >= extra.acknowledge_by) {  // the user never answered the late offer
    extra.acknowledge_by = never;
    if (extra.ours.awaits_ack) acknowledge_change(id, call, {}, turn);
    lose_call(id, CallAction::ended_lost, turn);
  }
}

// First it is cancelled (9.1), then forgotten.
void Endpoint::Impl::give_up_change(CallId id, OurChange& ours, Turn& turn) {
  ours.answer_by = turn.now + 64 * config.timers.t1;
  if (!std::exchange(ours.cancelled, true)) {
    transactions.cancel(ours.transaction, {Purpose::cancel, id, 0}, turn.now, turn.out);
    return;
  }
  ours.answer_by = never;
  drop_invite(ours.transaction);
  on_change_failure(id, {Cause::timeout, 408, nullptr}, turn);
}

void Endpoint::Impl::on_timer_deadline(CallId id, Call& call, Turn& turn) {
  if (!call.extra || !call.extra->timer) return;
  auto& timer = *call.extra->timer;
  const auto due = timer.due(turn.now);
  if (due == SessionTimer::Due::expired) return lose_call(id, CallAction::ended_expired, turn);
  if (due != SessionTimer::Due::refresh) return;
  timer.refreshing();
  ChangeSpec refresh;
  refresh.method = call.peer_takes_update ? "UPDATE" : "INVITE";
  if (!call.peer_takes_update) {
    refresh.content_type = call.extra->local_type;
    refresh.body = call.extra->local_body;
  }
  // While another change is under way, that one refreshes.
  const auto events = turn.out.events.size();
  change(id, refresh, true, turn.now, turn.out);
  turn.out.events.resize(events, event::ConnectionClosed{});
}

void Endpoint::Impl::lose_call(CallId id, CallAction how, Turn& turn) {
  calls.at(id.index).session->lose(how, call_actions);
  perform(id, turn);
}

void Endpoint::Impl::add_timer_headers(std::vector<HeaderField>& headers,
                                       const SessionTimer& timer) const {
  if (auto value = timer.session_expires(); !value.empty())
    headers.push_back({"Session-Expires", std::move(value)});
  if (auto value = timer.min_se(); !value.empty()) headers.push_back({"Min-SE", std::move(value)});
}

// Kept only where a refresh may have to repeat it.
void Endpoint::Impl::remember_session(Call& call, std::string_view type, std::string_view local) {
  if (!call.extra || !call.extra->timer || local.empty()) return;
  call.extra->local_type = type;
  call.extra->local_body = local;
}

TimePoint Endpoint::Impl::deadline_of(const Call& call) const {
  auto at = call.session->next_deadline();
  if (!call.extra) return at;
  const auto& e = *call.extra;
  at = std::min({at, e.ours.retry_at, e.ours.answer_by, e.theirs.repeat_at, e.theirs.ack_by,
                 e.theirs.answer_by, e.acknowledge_by});
  if (e.reliable) at = std::min({at, e.reliable->repeat_at, e.reliable->give_up_at});
  if (e.timer && call.session->in_dialog()) at = std::min(at, e.timer->next_deadline());
  return at;
}

}  // namespace sip
