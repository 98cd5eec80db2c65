#include "sip/transactions.hpp"

#include <algorithm>
#include <utility>

#include "sip/derived_request.hpp"
#include "sip/message_builder.hpp"

namespace sip {
namespace {

constexpr std::size_t first_buckets = 1024;

std::string_view head_of(const MessageView& message) {
  return message.bytes().substr(0, message.bytes().size() - message.body().size());
}

// Of any machine; the four are told apart once.
template <class Machine, class F>
auto with(Machine& machine, F&& f) {
  if (auto* m = std::get_if<NonInviteServer>(&machine)) return f(*m);
  if (auto* m = std::get_if<NonInviteClient>(&machine)) return f(*m);
  if (auto* m = std::get_if<InviteServer>(&machine)) return f(*m);
  return f(*std::get_if<InviteClient>(&machine));
}

bool contains(const Actions& actions, Action what) {
  return std::ranges::find(actions, what) != actions.end();
}

TimePoint deadline_of(const Transaction& t) {
  const auto next = with(t.machine, [](const auto& m) { return m.next_deadline(); });
  return std::min(next, t.abandon_at);
}

bool waits_for_answer(InviteClient::State state) {
  return state == InviteClient::State::calling || state == InviteClient::State::proceeding;
}

bool is_success(int status) {
  return status >= 200 && status < 300;
}

std::string_view name_of(NonInviteClient::State state) {
  constexpr std::string_view names[] = {"Trying", "Proceeding", "Completed", "Terminated"};
  return names[static_cast<std::size_t>(state)];
}
std::string_view name_of(NonInviteServer::State state) {
  constexpr std::string_view names[] = {"Trying", "Proceeding", "Completed", "Terminated"};
  return names[static_cast<std::size_t>(state)];
}
std::string_view name_of(InviteClient::State state) {
  constexpr std::string_view names[] = {"Calling", "Proceeding", "Completed", "Accepted",
                                        "Terminated"};
  return names[static_cast<std::size_t>(state)];
}
std::string_view name_of(InviteServer::State state) {
  constexpr std::string_view names[] = {"Proceeding", "Completed", "Accepted", "Confirmed",
                                        "Terminated"};
  return names[static_cast<std::size_t>(state)];
}

}  // namespace

std::string_view Transaction::state_name() const {
  return with(machine, [](const auto& m) { return name_of(m.state()); });
}

Transactions::Transactions(const Timers& timers, std::size_t limit, std::uint64_t hash_seed,
                           Counters& counters)
    : timers_(timers),
      limit_(limit),
      hash_seed_(hash_seed),
      counters_(counters),
      buckets_(first_buckets, nothing),
      flow_buckets_(first_buckets, nothing) {}

Transactions::~Transactions() {
  for (std::uint32_t i = 0; i < slots_.slot_count(); ++i)
    for (auto* text : {&slots_.at(i).head, &slots_.at(i).message}) texts_.release(*text);
}

// --- table ---------------------------------------------------------------------------------------

TransactionId Transactions::find(const TransactionKey& key) const {
  for (auto i = buckets_[key.low & (buckets_.size() - 1)]; i != nothing;) {
    const auto& t = slots_.at(i);
    if (t.key == key) return slots_.id_of(i);
    i = t.next_in_bucket;
  }
  return {};
}

TransactionId Transactions::insert(const TransactionKey& key, const Flow& flow, const Owner& owner,
                                   TimePoint now) {
  if (slots_.size() >= buckets_.size()) grow();
  const auto id = slots_.take();
  auto& t = slots_.at(id.index);
  t.flow = flow;
  t.owner = owner;
  t.key = key;
  t.abandon_at = never;
  t.started_at = now;
  link(id.index);
  counters_.transactions = slots_.size();
  return id;
}

void Transactions::link(std::uint32_t index) {
  auto& t = slots_.at(index);
  auto& first = bucket(t.key);
  t.next_in_bucket = std::exchange(first, index);
}

void Transactions::unlink(std::uint32_t index) {
  auto* link = &bucket(slots_.at(index).key);
  while (*link != index) link = &slots_.at(*link).next_in_bucket;
  *link = slots_.at(index).next_in_bucket;
}

// A connection by its id; else where the packets go.
std::uint32_t& Transactions::flow_bucket(const Flow& flow) {
  const auto port =
      std::uint64_t{flow.remote.port} << 16 | std::uint64_t{flow.transport == Transport::udp};
  const auto what = flow.connection == ConnectionId::none
                        ? std::hash<IpAddress>()(flow.remote.ip) ^ port
                        : static_cast<std::uint64_t>(flow.connection) << 1;
  const auto mixed = (what ^ hash_seed_) * 0x9e3779b97f4a7c15u;
  return flow_buckets_[mixed >> 32 & (flow_buckets_.size() - 1)];
}

void Transactions::link_to_flow(std::uint32_t index) {
  auto& t = slots_.at(index);
  auto& first = flow_bucket(t.flow);
  t.previous_on_flow = nothing;
  t.next_on_flow = first;
  if (first != nothing) slots_.at(first).previous_on_flow = index;
  first = index;
}

void Transactions::unlink_from_flow(std::uint32_t index) {
  auto& t = slots_.at(index);
  if (t.next_on_flow != nothing) slots_.at(t.next_on_flow).previous_on_flow = t.previous_on_flow;
  if (t.previous_on_flow != nothing) {
    slots_.at(t.previous_on_flow).next_on_flow = t.next_on_flow;
  } else {
    flow_bucket(t.flow) = t.next_on_flow;
  }
}

void Transactions::grow() {
  buckets_.assign(buckets_.size() * 2, nothing);
  flow_buckets_.assign(buckets_.size(), nothing);
  for (std::uint32_t i = 0; i < slots_.slot_count(); ++i) {
    if (!slots_.live(i)) continue;
    link(i);
    if (slots_.at(i).is_client()) link_to_flow(i);
  }
}

void Transactions::release(std::uint32_t index) {
  auto& t = slots_.at(index);
  unlink(index);
  if (t.is_client()) unlink_from_flow(index);
  deadlines_.remove(index);
  if (newest_ == index) newest_ = nothing;
  t.machine = std::monostate{};
  texts_.release(t.head);
  texts_.release(t.message);
  if (t.to_tag.capacity() > 64) t.to_tag.shrink_to_fit();
  t.to_tag.clear();
  slots_.release(index);
  counters_.transactions = slots_.size();
}

// After each change: the transaction ends, or its next deadline is known.
void Transactions::settle(std::uint32_t index) {
  auto& t = slots_.at(index);
  if (with(t.machine, [](const auto& m) { return m.terminated(); })) return release(index);
  if (newest_ == index) newest_ = nothing;
  deadlines_.set(index, deadline_of(t));
}

void Transactions::arm_newest() const {
  if (newest_ == nothing) return;
  deadlines_.set(newest_, deadline_of(slots_.at(newest_)));
  newest_ = nothing;
}

void Transactions::drop(TransactionId id) {
  if (get(id)) release(id.index);
}

// --- clients -------------------------------------------------------------------------------------

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

// --- servers -------------------------------------------------------------------------------------

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

// --- time and failure ----------------------------------------------------------------------------

void Transactions::on_deadline(TimePoint now, Output& out,
                               std::vector<TransactionReport>& reports) {
  arm_newest();
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
  with(t.machine, [&](auto& m) { m.on_deadline(now, actions_); });
  if (t.is_client() && contains(actions_, Action::timeout)) {
    ++counters_.timeouts;
    reports.push_back({slots_.id_of(index), t.owner, Action::timeout, false});
  }
  if (contains(actions_, Action::trying)) send_trying(t, out);
  perform(t, t.message, out);
  settle(index);
}

void Transactions::on_flow_failed(const Flow& flow, std::vector<TransactionReport>& reports) {
  collect_all_clients_on(flow);
  for (const auto index : failed_) fail(index, reports);
}

std::vector<TransactionId> Transactions::clients_on(const Flow& flow) {
  collect_all_clients_on(flow);
  std::vector<TransactionId> ids;
  for (const auto index : failed_) ids.push_back(slots_.id_of(index));
  return ids;
}

// Into failed_; also those that wait for such a connection.
void Transactions::collect_all_clients_on(const Flow& flow) {
  failed_.clear();
  collect_clients_on(flow);
  if (flow.connection == ConnectionId::none) return;
  auto unopened = flow;
  unopened.connection = ConnectionId::none;
  collect_clients_on(unopened);
}

void Transactions::collect_clients_on(const Flow& flow) {
  for (auto i = flow_bucket(flow); i != nothing; i = slots_.at(i).next_on_flow) {
    const auto& own = slots_.at(i).flow;
    const bool concerned = own.transport == flow.transport && own.connection == flow.connection &&
                           (own.connection != ConnectionId::none || own.remote == flow.remote);
    if (concerned) failed_.push_back(i);
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
bool Transactions::perform(const Transaction& t, std::string_view message, Output& out) {
  bool news = false;
  for (const auto action : actions_) {
    if (action == Action::resend) ++counters_.retransmissions_sent;
    const bool sends = action == Action::send || action == Action::resend;
    if (sends && !message.empty()) out.send(t.flow, message);
    news = news || action == Action::deliver;
  }
  return news;
}

}  // namespace sip
