// All stream connections of a driver, whatever they speak: found by id or by where they lead
// (RFC 3261 18, RFC 5923), counted, bounded, closed when their time is over. Shell.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

#include "sip/net/connection.hpp"
#include "sip/net/message_sink.hpp"
#include "sip/net/transport_limits.hpp"

namespace sip::net {

class ConnectionTable : public std::enable_shared_from_this<ConnectionTable> {
 public:
  static constexpr std::size_t most_aliases = 4;  // of one connection

  ConnectionTable(boost::asio::io_context& context, MessageSink& to, const TransportLimits& given,
                  TransportCounters& counted)
      : io(context), sink(&to), limits(given), counters(&counted), sweep_timer_(context) {}

  // Shared by the connections; `sink` and `counters` only until close().
  boost::asio::io_context& io;
  MessageSink* sink;  // null: closed
  const TransportLimits limits;
  TransportCounters* counters;

  bool has_room() const { return connections_.size() < limits.connections; }
  bool has_room_for(const IpAddress& accepted) const;
  ConnectionId next_id() { return ConnectionId{++last_id_}; }
  void add(const ConnectionPtr& connection);
  // Once; the sink learns it in a batch of its own: as a failed send when it never was open.
  void remove(Connection& connection);
  ConnectionPtr find(const Flow& flow) const;
  // What goes to `address` goes by this connection from now on, unless another leads there.
  void alias(Connection& connection, const Address& address);

  void flush_later(const ConnectionPtr& connection);
  // Everything that waits for the end of the turn.
  void flush();
  // Where one read of one connection may go: all share it.
  std::span<char> read_buffer() { return {buffer_.get(), buffer_size}; }
  void close();

 private:
  static constexpr std::size_t buffer_size = 64 * 1024;

  void forget(Connection& connection);
  void sweep();
  void sweep_once(TimePoint now);

  boost::asio::steady_timer sweep_timer_;
  std::unordered_map<ConnectionId, ConnectionPtr> connections_;
  std::unordered_map<Flow, ConnectionId> by_remote_;  // keys have transport and remote only
  std::unordered_map<IpAddress, std::size_t> accepted_from_;
  std::vector<ConnectionPtr> dirty_, flushing_;
  std::unique_ptr<char[]> buffer_{new char[buffer_size]};
  std::uint64_t last_id_ = 0;
  bool sweeping_ = false;
};

}  // namespace sip::net
