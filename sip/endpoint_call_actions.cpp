// Endpoint: carries out what the session of a call asks for.
#include "sip/endpoint_impl.hpp"
#include "sip/scan.hpp"

namespace sip {

// 15.1.2: what the peer has asked for and nobody answered ends with the call.
void Endpoint::Impl::refuse_pending_change(const Call& call, Turn& turn) {
  if (!call.extra) return;
  const auto& theirs = call.extra->theirs;
  if (theirs.transaction && !theirs.answered) respond_plainly(theirs.transaction, 487, turn);
}

void Endpoint::Impl::perform(CallId id, Turn& turn) {
  for (std::size_t i = 0; i < call_actions.size(); ++i)
    perform(call_actions[i], id, calls.at(id.index), turn);
  call_actions.clear();
  const auto& call = calls.at(id.index);
  if (call.session->ended()) {
    refuse_pending_change(call, turn);
    return release_call(id);
  }
  call_deadlines.set(id.index, deadline_of(call));
}

void Endpoint::Impl::perform(CallAction action, CallId id, Call& call, Turn& turn) {
  auto& events = turn.out.events;
  switch (action) {
    case CallAction::send_cancel:
      return send_cancel(id, call, turn);
    case CallAction::send_ack:
      return send_ack(id, call, turn);
    case CallAction::send_bye:
      return send_bye(id, call, turn);
    case CallAction::repeat_2xx:
      return transactions.repeat_response(call.invite, turn.out);
    case CallAction::refuse: {
      ResponseSpec refusal;
      refusal.status = call.session->refusal_status();
      respond(call.invite, refusal, {}, turn.now, turn.out);
      return;
    }
    case CallAction::progress:
      events.push_back(
          event::CallProgress{id, turn.message->status(), turn.message, call.user_data});
      return;
    case CallAction::answered:
      events.push_back(event::CallAnswered{id, turn.message, turn.flow, call.user_data});
      return;
    case CallAction::confirmed:
      events.push_back(event::CallConfirmed{id, turn.message, call.user_data});
      return;
    case CallAction::failed:
      return report_failure(id, call, turn);
    case CallAction::ended_by_bye:
      return report_end(id, call, EndedBy::remote_bye, turn);
    case CallAction::ended_by_cancel:
      return report_end(id, call, EndedBy::remote_cancel, turn);
    case CallAction::ended_locally:
      return report_end(id, call, EndedBy::local, turn);
    case CallAction::ended_no_answer:
      return report_end(id, call, EndedBy::no_answer, turn);
    case CallAction::ended_no_ack:
      return report_end(id, call, EndedBy::no_ack, turn);
    case CallAction::ended_expired:
      return report_end(id, call, EndedBy::session_expired, turn);
    case CallAction::ended_lost:
      return report_end(id, call, EndedBy::dialog_lost, turn);
  }
}

void Endpoint::Impl::report_failure(CallId id, const Call& call, Turn& turn) {
  event::CallFailed failed{id, call.cause, 0, nullptr, call.user_data};
  if (call.session->timed_out()) {
    failed.cause = Cause::timeout;
  } else if (call.session->gave_up()) {
    failed.cause = Cause::cancelled;
  } else if (failed.cause == Cause::answered && turn.message) {
    failed.message = turn.message;
    failed.status = turn.message->status();
  }
  if (failed.cause == Cause::timeout) failed.status = 408;
  if (failed.cause == Cause::cancelled) failed.status = 487;
  if (failed.cause == Cause::transport || failed.cause == Cause::overloaded) failed.status = 503;
  turn.out.events.push_back(failed);
}

void Endpoint::Impl::report_end(CallId id, const Call& call, EndedBy by, Turn& turn) {
  const bool theirs = by == EndedBy::remote_bye || by == EndedBy::remote_cancel;
  turn.out.events.push_back(event::CallEnded{id, by, theirs ? turn.message : nullptr,
                                             call.user_data,
                                             theirs ? Cause::answered : call.cause});
}

// --- messages ------------------------------------------------------------------------------------

void Endpoint::Impl::send_cancel(CallId id, const Call& call, Turn& turn) {
  const Owner owner{Purpose::cancel, id, 0};
  if (transactions.cancel(call.invite, owner, turn.now, turn.out))
    counters.count_request_sent(CountedMethod::cancel, call.dialog.flow.transport);
}

void Endpoint::Impl::send_ack(CallId id, Call& call, Turn& turn) {
  if (!call.ack.empty()) {
    if (call.dialog.unresolved) return;  // it goes when its place is found
    ++counters.retransmissions_sent;
    turn.out.send(call.dialog.flow, call.ack);
    return;
  }
  if (!turn.message) return;
  if (!call.confirmed) {
    call.confirmed = true;
    if (attempts.find(call.attempt)) attempts.release(call.attempt.index);
    call.attempt = {};
    const auto to = turn.message->to();
    if (call.extra && to) {
      for (const auto& early : call.extra->early)
        if (early.dialog.remote_tag == to->tag()) call.dialog = early.dialog;
      call.extra->early.clear();
    }
    call.dialog.confirm(*turn.message);
    aim(call.dialog);
    call.peer_takes_update = lists(*turn.message, HeaderId::allow, "UPDATE");
    const bool agreed = call.offer_answer.state() == OfferAnswer::State::agreed;
    if (!turn.message->body().empty() && !agreed) {
      call.offer_answer.received();
    } else if (call.offer_answer.local_pending()) {
      call.offer_answer.rolled_back();
    }
    if (call.extra && call.extra->timer) {
      call.extra->timer->agreed(*turn.message, turn.now);
      call.extra->remote_body = turn.message->body();
    }
    if (call.late_offer && call.offer_answer.remote_pending() && !call.session->gave_up()) {
      call.more().acknowledge_by = turn.now + config.limits.accept_within;
      return;  // the user's answer goes into it
    }
  }
  if (call.extra && call.extra->acknowledge_by != never) return;
  write_ack(id, call, {}, turn);
}

void Endpoint::Impl::write_ack(CallId id, Call& call, const InCallRequestSpec& spec, Turn& turn) {
  auto with_credentials = spec;
  repeat_credentials(call.invite, with_credentials.headers);
  writer.write_in_dialog(call.dialog, "ACK", call.invite_cseq, with_credentials);
  call.ack = writer.text();
  send_in_dialog(call.dialog, "ACK", {Purpose::ack, id, 0}, turn.now, turn.out);
}

void Endpoint::Impl::send_bye(CallId id, Call& call, Turn& turn) {
  if (call.confirmed && call.ack.empty()) write_ack(id, call, {}, turn);  // the answer never came
  const Owner owner{Purpose::bye, id, 0};
  InCallRequestSpec bye;
  add_credentials(bye.headers, login_of(owner), "BYE", {}, call.dialog.remote_target);
  writer.write_in_dialog(call.dialog, "BYE", call.dialog.next_cseq(), bye);
  if (full()) {
    // No room to wait for the answer: say it once.
    turn.out.send(call.dialog.flow, writer.text());
    call.session->on_bye_done(call_actions);
    return;
  }
  Persistence persistence;
  if (call.extra) persistence.credentials = call.extra->credentials;
  // A connection that is gone is opened again, or another one used that leads there.
  if (call.dialog.flow.connection != ConnectionId::none) {
    auto again = call.dialog.flow;
    again.connection = ConnectionId::none;
    persistence.further.push_back(again);
  }
  start_in_dialog(call.dialog, "BYE", owner, persistence, false, turn.now, turn.out);
}

// A 2xx to an INVITE of ours that no call wants: another branch of a fork, or one that came after
// we gave up. It is acknowledged and ended (13.2.2.4), by what the response itself tells.
void Endpoint::Impl::refuse_stray_answer(TransactionId invite, Turn& turn) {
  if (view.status() < 200 || view.status() >= 300) return;
  const auto* t = transactions.get(invite);
  const auto from = view.from();
  const auto to = view.to();
  const auto cseq = view.cseq();
  if (!t || !from || !to || !cseq) return;
  Dialog dialog;
  dialog.call_id = view.call_id();
  scan::append_unfolded(dialog.local, view.text(HeaderId::from));
  scan::append_unfolded(dialog.remote_target, to->uri.text);
  dialog.flow = t->flow;
  dialog.confirm(view);
  aim(dialog);
  InCallRequestSpec ack;
  repeat_credentials(invite, ack.headers);
  writer.write_in_dialog(dialog, "ACK", cseq->number, ack);
  send_in_dialog(dialog, "ACK", {Purpose::ack, {}, 0}, turn.now, turn.out);
  if (full()) return;
  writer.write_in_dialog(dialog, "BYE", cseq->number + 1);
  send_in_dialog(dialog, "BYE", {Purpose::stray_bye, {}, 0}, turn.now, turn.out);
}

}  // namespace sip
