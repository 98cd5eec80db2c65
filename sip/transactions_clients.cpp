// Transactions: clients, from the request to its last answer (RFC 3261 17.1, 9.1).
#include <algorithm>
#include <utility>

#include "sip/derived_request.hpp"
#include "sip/message_builder.hpp"
#include "sip/transaction_machines.hpp"

namespace sip {
namespace {

bool waits_for_answer(InviteClient::State state) {
  return state == InviteClient::State::calling || state == InviteClient::State::proceeding;
}

}  // namespace

TransactionId Transactions::start_client(bool invite, const TransactionKey& key,
                                         std::string_view request, const Flow& flow,
                                         const Owner& owner, TimePoint now, Output& out) {
  const auto id = insert(key, flow, owner, now);
  auto& t = slots_.at(id.index);
  t.method = method_from(request.substr(0, request.find(' ')));
  send_first(id.index, invite, request, now, out);
  return id;
}

void Transactions::send_first(std::uint32_t index, bool invite, std::string_view request,
                              TimePoint now, Output& out) {
  auto& t = slots_.at(index);
  texts_.assign(t.message, request);
  const auto reliability = reliability_of(t.flow.transport);
  actions_.clear();
  if (invite) {
    t.machine.emplace<InviteClient>(timers_, reliability).start(now, actions_);
  } else {
    t.machine.emplace<NonInviteClient>(timers_, reliability).start(now, actions_);
  }
  link_to_flow(index);
  perform(t, t.message, out);
  settle(index);
}

bool Transactions::restart_client(TransactionId id, std::string_view request, const Flow& flow,
                                  TimePoint now, Output& out) {
  auto* t = get(id);
  if (!t) return false;
  const auto* invite = std::get_if<InviteClient>(&t->machine);
  const auto* other = std::get_if<NonInviteClient>(&t->machine);
  const bool unheard = (invite && invite->state() == InviteClient::State::calling) ||
                       (other && other->state() == NonInviteClient::State::trying);
  if (!unheard) return false;
  unlink_from_flow(id.index);
  t->flow = flow;
  send_first(id.index, invite != nullptr, request, now, out);
  return true;
}

bool Transactions::on_response(TransactionId id, const MessageView& response, TimePoint now,
                               Output& out) {
  auto* t = get(id);
  if (!t || !t->is_client()) return false;
  actions_.clear();
  bool first = false;
  if (auto* invite = std::get_if<InviteClient>(&t->machine)) {
    first = waits_for_answer(invite->state());
    invite->on_response(response.status(), now, actions_);
  } else {
    std::get_if<NonInviteClient>(&t->machine)->on_response(response.status(), now, actions_);
  }
  if (contains(actions_, Action::acknowledge)) acknowledge(*t, response, first, out);
  const bool news = perform(*t, t->message, out);
  if (!news) ++counters_.retransmissions_received;
  forget_request(*t);
  settle(id.index);
  return news;
}

// The ACK is kept in the place of its INVITE, for the failure may be repeated.
void Transactions::acknowledge(Transaction& t, const MessageView& response, bool first,
                               Output& out) {
  if (first) {
    if (!parse_message(t.message, stored_)) return;  // our own message: cannot fail
    build_ack_to_failure(scratch_, stored_, response);
    texts_.assign(t.message, scratch_);
  }
  out.send(t.flow, t.message);
}

// Nothing is sent again after a final answer.
void Transactions::forget_request(Transaction& t) {
  if (const auto* invite = std::get_if<InviteClient>(&t.machine)) {
    const bool accepted = invite->state() == InviteClient::State::accepted;
    if (accepted && t.owner.purpose == Purpose::proxy) texts_.release(t.message);
  } else if (std::get_if<NonInviteClient>(&t.machine)->state() ==
             NonInviteClient::State::completed) {
    texts_.release(t.message);
  }
}

TransactionId Transactions::cancel(TransactionId id, const Owner& owner, TimePoint now,
                                   Output& out) {
  const auto* t = get(id);
  const auto* invite = t ? std::get_if<InviteClient>(&t->machine) : nullptr;
  if (!invite || !waits_for_answer(invite->state())) return {};
  if (!parse_message(t->message, stored_)) return {};
  const auto via = stored_.via();
  if (!via) return {};
  const auto key = response_key(via->branch, "CANCEL");
  if (const auto known = find(key)) return known;
  if (full()) return {};
  build_cancel(scratch_, stored_);
  return start_client(false, key, scratch_, t->flow, owner, now, out);
}

}  // namespace sip
