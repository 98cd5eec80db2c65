// Endpoint: carries out what the session of a call asks for.
#include "sip/derived_request.hpp"
#include "sip/endpoint_impl.hpp"
#include "sip/scan.hpp"
#include "sip/transaction_key.hpp"

namespace sip {

void Endpoint::Impl::perform(CallId id, Turn& turn) {
  for (std::size_t i = 0; i < call_actions.size(); ++i)
    perform(call_actions[i], id, calls.at(id.index), turn);
  call_actions.clear();
  const auto& session = *calls.at(id.index).session;
  if (session.ended()) return release_call(id);
  call_deadlines.set(id.index, session.next_deadline());
}

void Endpoint::Impl::perform(CallAction action, CallId id, Call& call, Turn& turn) {
  auto& events = turn.out.events;
  switch (action) {
    case CallAction::send_cancel:
      return send_cancel(id, call, turn);
    case CallAction::send_ack:
      return send_ack(call, turn);
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
  if (failed.cause == Cause::transport) failed.status = 503;
  turn.out.events.push_back(failed);
}

void Endpoint::Impl::report_end(CallId id, const Call& call, EndedBy by, Turn& turn) {
  const bool theirs = by == EndedBy::remote_bye || by == EndedBy::remote_cancel;
  turn.out.events.push_back(
      event::CallEnded{id, by, theirs ? turn.message : nullptr, call.user_data});
}

// --- messages ------------------------------------------------------------------------------------

// It shares the INVITE's branch, so that both ends know what it cancels; only the method differs.
void Endpoint::Impl::send_cancel(CallId id, const Call& call, Turn& turn) {
  const auto* invite = transactions.get(call.invite);
  if (!invite || transactions.full() || !parse_message(invite->message, stored)) return;
  const auto via = stored.via();
  if (!via) return;
  std::string cancel;
  build_cancel(cancel, stored);
  key.clear();
  append_client_key(key, via->branch, "CANCEL");
  ++counters.requests_sent[static_cast<std::size_t>(CountedMethod::cancel)];
  const Owner owner{Purpose::cancel, id, 0};
  transactions.start_client(false, key, cancel, invite->flow, owner, turn.now, turn.out);
}

void Endpoint::Impl::send_ack(Call& call, Turn& turn) {
  if (call.ack.empty()) {
    call.dialog.confirm(*turn.message);
    writer.write_in_dialog(call.dialog, "ACK", call.invite_cseq);
    call.ack = writer.text();
    ++counters.requests_sent[static_cast<std::size_t>(CountedMethod::ack)];
  } else {
    ++counters.retransmissions_sent;
  }
  turn.out.send(call.dialog.flow, call.ack);
}

void Endpoint::Impl::send_bye(CallId id, Call& call, Turn& turn) {
  writer.write_in_dialog(call.dialog, "BYE", call.dialog.next_cseq());
  if (!transactions.full()) {
    const Owner owner{Purpose::bye, id, 0};
    start_client("BYE", call.dialog.flow, owner, turn.now, turn.out);
    return;
  }
  // No room to wait for the answer: say it once.
  turn.out.send(call.dialog.flow, writer.text());
  call.session->on_bye_done(call_actions);
}

// A 2xx to an INVITE of ours that no call wants: another branch of a fork, or one that came after
// we gave up. It is acknowledged and ended (13.2.2.4), by what the response itself tells.
void Endpoint::Impl::refuse_stray_answer(TransactionId invite, Turn& turn) {
  if (view.status() < 200 || view.status() >= 300) return;
  const auto* t = transactions.get(invite);
  const auto from = view.from();
  const auto cseq = view.cseq();
  if (!t || !from || !cseq) return;
  Dialog dialog;
  dialog.call_id = view.call_id();
  scan::append_unfolded(dialog.local, view.text(HeaderId::from));
  if (parse_message(t->message, stored)) dialog.remote_target = stored.request_uri_text();
  dialog.flow = t->flow;
  dialog.confirm(view);
  writer.write_in_dialog(dialog, "ACK", cseq->number);
  turn.out.send(dialog.flow, writer.text());
  if (transactions.full()) return;
  writer.write_in_dialog(dialog, "BYE", cseq->number + 1);
  const Owner owner{Purpose::stray_bye, {}, 0};
  start_client("BYE", dialog.flow, owner, turn.now, turn.out);
}

}  // namespace sip
