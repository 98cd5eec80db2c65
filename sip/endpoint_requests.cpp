// Endpoint: requests outside of calls, and answers.
#include <utility>

#include "sip/endpoint_impl.hpp"

namespace sip {
namespace {

bool is_possible(const RequestSpec& spec) {
  return !spec.method.empty() && !spec.request_uri.empty() && parse_name_addr(spec.from) &&
         parse_name_addr(spec.to);
}

int status_of(Cause cause) {
  return cause == Cause::timeout ? 408 : 503;
}

}  // namespace

RequestId Endpoint::Impl::send_request(const RequestSpec& spec, TimePoint now, Output& out) {
  const Owner owner{Purpose::request, {}, spec.user_data};
  if (!is_possible(spec)) return fail_at_once(owner, Cause::invalid, 400, out);
  if (full()) return fail_at_once(owner, Cause::overloaded, 503, out);
  writer.write(spec);
  return start_request(spec.method, spec.destination, owner, spec.persistence, false, now, out);
}

// `hop`: where it goes must be looked up there, and is `flow` when nothing is found.
RequestId Endpoint::Impl::start_request(std::string_view method, const Flow& flow,
                                        const Owner& owner, const Persistence& persistence,
                                        bool own_contact, TimePoint now, Output& out,
                                        std::string hop) {
  const bool known = flow.remote.port != 0 && hop.empty();
  if (known && !persistence.any()) return request_id(start_client(method, flow, owner, now, out));
  const auto attempt = take_attempt(persistence, flow, owner, own_contact);
  attempts.at(attempt.index).sent = known;
  if (known) {
    start_client(method, flow, {Purpose::attempt, {}, packed(attempt)}, now, out);
  } else if (!hop.empty()) {
    look_up_first(attempt, std::move(hop), out);
  } else if (parse_message(writer.text(), stored)) {
    look_up_first(attempt, next_hop_of(stored), out);
  }
  return request_id(attempt);
}

RequestId Endpoint::Impl::fail_at_once(const Owner& owner, Cause cause, int status, Output& out) {
  const auto id = dead_request_id();
  out.events.push_back(event::RequestDone{id, cause, status, nullptr, owner.call, owner.user_data});
  return id;
}

// What became of a request of ours, to whom it concerns.
void Endpoint::Impl::finish(const Owner& owner, RequestId id, const Outcome& outcome, Turn& turn) {
  switch (owner.purpose) {
    case Purpose::request:
    case Purpose::in_call_request:
      turn.out.events.push_back(event::RequestDone{id, outcome.cause, outcome.status,
                                                   outcome.message, owner.call, owner.user_data});
      if (!config.lenient_dialogs && calls.find(owner.call) && ends_call(outcome))
        lose_call(owner.call, CallAction::ended_lost, turn);
      return;
    case Purpose::bye:
      if (auto* call = calls.find(owner.call)) {
        if (outcome.cause != Cause::answered) call->cause = outcome.cause;
        call->session->on_bye_done(call_actions);
        perform(owner.call, turn);
      }
      return;
    case Purpose::change:
      return on_change_failure(owner.call, outcome, turn);
    case Purpose::subscribe:
      return on_subscribe_done(owned<SubscriptionId>(owner.call), outcome, turn);
    case Purpose::notify:
      return on_notify_done(owned<SubscriptionId>(owner.call), outcome, turn);
    case Purpose::kept:
      return on_kept_done(owned<KeptId>(owner.call), outcome, turn);
    case Purpose::invite:
    case Purpose::attempt:
    case Purpose::ack:
    case Purpose::cancel:
    case Purpose::prack:
    case Purpose::stray_bye:
    case Purpose::proxy:
      return;
  }
}

// The request that a server transaction answers, from the head that it kept: the bytes that came
// from the network may be gone. While it is the last message its index still fits.
const MessageView* Endpoint::Impl::request_of(TransactionId id) {
  const auto* t = transactions.get(id);
  if (!t || t->head.empty()) return nullptr;
  if (id == current) {
    stored = view.over(t->head.data());
    return &stored;
  }
  const auto parsed = parse_message(t->head, stored, limits);
  // Its body was not kept, so that Content-Length is wrong by design.
  return parsed || answerable(stored) ? &stored : nullptr;
}

bool Endpoint::Impl::respond_for_user(TransactionId id, const ResponseSpec& spec, TimePoint now,
                                      Output& out) {
  const auto* t = transactions.get(id);
  if (!t || !t->is_server()) return false;
  if (t->owner.purpose != Purpose::change) return respond(id, spec, {}, now, out);
  Turn turn{now, out};
  return respond_to_change(id, t->owner.call, spec, turn);
}

bool Endpoint::Impl::respond(TransactionId id, const ResponseSpec& spec, std::string_view contact,
                             TimePoint now, Output& out) {
  auto* t = transactions.get(id);
  const auto* request = t && t->is_server() ? request_of(id) : nullptr;
  if (!request) return false;
  if (!spec.to_tag.empty()) t->to_tag = spec.to_tag;
  if (t->to_tag.empty()) t->to_tag = writer.make_tag();
  writer.write_response(*request, t->flow, spec, t->to_tag, contact);
  const auto transport = t->flow.transport;  // the answer may end the transaction
  if (!transactions.respond(id, spec.status, writer.text(), now, out)) return false;
  counters.count_response_sent(spec.status, transport);
  return true;
}

void Endpoint::Impl::respond_plainly(TransactionId id, int status, Turn& turn) {
  ResponseSpec spec;
  spec.status = status;
  respond(id, spec, {}, turn.now, turn.out);
}

void Endpoint::Impl::respond_with(TransactionId id, int status, HeaderField field, Turn& turn) {
  ResponseSpec spec;
  spec.status = status;
  spec.headers.push_back(std::move(field));
  respond(id, spec, {}, turn.now, turn.out);
}

// 8.2.7: the same for the same request.
std::string Endpoint::Impl::stateless_tag(const MessageView& request) const {
  const auto via = request.via();
  auto number = KeyedHash(tag_key)
                    .add(via ? via->branch : std::string_view())
                    .add(request.call_id())
                    .add(request.text(HeaderId::cseq))
                    .finish();
  std::string tag;
  for (int i = 0; i < 12; ++i, number >>= 4) tag += "0123456789abcdef"[number & 15];
  return tag;
}

void Endpoint::Impl::respond_statelessly(int status, Turn& turn) {
  ResponseSpec spec;
  spec.status = status;
  if (status == 503)
    spec.headers.push_back({"Retry-After", std::to_string(overload.retry_after(*turn.message))});
  writer.write_response(*turn.message, turn.flow, spec, stateless_tag(*turn.message));
  turn.out.send(turn.flow, writer.text());
  counters.count_response_sent(status, turn.flow.transport);
}

// --- what time and failed connections did --------------------------------------------------------

void Endpoint::Impl::on_reports(TimePoint now, Output& out) {
  Turn turn{now, out};
  for (std::size_t i = 0; i < reports.size(); ++i) {
    const auto report = reports[i];
    on_report(report, turn);
  }
  reports.clear();
}

void Endpoint::Impl::on_report(const TransactionReport& report, Turn& turn) {
  const auto& owner = report.owner;
  if (report.server) {
    if (owner.purpose == Purpose::change)
      return respond_plainly_to_change(report.id, owner.call, 500, turn);
    return respond_plainly(report.id, 500, turn);
  }
  const auto cause = report.what == Action::timeout ? Cause::timeout : Cause::transport;
  const Outcome outcome{cause, status_of(cause), nullptr};
  if (owner.purpose == Purpose::attempt)
    return fail_attempt(attempt_of(owner.user_data), outcome, turn);
  if (owner.purpose != Purpose::invite) return finish(owner, request_id(report.id), outcome, turn);
  auto* call = calls.find(owner.call);
  if (!call || call->invite != report.id) return;
  if (!call->session->gave_up() && call->attempt && try_again(call->attempt, outcome, turn)) return;
  call->cause = cause;
  call->session->on_no_answer(call_actions);
  perform(owner.call, turn);
}

}  // namespace sip
