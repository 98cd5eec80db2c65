// Endpoint: requests outside of calls, and answers.
#include <utility>

#include "sip/endpoint_impl.hpp"
#include "sip/transaction_key.hpp"

namespace sip {
namespace {

bool is_possible(const RequestSpec& spec) {
  return !spec.method.empty() && !spec.request_uri.empty() && parse_name_addr(spec.from) &&
         parse_name_addr(spec.to);
}

std::size_t class_of(int status) {
  return static_cast<std::size_t>(status / 100) % 7;
}

int status_of(Cause cause) {
  return cause == Cause::timeout ? 408 : 503;
}

}  // namespace

RequestId Endpoint::Impl::send_request(const RequestSpec& spec, TimePoint now, Output& out) {
  const Owner owner{Purpose::request, {}, spec.user_data};
  const bool possible = is_possible(spec);
  if (!possible || transactions.full()) {
    const auto id = dead_request_id();
    request_failed(id, owner, possible ? Cause::overloaded : Cause::invalid, possible ? 503 : 400,
                   out);
    return id;
  }
  writer.write(spec);
  return request_id(start_client(spec.method, spec.destination, owner, now, out));
}

// Sends what the writer has just written.
TransactionId Endpoint::Impl::start_client(std::string_view method, const Flow& flow,
                                           const Owner& owner, TimePoint now, Output& out) {
  key.clear();
  append_client_key(key, writer.branch(), method);
  ++counters.requests_sent[static_cast<std::size_t>(counted(method_from(method)))];
  return transactions.start_client(method == "INVITE", key, writer.text(), flow, owner, now, out);
}

void Endpoint::Impl::request_failed(RequestId id, const Owner& owner, Cause cause, int status,
                                    Output& out) {
  out.events.push_back(event::RequestDone{id, cause, status, nullptr, owner.call, owner.user_data});
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

bool Endpoint::Impl::respond(TransactionId id, const ResponseSpec& spec, std::string_view contact,
                             TimePoint now, Output& out) {
  auto* t = transactions.get(id);
  const auto* request = t && t->is_server() ? request_of(id) : nullptr;
  if (!request) return false;
  if (!spec.to_tag.empty()) t->to_tag = spec.to_tag;
  if (t->to_tag.empty()) t->to_tag = writer.make_tag();
  writer.write_response(*request, t->flow, spec, t->to_tag, contact);
  if (!transactions.respond(id, spec.status, writer.text(), now, out)) return false;
  ++counters.responses_sent[class_of(spec.status)];
  return true;
}

void Endpoint::Impl::respond_plainly(TransactionId id, int status, Turn& turn) {
  ResponseSpec spec;
  spec.status = status;
  respond(id, spec, {}, turn.now, turn.out);
}

void Endpoint::Impl::respond_statelessly(int status, Turn& turn) {
  ResponseSpec spec;
  spec.status = status;
  writer.write_response(*turn.message, turn.flow, spec, writer.make_tag());
  turn.out.send(turn.flow, writer.text());
  ++counters.responses_sent[class_of(status)];
}

// --- what time and failed connections did --------------------------------------------------------

void Endpoint::Impl::on_reports(TimePoint now, Output& out) {
  Turn turn{now, out};
  for (std::size_t i = 0; i < reports.size(); ++i) on_report(reports[i], turn);
  reports.clear();
}

void Endpoint::Impl::on_report(const TransactionReport& report, Turn& turn) {
  if (report.server) return respond_plainly(report.id, 500, turn);
  const auto cause = report.what == Action::timeout ? Cause::timeout : Cause::transport;
  switch (report.owner.purpose) {
    case Purpose::request:
    case Purpose::in_call_request:
      return request_failed(request_id(report.id), report.owner, cause, status_of(cause), turn.out);
    case Purpose::invite:
    case Purpose::bye:
      if (auto* call = calls.find(report.owner.call)) {
        call->cause = cause;
        if (report.owner.purpose == Purpose::invite) {
          call->session->on_no_answer(call_actions);
        } else {
          call->session->on_bye_done(call_actions);
        }
        perform(report.owner.call, turn);
      }
      return;
    case Purpose::cancel:  // the INVITE's own end decides
    case Purpose::stray_bye:
      return;
  }
}

}  // namespace sip
