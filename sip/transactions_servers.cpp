// Transactions: servers, from the request to what repeats its answer (RFC 3261 17.2, RFC 6026).
#include <utility>

#include "sip/message_builder.hpp"
#include "sip/transaction_machines.hpp"

namespace sip {
namespace {

std::string_view head_of(const MessageView& message) {
  return message.bytes().substr(0, message.bytes().size() - message.body().size());
}

bool is_success(int status) {
  return status >= 200 && status < 300;
}

}  // namespace

TransactionId Transactions::start_server(const TransactionKey& key, const MessageView& request,
                                         const Flow& flow, const Owner& owner, TimePoint abandon_at,
                                         TimePoint now) {
  const auto id = insert(key, flow, owner, now);
  auto& t = slots_.at(id.index);
  t.method = request.method();
  texts_.assign(t.head, head_of(request));
  t.abandon_at = abandon_at;
  const auto reliability = reliability_of(flow.transport);
  if (t.method == Method::invite) {
    t.machine.emplace<InviteServer>(timers_, reliability).start(now);
  } else {
    t.machine.emplace<NonInviteServer>(timers_, reliability);
  }
  arm_newest();
  newest_ = id.index;
  return id;
}

void Transactions::on_retransmission(TransactionId id, Output& out) {
  auto* t = get(id);
  if (!t) return;
  ++counters_.retransmissions_received;
  actions_.clear();
  if (auto* invite = std::get_if<InviteServer>(&t->machine)) {
    invite->on_request(actions_);
  } else if (auto* other = std::get_if<NonInviteServer>(&t->machine)) {
    other->on_request(actions_);
  }
  perform(*t, t->message, out);
}

bool Transactions::on_ack(TransactionId id, TimePoint now, Output& out) {
  auto* t = get(id);
  auto* invite = t ? std::get_if<InviteServer>(&t->machine) : nullptr;
  if (!invite) return false;
  actions_.clear();
  invite->on_ack(now, actions_);
  const bool news = perform(*t, t->message, out);
  if (invite->state() == InviteServer::State::confirmed) texts_.release(t->message);
  settle(id.index);
  return news;
}

bool Transactions::respond(TransactionId id, int status, std::string_view response, TimePoint now,
                           Output& out) {
  auto* t = get(id);
  if (!t || !t->is_server()) return false;
  actions_.clear();
  auto* invite = std::get_if<InviteServer>(&t->machine);
  auto* other = std::get_if<NonInviteServer>(&t->machine);
  if (!(invite ? invite->respond(status, now, actions_) : other->respond(status, now, actions_)))
    return false;
  perform(*t, response, out);
  const bool others_repeat = invite && is_success(status) && t->owner.purpose == Purpose::proxy;
  if (others_repeat) {
    texts_.release(t->message);
  } else if (invite || !other->terminated()) {
    texts_.assign(t->message, response);
  }
  if (status >= 200) {  // nothing else will be built from the request
    t->abandon_at = never;
    texts_.release(t->head);
  }
  settle(id.index);
  return true;
}

void Transactions::repeat_response(TransactionId id, Output& out) {
  const auto* t = get(id);
  if (!t || t->message.empty()) return;
  ++counters_.retransmissions_sent;
  out.send(t->flow, t->message);
}

void Transactions::send_trying(Transaction& t, Output& out) {
  if (const auto parsed = parse_message(t.head, stored_); !parsed && !answerable(stored_)) return;
  MessageBuilder(scratch_)
      .respond_to(stored_, 100, {}, {.source = t.flow.remote, .to_tag = {}})
      .finish();
  texts_.assign(t.message, scratch_);
  out.send(t.flow, t.message);
}

}  // namespace sip
