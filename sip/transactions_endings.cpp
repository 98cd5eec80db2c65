// Transactions: what time and failed connections do to them.
#include "sip/transaction_machines.hpp"

namespace sip {

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
