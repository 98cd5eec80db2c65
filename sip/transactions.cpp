#include "sip/transactions.hpp"

#include <algorithm>
#include <cstring>

#include "sip/derived_request.hpp"
#include "sip/message_builder.hpp"

namespace sip {
namespace {

constexpr std::size_t worth_keeping = 4096;  // bytes of a string that the next transaction may use

void recycle(std::string& text) {
  if (text.capacity() > worth_keeping) {
    std::string().swap(text);
  } else {
    text.clear();
  }
}

std::string_view head_of(const MessageView& message) {
  return message.bytes().substr(0, message.bytes().size() - message.body().size());
}

TimePoint deadline_of(const Transaction::Machine& machine) {
  return std::visit(
      [](const auto& m) {
        if constexpr (requires { m.next_deadline(); }) return m.next_deadline();
        return never;
      },
      machine);
}

bool terminated(const Transaction::Machine& machine) {
  return std::visit(
      [](const auto& m) {
        if constexpr (requires { m.terminated(); }) return m.terminated();
        return true;
      },
      machine);
}

bool contains(const Actions& actions, Action what) {
  return std::ranges::find(actions, what) != actions.end();
}

}  // namespace

Transactions::Transactions(const Timers& timers, std::size_t limit, std::uint64_t hash_seed,
                           Counters& counters)
    : timers_(timers),
      limit_(limit),
      hash_seed_(hash_seed),
      counters_(counters),
      buckets_(1024, nothing) {}

// --- table ---------------------------------------------------------------------------------------

std::uint64_t Transactions::hash(std::string_view key) const {
  std::uint64_t h = hash_seed_ ^ key.size();
  for (; !key.empty(); key.remove_prefix(std::min<std::size_t>(8, key.size()))) {
    std::uint64_t word = 0;
    std::memcpy(&word, key.data(), std::min<std::size_t>(8, key.size()));
    h = (h ^ word) * 0x9e3779b97f4a7c15u;
    h ^= h >> 32;
  }
  return h;
}

TransactionId Transactions::find(std::string_view key) {
  const auto h = hash(key);
  for (auto i = bucket(h); i != nothing; i = slots_.at(i).next_in_bucket)
    if (slots_.at(i).hash == h && slots_.at(i).key == key) return slots_.id_of(i);
  return {};
}

TransactionId Transactions::insert(std::string_view key, const Flow& flow, const Owner& owner) {
  if (slots_.size() >= buckets_.size()) grow();
  const auto id = slots_.take();
  auto& t = slots_.at(id.index);
  t.flow = flow;
  t.owner = owner;
  t.key = key;
  t.abandon_at = never;
  t.client_position = nothing;
  t.hash = hash(key);
  t.next_in_bucket = bucket(t.hash);
  bucket(t.hash) = id.index;
  counters_.transactions = slots_.size();
  return id;
}

void Transactions::grow() {
  buckets_.assign(buckets_.size() * 2, nothing);
  for (std::uint32_t i = 0; i < slots_.slot_count(); ++i) {
    if (!slots_.live(i)) continue;
    auto& t = slots_.at(i);
    t.next_in_bucket = bucket(t.hash);
    bucket(t.hash) = i;
  }
}

void Transactions::unlink(std::uint32_t index) {
  auto* link = &bucket(slots_.at(index).hash);
  while (*link != index) link = &slots_.at(*link).next_in_bucket;
  *link = slots_.at(index).next_in_bucket;
}

void Transactions::release(std::uint32_t index) {
  auto& t = slots_.at(index);
  unlink(index);
  deadlines_.remove(index);
  if (t.client_position != nothing) {
    const auto last = clients_.back();
    clients_[t.client_position] = last;
    slots_.at(last).client_position = t.client_position;
    clients_.pop_back();
  }
  t.machine = std::monostate{};
  for (auto* text : {&t.key, &t.head, &t.message, &t.to_tag}) recycle(*text);
  slots_.release(index);
  counters_.transactions = slots_.size();
}

// After each change: the transaction ends, or its next deadline is known.
void Transactions::settle(std::uint32_t index) {
  auto& t = slots_.at(index);
  if (terminated(t.machine)) return release(index);
  deadlines_.set(index, std::min(deadline_of(t.machine), t.abandon_at));
}

void Transactions::drop(TransactionId id) {
  if (get(id)) release(id.index);
}

// --- clients -------------------------------------------------------------------------------------

TransactionId Transactions::start_client(bool invite, std::string_view key,
                                         std::string_view request, const Flow& flow,
                                         const Owner& owner, TimePoint now, Output& out) {
  const auto id = insert(key, flow, owner);
  auto& t = slots_.at(id.index);
  t.message = request;
  const auto reliability = reliability_of(flow.transport);
  t.client_position = static_cast<std::uint32_t>(clients_.size());
  clients_.push_back(id.index);
  actions_.clear();
  if (invite) {
    t.machine.emplace<InviteClient>(timers_, reliability).start(now, actions_);
  } else {
    t.machine.emplace<NonInviteClient>(timers_, reliability).start(now, actions_);
  }
  perform(t, nullptr, out);
  settle(id.index);
  return id;
}

bool Transactions::on_response(TransactionId id, const MessageView& response, TimePoint now,
                               Output& out) {
  auto* t = get(id);
  if (!t || !t->is_client()) return false;
  actions_.clear();
  if (auto* invite = std::get_if<InviteClient>(&t->machine)) {
    invite->on_response(response.status(), now, actions_);
  } else {
    std::get<NonInviteClient>(t->machine).on_response(response.status(), now, actions_);
  }
  const bool news = perform(*t, &response, out);
  if (!news) ++counters_.retransmissions_received;
  settle(id.index);
  return news;
}

void Transactions::acknowledge(const Transaction& t, const MessageView& response, Output& out) {
  if (!parse_message(t.message, stored_)) return;  // our own message: cannot fail
  build_ack_to_failure(scratch_, stored_, response);
  out.send(t.flow, scratch_);
}

// --- servers -------------------------------------------------------------------------------------

TransactionId Transactions::start_server(std::string_view key, const MessageView& request,
                                         const Flow& flow, const Owner& owner, TimePoint abandon_at,
                                         TimePoint now) {
  const auto id = insert(key, flow, owner);
  auto& t = slots_.at(id.index);
  if (t.head.capacity() < t.message.capacity()) t.head.swap(t.message);
  t.head = head_of(request);
  t.abandon_at = abandon_at;
  const auto reliability = reliability_of(flow.transport);
  if (request.method() == Method::invite) {
    t.machine.emplace<InviteServer>(timers_, reliability).start(now);
  } else {
    t.machine.emplace<NonInviteServer>(timers_, reliability);
  }
  settle(id.index);
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
  perform(*t, nullptr, out);
}

bool Transactions::on_ack(TransactionId id, TimePoint now, Output& out) {
  auto* t = get(id);
  auto* invite = t ? std::get_if<InviteServer>(&t->machine) : nullptr;
  if (!invite) return false;
  actions_.clear();
  invite->on_ack(now, actions_);
  const bool news = perform(*t, nullptr, out);
  settle(id.index);
  return news;
}

bool Transactions::respond(TransactionId id, int status, std::string_view response, TimePoint now,
                           Output& out) {
  auto* t = get(id);
  if (!t || !t->is_server()) return false;
  actions_.clear();
  auto* invite = std::get_if<InviteServer>(&t->machine);
  const bool taken = invite ? invite->respond(status, now, actions_)
                            : std::get<NonInviteServer>(t->machine).respond(status, now, actions_);
  if (!taken) return false;
  if (status >= 200) {
    t->abandon_at = never;
    if (!invite) {  // nothing else will be built from the request
      t->message.swap(t->head);
      t->head.clear();
    }
  }
  t->message = response;
  perform(*t, nullptr, out);
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
  t.message = scratch_;
  out.send(t.flow, t.message);
}

// --- time and failure ----------------------------------------------------------------------------

void Transactions::on_deadline(TimePoint now, Output& out,
                               std::vector<TransactionReport>& reports) {
  while (deadlines_.next() <= now) expire(deadlines_.first(), now, out, reports);
}

void Transactions::expire(std::uint32_t index, TimePoint now, Output& out,
                          std::vector<TransactionReport>& reports) {
  auto& t = slots_.at(index);
  if (t.abandon_at <= now) {
    t.abandon_at = never;
    reports.push_back({slots_.id_of(index), t.owner, Action::timeout, true});
    return settle(index);
  }
  actions_.clear();
  std::visit(
      [&](auto& machine) {
        if constexpr (requires { machine.on_deadline(now, actions_); })
          machine.on_deadline(now, actions_);
      },
      t.machine);
  if (t.is_client() && contains(actions_, Action::timeout)) {
    ++counters_.timeouts;
    reports.push_back({slots_.id_of(index), t.owner, Action::timeout, false});
  }
  if (contains(actions_, Action::trying)) send_trying(t, out);
  perform(t, nullptr, out);
  settle(index);
}

void Transactions::on_flow_failed(const Flow& flow, std::vector<TransactionReport>& reports) {
  for (auto i = clients_.size(); i-- > 0;) {  // fail() may put the last in the place of this
    const auto& own = slots_.at(clients_[i]).flow;
    if (own.transport != flow.transport) continue;
    const bool concerned = own.connection == ConnectionId::none ? own.remote == flow.remote
                                                                : own.connection == flow.connection;
    if (concerned) fail(clients_[i], reports);
  }
}

void Transactions::fail(std::uint32_t index, std::vector<TransactionReport>& reports) {
  auto& t = slots_.at(index);
  actions_.clear();
  if (auto* invite = std::get_if<InviteClient>(&t.machine)) {
    // An answered INVITE lives on to acknowledge repeated answers, by whatever way they come.
    if (invite->state() == InviteClient::State::accepted) return;
    invite->on_transport_error(actions_);
  } else {
    std::get<NonInviteClient>(t.machine).on_transport_error(actions_);
  }
  if (contains(actions_, Action::transport_error)) {
    ++counters_.transport_errors;
    reports.push_back({slots_.id_of(index), t.owner, Action::transport_error, false});
  }
  settle(index);
}

// True when the message that just came is for the owner.
bool Transactions::perform(Transaction& t, const MessageView* response, Output& out) {
  bool news = false;
  for (const auto action : actions_) {
    if (action == Action::resend) ++counters_.retransmissions_sent;
    if (action == Action::send || action == Action::resend) out.send(t.flow, t.message);
    if (action == Action::acknowledge && response) acknowledge(t, *response, out);
    news = news || action == Action::deliver;
  }
  return news;
}

}  // namespace sip
