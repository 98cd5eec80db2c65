#include "sip/net/connection_table.hpp"

#include <algorithm>
#include <utility>

namespace sip::net {
namespace {

constexpr auto sweep_period = std::chrono::milliseconds(500);

Flow key_of(Transport transport, const Address& remote) {
  Flow key;
  key.transport = transport;
  key.remote = remote;
  return key;
}

}  // namespace

bool ConnectionTable::has_room_for(const IpAddress& accepted) const {
  const auto known = accepted_from_.find(accepted);
  return has_room() &&
         (known == accepted_from_.end() || known->second < limits.connections_per_address);
}

void ConnectionTable::add(const ConnectionPtr& connection) {
  const auto& flow = connection->flow_;
  connections_.emplace(flow.connection, connection);
  const auto key = key_of(flow.transport, flow.remote);
  by_remote_[key] = flow.connection;
  connection->keys_.push_back(key);
  if (connection->accepted_) ++accepted_from_[flow.remote.ip];
  counters->connections = connections_.size();
  if (!std::exchange(sweeping_, true)) sweep();
}

void ConnectionTable::forget(Connection& connection) {
  for (const auto& key : connection.keys_) {
    const auto known = by_remote_.find(key);
    if (known != by_remote_.end() && known->second == connection.flow_.connection)
      by_remote_.erase(known);
  }
  if (!connection.accepted_) return;
  const auto counted = accepted_from_.find(connection.flow_.remote.ip);
  if (counted != accepted_from_.end() && --counted->second == 0) accepted_from_.erase(counted);
}

void ConnectionTable::remove(Connection& connection) {
  const auto found = connections_.find(connection.flow_.connection);
  if (found == connections_.end()) return;
  const auto keep = found->second;
  connections_.erase(found);
  forget(connection);
  const bool was_open = connection.is_open();
  connection.state_ = Connection::State::closed;
  connection.shut();
  if (!sink) return;
  counters->connections = connections_.size();
  if (!was_open && connection.accepted_) return;  // nobody has heard of it
  sink->begin_batch();
  if (was_open) {
    sink->on_connection_closed(connection.flow_);
  } else {
    sink->on_send_failed(connection.wanted_);
  }
  if (sink) sink->end_batch();
}

ConnectionPtr ConnectionTable::find(const Flow& flow) const {
  auto id = flow.connection;
  if (id == ConnectionId::none) {
    const auto known = by_remote_.find(key_of(flow.transport, flow.remote));
    if (known == by_remote_.end()) return nullptr;
    id = known->second;
  }
  const auto found = connections_.find(id);
  return found == connections_.end() ? nullptr : found->second;
}

void ConnectionTable::alias(Connection& connection, const Address& address) {
  const auto key = key_of(connection.flow_.transport, address);
  if (connection.keys_.size() > most_aliases || by_remote_.contains(key)) return;
  by_remote_.emplace(key, connection.flow_.connection);
  connection.keys_.push_back(key);
  ++counters->aliases;
}

void ConnectionTable::flush_later(const ConnectionPtr& connection) {
  if (!std::exchange(connection->dirty_, true)) dirty_.push_back(connection);
}

void ConnectionTable::flush() {
  if (dirty_.empty()) return;
  std::swap(dirty_, flushing_);
  for (const auto& connection : flushing_) {
    connection->dirty_ = false;
    if (!connection->is_closed()) connection->flush();
  }
  flushing_.clear();
}

void ConnectionTable::sweep() {
  sweep_timer_.expires_after(sweep_period);
  sweep_timer_.async_wait([weak = weak_from_this()](boost::system::error_code ec) {
    const auto self = weak.lock();
    if (ec || !self || !self->sink) return;
    self->sweep_once(Clock::now());
    if (self->sink) self->sweep();
  });
}

void ConnectionTable::sweep_once(TimePoint now) {
  std::vector<ConnectionPtr> late, pinged;
  for (const auto& [id, connection] : connections_) {
    if (connection->deadline() <= now) late.push_back(connection);
    if (connection->is_pinged()) pinged.push_back(connection);
  }
  sink->begin_batch();
  for (const auto& connection : pinged)
    if (sink) connection->keep_alive(now);
  for (const auto& connection : late) {
    if (!sink || connection->is_closed()) continue;
    ++counters->connections_timed_out;
    remove(*connection);
  }
  if (sink) sink->end_batch();
}

void ConnectionTable::close() {
  sink = nullptr;
  sweep_timer_.cancel();
  by_remote_.clear();
  accepted_from_.clear();
  dirty_.clear();
  for (auto& [id, connection] : std::exchange(connections_, {})) {
    connection->state_ = Connection::State::closed;
    connection->shut();
  }
}

}  // namespace sip::net
