// Endpoint: messages from the network, down to whom they concern.
#include <algorithm>

#include "sip/endpoint_impl.hpp"
#include "sip/transaction_key.hpp"

namespace sip {
namespace {

// Requests that make sense only inside a dialog that we know (RFC 3261 12.2.2, RFC 6086).
bool needs_call(Method method) {
  return method == Method::bye || method == Method::info || method == Method::update ||
         method == Method::prack;
}

bool has_to_tag(const MessageView& message) {
  const auto to = message.to();
  return to && !to->tag().empty();
}

}  // namespace

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
  key.clear();
  append_client_key(key, via->branch, cseq->method_text);
  const auto id = transactions.find(key);
  const auto* t = transactions.get(id);
  if (!t) {
    ++counters.stray_responses;
    return;
  }
  const auto owner = t->owner;  // the response may end the transaction
  if (!transactions.on_response(id, view, turn.now, turn.out)) return;
  ++counters.responses_received[static_cast<std::size_t>(view.status() / 100) % 7];
  deliver_response(owner, id, turn);
}

void Endpoint::Impl::deliver_response(const Owner& owner, TransactionId id, Turn& turn) {
  if (owner.purpose == Purpose::invite) {
    // The id in the owner may be of a call that is over.
    if (!calls.find(owner.call)) return refuse_stray_answer(id, turn);
    return on_invite_response(owner, turn);
  }
  if (view.status() < 200) return;
  switch (owner.purpose) {
    case Purpose::request:
    case Purpose::in_call_request:
      turn.out.events.push_back(event::RequestDone{request_id(id), Cause::answered, view.status(),
                                                   &view, owner.call, owner.user_data});
      return;
    case Purpose::bye:
      if (auto* call = calls.find(owner.call)) {
        call->session->on_bye_done(call_actions);
        perform(owner.call, turn);
      }
      return;
    case Purpose::invite:
    case Purpose::cancel:
    case Purpose::stray_bye:
      return;
  }
}

// --- requests ------------------------------------------------------------------------------------

void Endpoint::Impl::on_request(Turn& turn) {
  const auto via = view.via();
  if (!via) return on_broken(Errc::bad_via, turn);
  if (view.method() == Method::ack) return on_ack(*via, turn);
  key.clear();
  append_server_key(key, view, *via, view.method_text(), turn.flow);
  if (const auto known = transactions.find(key))
    return transactions.on_retransmission(known, turn.out);
  on_new_request(*via, turn);
}

// An ACK to a failure has the INVITE's branch; one to a 2xx has its own, and the dialog decides.
void Endpoint::Impl::on_ack(const Via& via, Turn& turn) {
  ++counters.requests_received[static_cast<std::size_t>(CountedMethod::ack)];
  key.clear();
  append_server_key(key, view, via, "INVITE", turn.flow);
  const auto invite = transactions.find(key);
  CallId id;
  if (invite) {
    const auto* t = transactions.get(invite);
    const auto owner = t->owner;
    if (!transactions.on_ack(invite, turn.now, turn.out)) return;
    id = owner.call;
  } else {
    id = find_call(view, false);
  }
  auto* call = calls.find(id);
  if (!call) {
    ++counters.stray_requests;
    return;
  }
  call->session->on_ack(turn.now, call_actions);
  perform(id, turn);
}

void Endpoint::Impl::on_new_request(const Via& via, Turn& turn) {
  ++counters.requests_received[static_cast<std::size_t>(counted(view.method()))];
  if (transactions.full()) {
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
  key.clear();
  append_server_key(key, view, via, "INVITE", turn.flow);
  const auto* invite = transactions.get(transactions.find(key));
  if (!invite) {
    ++counters.stray_requests;
    return respond_plainly(cancel, 481, turn);
  }
  const auto id = invite->owner.call;
  ResponseSpec ok;
  ok.to_tag = invite->to_tag;  // 9.2: the same as in the answer to the INVITE
  respond(cancel, ok, {}, turn.now, turn.out);
  if (auto* call = calls.find(id)) {
    call->session->on_cancel(call_actions);
    perform(id, turn);
  }
}

void Endpoint::Impl::dispatch(TransactionId id, Turn& turn) {
  const auto method = view.method();
  if (!allows(view.method_text()))
    return respond_plainly(id, method == Method::unknown ? 501 : 405, turn);
  if (method == Method::options && config.answer_options) return respond_plainly(id, 200, turn);
  if (method == Method::bye) return on_bye(id, turn);
  if (method == Method::invite) return on_incoming_call(id, turn);
  CallId call;
  if (needs_call(method) || has_to_tag(view)) call = find_call(view, !needs_call(method));
  auto* found = calls.find(call);
  if (!found && needs_call(method)) {
    ++counters.stray_requests;
    return respond_plainly(id, 481, turn);
  }
  if (found && found->dialog.matches(view)) found->dialog.flow = turn.flow;
  turn.out.events.push_back(event::IncomingRequest{
      {id.index, id.generation}, &view, turn.flow, call, found ? found->user_data : 0});
}

bool Endpoint::Impl::allows(std::string_view method) const {
  std::string_view rest = config.allow;
  while (!rest.empty()) {
    const auto comma = std::min(rest.find(','), rest.size());
    auto name = rest.substr(0, comma);
    while (name.starts_with(' ')) name.remove_prefix(1);
    while (name.ends_with(' ')) name.remove_suffix(1);
    if (name == method) return true;
    rest.remove_prefix(std::min(comma + 1, rest.size()));
  }
  return false;
}

}  // namespace sip
