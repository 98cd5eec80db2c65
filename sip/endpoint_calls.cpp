// Endpoint: calls as their user and the network see them.
#include "sip/endpoint_impl.hpp"

namespace sip {
namespace {

// Calls with one Call-ID are told apart by walking them; honest ones are forks, two or three.
constexpr std::size_t same_call_id_limit = 16;

bool is_possible(const InviteSpec& spec) {
  return !spec.request_uri.empty() && parse_name_addr(spec.from) && parse_name_addr(spec.to);
}

void add_option(std::vector<HeaderField>& headers, const char* name, std::string_view option) {
  for (auto& field : headers) {
    if (field.name != name) continue;
    field.value += ", ";
    field.value += option;
    return;
  }
  headers.push_back({name, std::string(option)});
}

}  // namespace

std::string_view user_of_to(const MessageView& request) {
  const auto to = request.to();
  return to ? to->uri.user : std::string_view();
}

// --- the user: calls that we make ----------------------------------------------------------------

CallId Endpoint::Impl::invite(const InviteSpec& spec, TimePoint now, Output& out) {
  const bool possible = is_possible(spec);
  if (!possible || full() || calls.size() >= config.limits.calls) {
    const auto id = dead_call_id();
    out.events.push_back(event::CallFailed{id, possible ? Cause::overloaded : Cause::invalid,
                                           possible ? 503 : 400, nullptr, spec.user_data});
    return id;
  }
  const auto id =
      take_call(spec.call_id.empty() ? writer.make_call_id(spec.destination) : spec.call_id, now);
  auto& call = calls.at(id.index);
  prepare_outgoing(call, spec);
  const bool plain = spec.reliable == Reliable100::unsupported && spec.session_expires.count() == 0;
  if (plain) {
    writer.write_invite(spec, call.dialog);
  } else {
    auto extended = spec;
    if (spec.reliable != Reliable100::unsupported)
      add_option(extended.headers, spec.reliable == Reliable100::required ? "Require" : "Supported",
                 "100rel");
    if (call.extra && call.extra->timer) {
      add_option(extended.headers, "Supported", "timer");
      add_timer_headers(extended.headers, *call.extra->timer);
    }
    writer.write_invite(extended, call.dialog);
  }
  const Owner owner{Purpose::invite, id, spec.user_data};
  const bool unknown = spec.destination.remote.port == 0;
  if (unknown || spec.persistence.any() || spec.session_expires.count() != 0) {
    call.attempt = take_attempt(spec.persistence, spec.destination, owner, spec.contact.empty());
    attempts.at(call.attempt.index).sent = !unknown;
  }
  if (!unknown) {
    call.invite = start_client("INVITE", spec.destination, owner, now, out);
  } else if (parse_message(writer.text(), stored)) {
    look_up_first(call.attempt, next_hop_of(stored), out);
  }
  return id;
}

void Endpoint::Impl::prepare_outgoing(Call& call, const InviteSpec& spec) {
  call.session = InviteSession::outgoing(config.timers, spec.answer_within);
  call.user_data = spec.user_data;
  call.keep_forks = spec.keep_forks;
  call.late_offer = spec.late_offer && spec.body.empty();
  if (!spec.body.empty()) call.offer_answer.sent();
  auto& dialog = call.dialog;
  dialog.local = writer.with_tag(spec.from);
  if (const auto from = parse_name_addr(dialog.local)) dialog.local_tag = from->tag();
  dialog.remote = spec.to;
  dialog.remote_target = spec.request_uri;
  dialog.flow = spec.destination;
  call.invite_cseq = dialog.next_cseq();
  if (!spec.persistence.credentials.username.empty())
    call.more().credentials = spec.persistence.credentials;
  if (spec.session_expires.count() == 0) return;
  call.more().timer.emplace(static_cast<std::uint32_t>(spec.session_expires.count()),
                            static_cast<std::uint32_t>(config.min_se.count()));
  remember_session(call, spec.content_type, spec.body);
}

bool Endpoint::Impl::hang_up(CallId id, TimePoint now, Output& out) {
  auto* call = calls.find(id);
  if (!call) return false;
  call->session->hang_up(now, call_actions);
  // While its place is still looked up there is nothing to cancel.
  if (call->session->state() == InviteSession::State::cancelling && call->attempt &&
      attempts.find(call->attempt)->lookup != LookupId{})
    call->session->on_no_answer(call_actions);
  Turn turn{now, out};
  perform(id, turn);
  return true;
}

RequestId Endpoint::Impl::send_in_call(CallId id, const InCallRequestSpec& spec, TimePoint now,
                                       Output& out) {
  if (spec.method == "UPDATE") {
    ChangeSpec as_change{spec.method, spec.headers, spec.content_type,
                         spec.body,   false,        spec.user_data};
    return change(id, as_change, false, now, out);
  }
  const Owner owner{Purpose::in_call_request, id, spec.user_data};
  auto* call = calls.find(id);
  auto* dialog = call ? dialog_of(*call) : nullptr;
  if (!dialog || spec.method.empty()) return fail_at_once(owner, Cause::invalid, 481, out);
  if (full()) return fail_at_once(owner, Cause::overloaded, 503, out);
  Persistence persistence;
  if (call->extra) persistence.credentials = call->extra->credentials;
  if (auto* login = login_of(owner)) {
    auto request = spec;
    add_credentials(request.headers, login, spec.method, spec.body, dialog->remote_target);
    writer.write_in_dialog(*dialog, spec.method, dialog->next_cseq(), request);
  } else {
    writer.write_in_dialog(*dialog, spec.method, dialog->next_cseq(), spec);
  }
  return start_in_dialog(*dialog, spec.method, owner, persistence, false, now, out);
}

// --- the user: calls that come to us -------------------------------------------------------------

bool Endpoint::Impl::answer(CallId id, const ResponseSpec& spec, TimePoint now, Output& out) {
  auto* call = calls.find(id);
  if (!call || call->session->is_outgoing()) return false;
  auto& session = *call->session;
  Turn turn{now, out};
  if (session.state() != InviteSession::State::ringing) return false;
  const bool waits = call->extra && call->extra->reliable;
  if (spec.status < 200) {
    if (spec.reliable && (waits || spec.status == 100 || !call->peer_takes_100rel)) return false;
    if (spec.reliable) return answer_reliably(id, *call, spec, turn);
  } else if (spec.status < 300) {
    if (waits && call->extra->reliable->has_body) {  // RFC 3262 3
      call->extra->reliable->final = spec;
      return true;
    }
    if (!session.accept(now)) return false;
    if (call->extra) call->extra->reliable.reset();
  } else {
    if (!session.refuse()) return false;
  }
  send_answer(id, *call, spec, turn);
  perform(id, turn);
  return true;
}

void Endpoint::Impl::send_answer(CallId, Call& call, const ResponseSpec& spec, Turn& turn) {
  std::string contact;
  auto with_tag = spec;
  with_tag.to_tag = call.dialog.local_tag;  // the dialog is known by it already
  const auto* request = request_of(call.invite);
  if (!request) return;
  const bool success = spec.status >= 200 && spec.status < 300;
  if (spec.status > 100 && spec.status < 300)
    contact = writer.contact_for(user_of_to(*request), call.dialog.flow, call.dialog.is_secure());
  if (success) {
    auto wanted = static_cast<std::uint32_t>(config.session_expires.count());
    if (wanted != 0 || request->has(HeaderId::session_expires)) {
      auto& timer =
          call.more().timer.emplace(wanted, static_cast<std::uint32_t>(config.min_se.count()));
      timer.answer(*request, turn.now);
      add_timer_headers(with_tag.headers, timer);
      if (timer.require()) with_tag.headers.push_back({"Require", "timer"});
      remember_session(call, spec.content_type, spec.body);
    }
  }
  if (success && !spec.body.empty() && !call.offer_answer.local_pending() &&
      call.offer_answer.state() != OfferAnswer::State::agreed)
    call.offer_answer.sent();
  else if (success && call.offer_answer.remote_pending())
    call.offer_answer.rolled_back();
  respond(call.invite, with_tag, contact, turn.now, turn.out);
}

// --- the network ---------------------------------------------------------------------------------

void Endpoint::Impl::on_incoming_call(TransactionId id, Turn& turn) {
  if (has_to_tag(view)) {
    const auto known = find_call(view, !config.lenient_dialogs);
    auto* call = calls.find(known);
    if (!call) {
      ++counters.stray_requests;
      return respond_plainly(id, 481, turn);
    }
    if (call->dialog.matches(view)) {
      if (!call->dialog.take_cseq(view.cseq()->number) && !config.lenient_dialogs)
        return respond_plainly(id, 500, turn);
      if (!config.follow_targets) call->dialog.flow = turn.flow;
    }
    return on_change_request(id, known, turn);
  }
  if (calls.size() >= config.limits.calls) {
    ++counters.refused_overload;
    return respond_plainly(id, 486, turn);
  }
  const SessionTimer shortest(0, static_cast<std::uint32_t>(config.min_se.count()));
  if (view.has(HeaderId::session_expires) && shortest.too_short(view))
    return respond_with(id, 422, {"Min-SE", std::to_string(config.min_se.count())}, turn);
  // 8.2.2.2: the same INVITE by another way. Calls that only share the Call-ID are few.
  const auto [begin, end] = calls_by_call_id.equal_range(view.call_id());
  std::size_t same = 0;
  for (auto i = begin; i != end; ++i, ++same) {
    const auto& other = calls.at(i->second.index);
    if (!other.session->is_outgoing() && other.dialog.remote_tag == view.from()->tag() &&
        !other.dialog.remote_tag.empty() && other.dialog.remote_cseq == view.cseq()->number)
      return respond_plainly(id, 482, turn);
  }
  if (same >= same_call_id_limit) return respond_plainly(id, 482, turn);
  begin_incoming_call(id, turn);
}

void Endpoint::Impl::begin_incoming_call(TransactionId id, Turn& turn) {
  const auto tag = writer.make_tag();
  const auto call_id = take_call(view.call_id(), turn.now);
  auto& call = calls.at(call_id.index);
  call.dialog = Dialog::as_callee(view, tag, turn.flow);
  aim(call.dialog);
  call.invite = id;
  call.peer_takes_update = lists(view, HeaderId::allow, "UPDATE");
  call.peer_takes_100rel =
      lists(view, HeaderId::supported, "100rel") || lists(view, HeaderId::require, "100rel");
  if (!view.body().empty()) call.offer_answer.received();
  if (view.has(HeaderId::session_expires) || config.session_expires.count() != 0)
    call.more().remote_body = view.body();
  const auto expires = view.expires();  // 13.3.1: the invitation is good for so long
  const bool brief = expires && std::chrono::seconds(*expires) < config.limits.accept_within;
  const Duration patience = brief ? std::chrono::seconds(*expires) : config.limits.accept_within;
  call.session = InviteSession::incoming(config.timers, reliability_of(turn.flow.transport),
                                         turn.now + patience, brief ? 487 : 480);
  auto& transaction = *transactions.get(id);
  transaction.owner = {Purpose::invite, call_id, 0};
  transaction.to_tag = tag;
  turn.out.events.push_back(event::IncomingCall{call_id, &view, turn.flow});
  perform(call_id, turn);
}

void Endpoint::Impl::on_invite_response(const Owner& owner, Turn& turn) {
  auto& call = *calls.find(owner.call);
  const int status = view.status();
  if (status > 100 && status < 200 && !on_early_answer(owner.call, call, turn)) return;
  if (status >= 200 && status < 300) {
    const auto to = view.to();
    // 13.2.2.4: another branch of a fork has answered too.
    if (call.confirmed && to && to->tag() != call.dialog.remote_tag)
      return on_other_branch(owner.call, call.invite, turn);
  }
  if (status >= 300 && !call.session->gave_up() && call.attempt) {
    auto& attempt = attempts.at(call.attempt.index);
    auto* timer = call.extra && call.extra->timer ? &*call.extra->timer : nullptr;
    if (status == 422 && timer && timer->raise(view)) {
      add_timer_headers(attempt.headers, *timer);
      const auto uri = call.dialog.remote_target;
      if (resend(call.attempt, uri, attempt.flow, turn)) return;
    } else if (try_again(call.attempt, {Cause::answered, status, &view}, turn)) {
      return;
    }
  }
  call.session->on_response(status, turn.now, call_actions);
  perform(owner.call, turn);
}

void Endpoint::Impl::on_bye(TransactionId id, Turn& turn) {
  const auto call_id = find_call(view, !config.lenient_dialogs);
  auto* call = calls.find(call_id);
  if (call && !config.lenient_dialogs && !call->dialog.take_cseq(view.cseq()->number))
    return respond_plainly(id, 500, turn);
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
    const auto id = calls.id_of(index);
    auto& call = calls.at(index);
    if (call.session->next_deadline() <= now) {
      call.session->on_deadline(now, call_actions);
      perform(id, turn);
      continue;
    }
    on_reliable_deadline(id, call, turn);
    if (calls.find(id)) on_change_deadline(id, call, turn);
    if (calls.find(id)) on_timer_deadline(id, call, turn);
    if (calls.find(id)) perform(id, turn);
  }
}

// --- the table -----------------------------------------------------------------------------------

CallId Endpoint::Impl::take_call(std::string_view call_id, TimePoint now) {
  const auto id = calls.take();
  auto& call = calls.at(id.index);
  call = Call{};
  call.since = now;
  call.dialog.call_id = call_id;
  calls_by_call_id.emplace(call.dialog.call_id, id);
  counters.calls = calls.size();
  return id;
}

// The call that a request belongs to. Some cameras write wrong tags: when they need not match, the
// only call with this Call-ID is meant.
CallId Endpoint::Impl::find_call(const MessageView& message, bool tags_must_match) {
  if (calls.size() == 0) return {};
  const auto [begin, end] = calls_by_call_id.equal_range(message.call_id());
  std::size_t candidates = 0;
  for (auto i = begin; i != end; ++i, ++candidates) {
    const auto& call = calls.at(i->second.index);
    if (call.dialog.matches(message)) return i->second;
    if (!call.extra) continue;
    for (const auto& early : call.extra->early)
      if (early.dialog.matches(message)) return i->second;
  }
  return candidates == 1 && !tags_must_match ? begin->second : CallId{};
}

// An INVITE that nobody waits for any more has no timer of its own to end it (9.1).
void Endpoint::Impl::drop_invite(TransactionId invite) {
  const auto* t = transactions.get(invite);
  const auto* client = t ? std::get_if<InviteClient>(&t->machine) : nullptr;
  if (client && (client->state() == InviteClient::State::calling ||
                 client->state() == InviteClient::State::proceeding))
    transactions.drop(invite);
}

void Endpoint::Impl::release_call(CallId id) {
  auto& call = calls.at(id.index);
  drop_invite(call.invite);
  if (call.extra) drop_invite(call.extra->ours.transaction);
  if (attempts.find(call.attempt)) attempts.release(call.attempt.index);
  if (call.shares_dialog) {
    for (std::uint32_t i = 0; i < subscriptions.slot_count(); ++i)
      if (subscriptions.live(i) && subscriptions.at(i).call == id) {
        subscriptions.at(i).dialog = call.dialog;
        subscriptions.at(i).call = {};
      }
  }
  const auto [begin, end] = calls_by_call_id.equal_range(call.dialog.call_id);
  for (auto i = begin; i != end; ++i) {
    if (i->second != id) continue;
    calls_by_call_id.erase(i);
    break;
  }
  call_deadlines.remove(id.index);
  call.session.reset();
  call.extra.reset();
  calls.release(id.index);
  counters.calls = calls.size();
}

}  // namespace sip
