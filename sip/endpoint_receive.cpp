// Endpoint: messages from the network, down to whom they concern.
#include <algorithm>

#include "sip/endpoint_impl.hpp"
#include "sip/forward.hpp"

namespace sip {

bool has_to_tag(const MessageView& message) {
  if (message.text(HeaderId::to).find(';') == std::string_view::npos) return false;
  const auto to = message.to();
  return to && !to->tag().empty();
}

void Endpoint::Impl::on_message(std::string_view bytes, const Flow& from, TimePoint now,
                                Output& out) {
  current = {};
  Turn turn{now, out, &view, from};
  if (const auto parsed = parse_message(bytes, view, limits); !parsed)
    return on_broken(parsed.error().code, turn);
  if (view.is_response()) return on_response(turn);
  if (const auto valid = validate(view); !valid) return on_broken(valid.error().code, turn);
  on_request(turn);
}

void Endpoint::Impl::on_parsed(const MessageView& message, const Flow& from, TimePoint now,
                               Output& out) {
  current = {};
  view = message;
  Turn turn{now, out, &view, from};
  view.is_response() ? on_response(turn) : on_request(turn);
}

void Endpoint::Impl::on_broken(Errc code, Turn& turn) {
  if (code == Errc::keep_alive || code == Errc::not_sip) {
    ++counters.junk;
    return;
  }
  auto& errors = counters.parse_errors;
  ++errors[std::min(static_cast<std::size_t>(code), errors.size() - 1)];
  const int status = status_for(code);
  if (status != 0 && view.is_request() && view.method() != Method::ack && answerable(view))
    respond_statelessly(status, turn);
  turn.out.events.push_back(event::BadMessage{code, turn.flow});
}

// --- responses -----------------------------------------------------------------------------------

void Endpoint::Impl::on_response(Turn& turn) {
  const auto via = view.via();
  if (!via) return on_broken(Errc::bad_via, turn);
  const auto cseq = view.cseq();
  if (!cseq) return on_broken(Errc::bad_cseq, turn);
  const auto id = transactions.find(transactions.response_key(via->branch, cseq->method_text));
  const auto* t = transactions.get(id);
  // 8.1.3.3: with a Via below ours it was another's.
  if (!t || (!config.lenient_dialogs && second_via(view))) {
    ++counters.stray_responses;
    return;
  }
  const auto owner = t->owner;  // the response may end the transaction
  if (!large_requests.empty()) large_requests.erase(id.index);  // it has arrived
  if (!transactions.on_response(id, view, turn.now, turn.out)) return;
  counters.count_response_received(view.status(), turn.flow.transport);
  if (view.status() >= 200 && view.status() < 300) on_authentication_info(owner);
  deliver_response(owner, id, turn);
}

void Endpoint::Impl::deliver_response(const Owner& owner, TransactionId id, Turn& turn) {
  if (owner.purpose == Purpose::invite) {
    // The id in the owner may be of a call that is over.
    if (!calls.find(owner.call)) return on_other_branch({}, id, turn);
    // Or this INVITE of a try before the present one.
    if (calls.find(owner.call)->invite != id) return on_other_branch(owner.call, id, turn);
    return on_invite_response(owner, turn);
  }
  if (owner.purpose == Purpose::change) return on_change_response(owner, turn);
  if (view.status() < 200) return;
  const Outcome outcome{Cause::answered, view.status(), &view};
  if (owner.purpose == Purpose::attempt)
    return fail_attempt(attempt_of(owner.user_data), outcome, turn);
  finish(owner, request_id(id), outcome, turn);
}

// --- requests ------------------------------------------------------------------------------------

void Endpoint::Impl::on_request(Turn& turn) {
  const auto via = view.via();
  if (!via) return on_broken(Errc::bad_via, turn);
  if (view.method() == Method::ack) return on_ack(*via, turn);
  const auto key = transactions.request_key(view, *via, view.method_text(), turn.flow);
  if (const auto known = transactions.find(key))
    return transactions.on_retransmission(known, turn.out);
  on_new_request(*via, key, turn);
}

// An ACK to a failure has the INVITE's branch; one to a 2xx has its own, and the dialog decides.
void Endpoint::Impl::on_ack(const Via& via, Turn& turn) {
  counters.count_request_received(CountedMethod::ack, turn.flow.transport);
  const auto invite = transactions.find_invite(view, via, turn.flow);
  CallId id;
  if (invite) {
    const auto owner = transactions.get(invite)->owner;
    if (!transactions.on_ack(invite, turn.now, turn.out)) return;
    id = owner.call;
  } else {
    id = find_call(view, !config.lenient_dialogs);
  }
  auto* call = calls.find(id);
  if (!call) {
    ++counters.stray_requests;
    return;
  }
  const auto* theirs = call->extra ? &call->extra->theirs : nullptr;
  if (theirs && theirs->answered && theirs->cseq == view.cseq()->number) {
    if (!view.body().empty()) call->offer_answer.received();
    call->extra->theirs = {};
    turn.out.events.push_back(event::CallConfirmed{id, &view, call->user_data});
  } else {
    if (!view.body().empty() && call->session->state() == InviteSession::State::accepted)
      call->offer_answer.received();
    call->session->on_ack(turn.now, call_actions);
  }
  perform(id, turn);
}

void Endpoint::Impl::on_new_request(const Via& via, const TransactionKey& key, Turn& turn) {
  counters.count_request_received(counted(view.method()), turn.flow.transport);
  if (transactions.full() || overload.sheds(view, transactions.size(), turn.now)) {
    ++counters.refused_overload;
    return respond_statelessly(503, turn);
  }
  const auto abandon_at =
      view.method() == Method::invite ? never : turn.now + config.limits.answer_within;
  const auto id = transactions.start_server(key, view, turn.flow, {}, abandon_at, turn.now);
  current = id;
  if (view.method() == Method::cancel) return on_cancel(via, id, turn);
  dispatch(id, turn);
}

void Endpoint::Impl::on_cancel(const Via& via, TransactionId cancel, Turn& turn) {
  const auto about = transactions.find_invite(view, via, turn.flow);
  const auto* invite = transactions.get(about);
  if (!invite) {
    ++counters.stray_requests;
    return respond_plainly(cancel, 481, turn);
  }
  const auto owner = invite->owner;
  ResponseSpec ok;
  ok.to_tag = invite->to_tag;  // 9.2: the same as in the answer to the INVITE
  respond(cancel, ok, {}, turn.now, turn.out);
  auto* call = calls.find(owner.call);
  if (!call) return;
  if (owner.purpose == Purpose::change) {  // of a re-INVITE: the call goes on as it was
    if (call->extra && call->extra->theirs.transaction == about && !call->extra->theirs.answered)
      respond_plainly_to_change(about, owner.call, 487, turn);
    return;
  }
  call->session->on_cancel(call_actions);
  perform(owner.call, turn);
}

// --- by method -----------------------------------------------------------------------------------

void Endpoint::Impl::dispatch(TransactionId id, Turn& turn) {
  if (refused(id, turn)) return;
  if (has_to_tag(view)) return dispatch_in_dialog(id, turn);
  switch (view.method()) {
    case Method::options:
      if (!config.answer_options) return to_user(id, {}, turn);
      // 11.2: as an INVITE would be answered.
      return respond_plainly(id, calls.size() < config.limits.calls ? 200 : 486, turn);
    case Method::invite:
      return on_incoming_call(id, turn);
    case Method::subscribe:
    case Method::refer:
      if (!config.event_packages.empty()) return on_subscribe(id, turn);
      return to_user(id, {}, turn);
    case Method::bye:
    case Method::info:
    case Method::update:
    case Method::prack:
      return dispatch_in_dialog(id, turn);  // they make sense nowhere else; cameras forget the tag
    case Method::notify:
      if (subscriptions.size() != 0 && on_notify(id, turn)) return;
      return to_user(id, {}, turn);
    default:
      return to_user(id, {}, turn);
  }
}

void Endpoint::Impl::dispatch_in_dialog(TransactionId id, Turn& turn) {
  const auto method = view.method();
  const bool needs_call = method == Method::bye || method == Method::info ||
                          method == Method::update || method == Method::prack;
  if (method == Method::bye) return on_bye(id, turn);
  if (method == Method::invite) return on_incoming_call(id, turn);
  if (method == Method::notify && subscriptions.size() != 0 && on_notify(id, turn)) return;
  if (method == Method::subscribe && !config.event_packages.empty()) return on_subscribe(id, turn);
  const auto call = find_call(view, !needs_call || !config.lenient_dialogs);
  auto* found = calls.find(call);
  if (!found) {
    // Not all that has a tag names a call: an OPTIONS or MESSAGE may belong to another kind of
    // dialog, and cameras put tags anywhere.
    if (!needs_call && config.lenient_dialogs) {
      if (method == Method::options && config.answer_options) return respond_plainly(id, 200, turn);
      return to_user(id, {}, turn);
    }
    ++counters.stray_requests;
    return respond_plainly(id, 481, turn);
  }
  const auto from = view.from();
  auto& dialog = dialog_with(*found, from ? from->tag() : std::string_view());
  const bool matches = dialog.matches(view);
  if (matches && !dialog.take_cseq(view.cseq()->number) && !config.lenient_dialogs)
    return respond_plainly(id, 500, turn);  // 12.2.2
  if (matches && !config.follow_targets) dialog.flow = turn.flow;
  if (method == Method::update) return on_change_request(id, call, turn);
  if (method == Method::prack) return on_prack(id, call, turn);
  if (method == Method::options && config.answer_options) return respond_plainly(id, 200, turn);
  if (method == Method::refer && !config.event_packages.empty())
    return on_new_subscription(id, call, turn);
  to_user(id, call, turn);
}

void Endpoint::Impl::to_user(TransactionId id, CallId call, Turn& turn) {
  const auto* found = call ? calls.find(call) : nullptr;
  turn.out.events.push_back(event::IncomingRequest{server_transaction_id(id), &view, turn.flow,
                                                   call, found ? found->user_data : 0});
}

}  // namespace sip
