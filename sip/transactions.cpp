// Transactions: the table.
#include "sip/transactions.hpp"

#include <algorithm>
#include <utility>

#include "sip/transaction_machines.hpp"

namespace sip {
namespace {

constexpr std::size_t first_buckets = 1024;

TimePoint deadline_of(const Transaction& t) {
  const auto next = with(t.machine, [](const auto& m) { return m.next_deadline(); });
  return std::min(next, t.abandon_at);
}

}  // namespace

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

}  // namespace sip
