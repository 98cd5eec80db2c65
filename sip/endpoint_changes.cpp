// Endpoint: changes of ours to calls that are up: re-INVITE (RFC 3261 14), UPDATE (RFC 3311).
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

}  // namespace

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
  writer.write_in_dialog(dialog, request.method, ours.cseq, request,
                         writer.contact_for(local ? local->uri.user : std::string_view(),
                                            dialog.flow, dialog.is_secure()));
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
  auto with_credentials = spec;
  repeat_credentials(ours.transaction, with_credentials.headers);
  writer.write_in_dialog(call.dialog, "ACK", ours.cseq, with_credentials);
  ours.ack = writer.text();
  ours.ack_cseq = ours.cseq;
  ours.awaits_ack = false;
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

// 14.1: when neither side is in the other's way.
void Endpoint::Impl::retry_after_glare(CallId id, Call& call, Turn& turn) {
  auto& extra = *call.extra;
  const bool busy = extra.theirs.transaction || full() ||
                    (!extra.ours.spec.body.empty() && !call.offer_answer.may_offer());
  extra.ours.retry_at = never;
  if (!dialog_of(call)) {
    on_change_failure(id, {Cause::invalid, 481, nullptr}, turn);  // it is being hung up
  } else if (busy) {
    extra.ours.retry_at =
        turn.now + std::chrono::milliseconds(10) + glare_gap(call.session->is_outgoing(), chance());
  } else {
    send_change(id, call, turn);
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

}  // namespace sip
