// Endpoint: requests that are tried again, with credentials or at another place (Persistence).
#include "sip/endpoint_impl.hpp"

namespace sip {

AttemptId Endpoint::Impl::take_attempt(const Persistence& persistence, const Flow& flow,
                                       const Owner& owner, bool own_contact) {
  const auto id = attempts.take();
  auto& a = attempts.at(id.index);
  a = Attempt{};
  a.message = writer.text();
  a.flow = flow;
  a.further = persistence.further;
  a.redirection = Redirection(persistence.redirections);
  a.credentials = persistence.credentials;
  a.own_contact = own_contact;
  a.owner = owner;
  return id;
}

// The final answer of one try (or none): another try follows, or it is reported.
void Endpoint::Impl::fail_attempt(AttemptId id, const Outcome& outcome, Turn& turn) {
  if (!attempts.find(id) || try_again(id, outcome, turn)) return;
  const auto owner = attempts.at(id.index).owner;
  attempts.release(id.index);
  finish(owner, request_id(id), outcome, turn);
}

bool Endpoint::Impl::try_again(AttemptId id, const Outcome& outcome, Turn& turn) {
  auto* a = attempts.find(id);
  if (!a) return false;
  const int status = outcome.status;
  if (outcome.cause != Cause::answered)
    return try_next_flow(id, turn) || follow_redirection(id, turn);
  if (status < 300 || status >= 600) return false;
  if ((status == 401 || status == 407) &&
      answer_challenge(login_of(*a), a->challenged, a->credentials, *outcome.message)) {
    if (!parse_message(a->message, stored)) return false;
    const std::string uri(stored.request_uri_text());
    return resend(id, uri, a->flow, turn);
  }
  if (status < 400 && a->redirection.enabled()) {
    if (!a->redirection.began() && parse_message(a->message, stored))
      a->redirection.start(stored.request_uri_text());
    a->redirection.on_response(*outcome.message);
    return follow_redirection(id, turn);
  }
  if (status == 503 && try_next_flow(id, turn)) return true;
  return a->redirection.began() && follow_redirection(id, turn);
}

// --- other places --------------------------------------------------------------------------------

bool Endpoint::Impl::try_next_flow(AttemptId id, Turn& turn) {
  auto& a = attempts.at(id.index);
  if (a.next_flow >= a.further.size() || !parse_message(a.message, stored)) return false;
  const auto flow = a.further[a.next_flow++];
  const std::string uri(stored.request_uri_text());
  return resend(id, uri, flow, turn);
}

bool Endpoint::Impl::follow_redirection(AttemptId id, Turn& turn) {
  auto& a = attempts.at(id.index);
  auto uri = a.redirection.next();
  if (!uri) return false;
  look_up(id, *uri, turn.out);
  attempts.at(id.index).target = std::move(*uri);
  return true;
}

std::string Endpoint::Impl::next_hop_of(const MessageView& request) {
  const auto route = request.route();
  return std::string(route ? route->uri.text : request.request_uri_text());
}

void Endpoint::Impl::look_up(AttemptId id, std::string uri, Output& out) {
  auto& a = attempts.at(id.index);
  a.lookup = LookupId{++last_lookup};
  lookups.emplace(last_lookup, id);
  out.lookups.push_back({a.lookup, std::move(uri)});
}

void Endpoint::Impl::look_up_first(AttemptId id, std::string hop, Output& out) {
  attempts.at(id.index).hop = hop;
  look_up(id, std::move(hop), out);
}

void Endpoint::Impl::on_resolved(LookupId lookup, std::span<const Flow> targets, Turn& turn) {
  const auto known = lookups.find(static_cast<std::uint64_t>(lookup));
  if (known == lookups.end()) return;
  const auto id = known->second;
  lookups.erase(known);
  auto* a = attempts.find(id);
  if (!a || a->lookup != lookup) return;
  a->lookup = {};
  // Inside a dialog a name that leads nowhere leaves the way that served until now.
  const auto before = a->flow;
  if (targets.empty() && !a->sent && before.remote.port != 0) targets = {&before, 1};
  if (!targets.empty()) {
    if (a->sent) a->further.clear();  // those of the place before
    a->further.insert(a->further.begin(), targets.begin() + 1, targets.end());
    a->next_flow = 0;
    if (!parse_message(a->message, stored)) return;
    note_way(*a, targets.front());
    const auto uri = a->target.empty() ? std::string(stored.request_uri_text()) : a->target;
    a->target.clear();
    if (resend(id, uri, targets.front(), turn)) return;
  }
  const auto cause = targets.empty() ? Cause::transport : Cause::overloaded;
  if (a->owner.purpose != Purpose::invite) return fail_attempt(id, {cause, 503, nullptr}, turn);
  if (follow_redirection(id, turn)) return;
  const auto call_id = a->owner.call;
  auto* call = calls.find(call_id);
  if (!call) return;
  call->cause = cause;
  call->session->on_no_answer(call_actions);
  perform(call_id, turn);
}

// Sends the request again, as a new transaction (8.1.3.4, 22.2: same Call-ID and From, CSeq one
// higher; inside a dialog the next of the dialog).
bool Endpoint::Impl::resend(AttemptId id, std::string_view uri, const Flow& flow, Turn& turn) {
  auto& a = attempts.at(id.index);
  if (transactions.full() || !parse_message(a.message, stored)) return false;
  const auto cseq = stored.cseq();
  const auto to = stored.to();
  if (!cseq || !to) return false;
  const bool invites = a.owner.purpose == Purpose::invite;
  auto* dialog = invites ? nullptr : dialog_of(a.owner, to->tag());
  const std::string method(stored.method_text());
  RequestWriter::Retry retry{uri, flow, cseq->number, a.own_contact, std::move(a.headers)};
  if (a.sent) retry.cseq = dialog ? dialog->next_cseq() : cseq->number + 1;
  a.headers = {};
  if (a.owner.purpose != Purpose::ack)  // it has those of its INVITE
    add_credentials(retry.headers, &login_of(a), method, stored.body(), uri);
  writer.write_again(stored, retry);
  a.message = writer.text();
  a.flow = flow;
  a.sent = true;
  if (dialog) dialog->flow = flow;
  if (invites) {
    resend_invite(a, retry.cseq, uri, turn);
  } else if (a.owner.purpose == Purpose::change || a.owner.purpose == Purpose::ack) {
    const auto owner = a.owner;
    attempts.release(id.index);
    send_found(owner, method, flow, turn.now, turn.out);
  } else {
    rename_refer(a.owner, method, retry.cseq);
    start_client(method, flow, {Purpose::attempt, {}, packed(id)}, turn.now, turn.out);
  }
  return true;
}

void Endpoint::Impl::resend_invite(const Attempt& a, std::uint32_t cseq, std::string_view uri,
                                   Turn& turn) {
  auto& call = calls.at(a.owner.call.index);
  call.invite_cseq = call.dialog.local_cseq = cseq;
  call.dialog.remote_target = uri;
  call.dialog.flow = a.flow;
  if (call.extra) call.extra->early.clear();
  call.invite = start_client("INVITE", a.flow, a.owner, turn.now, turn.out);
}

// RFC 3515 2.4.6: NOTIFYs name a REFER by its CSeq.
void Endpoint::Impl::rename_refer(const Owner& owner, std::string_view method, std::uint32_t cseq) {
  auto* s = owner.purpose == Purpose::subscribe && method == "REFER"
                ? subscriptions.find(owned<SubscriptionId>(owner.call))
                : nullptr;
  if (s && s->call) s->event = "refer;id=" + std::to_string(cseq);
}

}  // namespace sip
