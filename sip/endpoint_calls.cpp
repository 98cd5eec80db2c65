// Endpoint: calls as their user and the network see them.
#include "sip/endpoint_impl.hpp"

namespace sip {
namespace {

// Calls with one Call-ID are told apart by walking them; honest ones are forks, two or three.
constexpr std::size_t same_call_id_limit = 16;

bool is_possible(const InviteSpec& spec) {
  return !spec.request_uri.empty() && parse_name_addr(spec.from) && parse_name_addr(spec.to);
}

std::string_view user_of_to(const MessageView& request) {
  const auto to = request.to();
  return to ? to->uri.user : std::string_view();
}

}  // namespace

// --- the user ------------------------------------------------------------------------------------

CallId Endpoint::Impl::invite(const InviteSpec& spec, TimePoint now, Output& out) {
  const bool possible = is_possible(spec);
  if (!possible || transactions.full() || calls.size() >= config.limits.calls) {
    const auto id = dead_call_id();
    out.events.push_back(event::CallFailed{id, possible ? Cause::overloaded : Cause::invalid,
                                           possible ? 503 : 400, nullptr, spec.user_data});
    return id;
  }
  const auto id =
      take_call(spec.call_id.empty() ? writer.make_call_id(spec.destination) : spec.call_id);
  auto& call = calls.at(id.index);
  call.session = InviteSession::outgoing(config.timers, spec.answer_within);
  call.user_data = spec.user_data;
  call.dialog.local = writer.with_tag(spec.from);
  if (const auto from = parse_name_addr(call.dialog.local)) call.dialog.local_tag = from->tag();
  call.dialog.remote = spec.to;
  call.dialog.remote_target = spec.request_uri;
  call.dialog.flow = spec.destination;
  call.invite_cseq = call.dialog.next_cseq();
  writer.write_invite(spec, call.dialog);
  const Owner owner{Purpose::invite, id, spec.user_data};
  call.invite = start_client("INVITE", spec.destination, owner, now, out);
  return id;
}

bool Endpoint::Impl::answer(CallId id, const ResponseSpec& spec, TimePoint now, Output& out) {
  auto* call = calls.find(id);
  if (!call || call->session->is_outgoing()) return false;
  auto& session = *call->session;
  if (spec.status < 200) {
    if (session.state() != InviteSession::State::ringing) return false;
  } else if (spec.status < 300 ? !session.accept(now) : !session.refuse()) {
    return false;
  }
  std::string contact;
  if (spec.status > 100 && spec.status < 300) {
    const auto* request = request_of(call->invite);
    if (request) contact = writer.contact_for(user_of_to(*request), call->dialog.flow);
  }
  auto with_tag = spec;
  with_tag.to_tag = call->dialog.local_tag;  // the dialog is known by it already
  respond(call->invite, with_tag, contact, now, out);
  Turn turn{now, out};
  perform(id, turn);
  return true;
}

bool Endpoint::Impl::hang_up(CallId id, TimePoint now, Output& out) {
  auto* call = calls.find(id);
  if (!call) return false;
  call->session->hang_up(now, call_actions);
  Turn turn{now, out};
  perform(id, turn);
  return true;
}

RequestId Endpoint::Impl::send_in_call(CallId id, const InCallRequestSpec& spec, TimePoint now,
                                       Output& out) {
  const Owner owner{Purpose::in_call_request, id, spec.user_data};
  auto* call = calls.find(id);
  const bool possible = call && call->session->in_dialog() && !spec.method.empty();
  if (!possible || transactions.full()) {
    const auto request = dead_request_id();
    request_failed(request, owner, possible ? Cause::overloaded : Cause::invalid,
                   possible ? 503 : 481, out);
    return request;
  }
  writer.write_in_dialog(call->dialog, spec.method, call->dialog.next_cseq(), spec);
  return request_id(start_client(spec.method, call->dialog.flow, owner, now, out));
}

// --- the network ---------------------------------------------------------------------------------

void Endpoint::Impl::on_incoming_call(TransactionId id, Turn& turn) {
  const auto to = view.to();
  if (to && !to->tag().empty()) {
    // Inside a call that we know, its session stays as agreed; re-INVITE is not supported.
    return respond_plainly(id, find_call(view, false) ? 488 : 481, turn);
  }
  if (calls.size() >= config.limits.calls) {
    ++counters.refused_overload;
    return respond_plainly(id, 486, turn);
  }
  if (calls_by_call_id.count(view.call_id()) >= same_call_id_limit)
    return respond_plainly(id, 482, turn);
  const auto tag = writer.make_tag();
  const auto call_id = take_call(view.call_id());
  auto& call = calls.at(call_id.index);
  call.session = InviteSession::incoming(config.timers, reliability_of(turn.flow.transport),
                                         turn.now + config.limits.accept_within);
  call.dialog = Dialog::as_callee(view, tag, turn.flow);
  call.invite = id;
  auto& transaction = *transactions.get(id);
  transaction.owner = {Purpose::invite, call_id, 0};
  transaction.to_tag = tag;
  turn.out.events.push_back(event::IncomingCall{call_id, &view, turn.flow});
  perform(call_id, turn);
}

void Endpoint::Impl::on_invite_response(const Owner& owner, Turn& turn) {
  auto& call = *calls.find(owner.call);
  const bool success = view.status() >= 200 && view.status() < 300;
  if (success && !call.ack.empty()) {
    const auto to = view.to();
    // 13.2.2.4: another branch of a fork has answered too; one answer is enough.
    if (to && to->tag() != call.dialog.remote_tag) return refuse_stray_answer(call.invite, turn);
  }
  call.session->on_response(view.status(), turn.now, call_actions);
  perform(owner.call, turn);
}

void Endpoint::Impl::on_bye(TransactionId id, Turn& turn) {
  const auto call_id = find_call(view, false);
  auto* call = calls.find(call_id);
  if (!call || !call->session->on_bye(call_actions)) {
    ++counters.stray_requests;
    return respond_plainly(id, 481, turn);
  }
  respond_plainly(id, 200, turn);
  perform(call_id, turn);
}

void Endpoint::Impl::on_call_deadlines(TimePoint now, Output& out) {
  Turn turn{now, out};
  while (call_deadlines.next() <= now) {
    const auto index = call_deadlines.first();
    calls.at(index).session->on_deadline(now, call_actions);
    perform(calls.id_of(index), turn);
  }
}

// --- the table -----------------------------------------------------------------------------------

CallId Endpoint::Impl::take_call(std::string_view call_id) {
  const auto id = calls.take();
  auto& call = calls.at(id.index);
  call = Call{};
  call.dialog.call_id = call_id;
  calls_by_call_id.emplace(call.dialog.call_id, id);
  counters.calls = calls.size();
  return id;
}

// The call that a request belongs to. Some cameras write wrong tags: when they need not match, the
// only call with this Call-ID is meant.
CallId Endpoint::Impl::find_call(const MessageView& message, bool tags_must_match) {
  const auto [begin, end] = calls_by_call_id.equal_range(message.call_id());
  std::size_t candidates = 0;
  for (auto i = begin; i != end; ++i, ++candidates)
    if (calls.at(i->second.index).dialog.matches(message)) return i->second;
  return candidates == 1 && !tags_must_match ? begin->second : CallId{};
}

void Endpoint::Impl::release_call(CallId id) {
  auto& call = calls.at(id.index);
  const auto* t = transactions.get(call.invite);
  const auto* client = t ? std::get_if<InviteClient>(&t->machine) : nullptr;
  // An INVITE that nobody waits for any more has no timer of its own to end it (9.1).
  if (client && (client->state() == InviteClient::State::calling ||
                 client->state() == InviteClient::State::proceeding))
    transactions.drop(call.invite);
  const auto [begin, end] = calls_by_call_id.equal_range(call.dialog.call_id);
  for (auto i = begin; i != end; ++i) {
    if (i->second != id) continue;
    calls_by_call_id.erase(i);
    break;
  }
  call_deadlines.remove(id.index);
  call.session.reset();
  calls.release(id.index);
  counters.calls = calls.size();
}

}  // namespace sip
