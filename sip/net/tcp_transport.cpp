#include "sip/net/tcp_transport.hpp"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <string>
#include <utility>

#include "sip/net/socket_address.hpp"
#include "sip/stream_framer.hpp"

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace sip::net {
namespace {

constexpr auto as_result = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t read_bytes = 16 * 1024;
constexpr auto sweep_period = std::chrono::seconds(1);
constexpr auto accept_pause = std::chrono::milliseconds(100);  // when there are no descriptors left
constexpr std::string_view pong = "\r\n";

}  // namespace

struct TcpTransport::Connection {
  explicit Connection(asio::io_context& io) : socket(io) {}
  tcp::socket socket;
  Flow flow;    // with its own id
  Flow wanted;  // as the message that opened it asked for, for reports until it is open
  StreamFramer framer;
  std::string queued;          // not given to the kernel yet
  std::string writing;         // what the kernel is being given
  TimePoint close_at = never;  // idle, or the connect has taken too long
  bool connected = false;
  bool is_writing = false;
};

struct TcpTransport::State {
  State(asio::io_context& context, MessageSink& to, const TransportLimits& l, TransportCounters& c)
      : io(context), sink(&to), limits(l), counters(c), sweep_timer(context) {}

  ConnectionPtr add(const Flow& flow) {
    auto connection = std::make_shared<Connection>(io);
    connection->wanted = flow;
    connection->flow = flow;
    connection->flow.connection = ConnectionId{++last_id};
    connections.emplace(connection->flow.connection, connection);
    by_remote[flow.remote] = connection->flow.connection;
    counters.connections = connections.size();
    return connection;
  }
  // Once; the sink learns it in a batch of its own.
  void remove(Connection& connection) {
    if (connections.erase(connection.flow.connection) == 0) return;
    error_code ignored;
    connection.socket.close(ignored);
    const auto known = by_remote.find(connection.flow.remote);
    if (known != by_remote.end() && known->second == connection.flow.connection)
      by_remote.erase(known);
    if (!sink) return;
    counters.connections = connections.size();
    sink->begin_batch();
    if (connection.connected) {
      sink->on_connection_closed(connection.flow);
    } else {
      sink->on_send_failed(connection.wanted);
    }
    sink->end_batch();
  }
  ConnectionPtr find(const Flow& flow) const {
    auto id = flow.connection;
    if (id == ConnectionId::none) {
      const auto known = by_remote.find(flow.remote);
      if (known == by_remote.end()) return nullptr;
      id = known->second;
    }
    const auto found = connections.find(id);
    return found == connections.end() ? nullptr : found->second;
  }
  // Every message that the stream holds whole. False: the stream cannot be cut any further.
  bool deliver(const ConnectionPtr& connection) {
    bool whole = true;
    sink->begin_batch();
    while (sink && connection->socket.is_open()) {
      const auto frame = connection->framer.next();
      if (!frame) {
        ++counters.broken_streams;
        whole = false;
        break;
      }
      if (!*frame) break;
      if ((*frame)->kind == Frame::Kind::message)
        sink->on_message((*frame)->bytes, connection->flow);
      if ((*frame)->kind == Frame::Kind::ping) enqueue(connection, pong);
    }
    if (sink) sink->end_batch();
    return whole;
  }
  void enqueue(const ConnectionPtr& connection, std::string_view message) {
    const auto waiting = connection->queued.size() + connection->writing.size();
    if (waiting + message.size() > limits.queue_bytes) return remove(*connection);  // does not read
    connection->queued += message;
    if (connection->connected && !std::exchange(connection->is_writing, true))
      asio::co_spawn(io, write(self.lock(), connection), asio::detached);
  }
  void touch(Connection& connection) const { connection.close_at = Clock::now() + limits.idle; }

  asio::io_context& io;
  MessageSink* sink;  // null: closed, everything that resumes must end
  const TransportLimits limits;
  TransportCounters& counters;  // only while sink is set
  asio::steady_timer sweep_timer;
  std::vector<std::pair<std::shared_ptr<tcp::acceptor>, Address>> acceptors;
  std::unordered_map<ConnectionId, ConnectionPtr> connections;
  std::unordered_map<Address, ConnectionId> by_remote;  // the latest
  std::weak_ptr<State> self;
  std::uint64_t last_id = 0;
  bool sweeping = false;
};

TcpTransport::TcpTransport(asio::io_context& io, MessageSink& sink, const TransportLimits& limits,
                           TransportCounters& counters)
    : state_(std::make_shared<State>(io, sink, limits, counters)) {
  state_->self = state_;
}

TcpTransport::~TcpTransport() {
  close();
}

boost::system::result<Address> TcpTransport::listen(const Address& at) {
  auto acceptor = std::make_shared<tcp::acceptor>(state_->io);
  error_code ec;
  const auto endpoint = to_tcp(at);
  acceptor->open(endpoint.protocol(), ec);
  if (ec) return ec;
  acceptor->set_option(tcp::acceptor::reuse_address(true), ec);
  if (at.ip.is_v6()) acceptor->set_option(asio::ip::v6_only(true), ec);
  acceptor->bind(endpoint, ec);
  if (!ec) acceptor->listen(asio::socket_base::max_listen_connections, ec);
  if (ec) return ec;
  const auto local = from_endpoint(acceptor->local_endpoint(ec));
  if (ec) return ec;
  state_->acceptors.emplace_back(acceptor, local);
  asio::co_spawn(state_->io, accept(state_, acceptor), asio::detached);
  return local;
}

const Address* TcpTransport::listener_for(bool v6) const {
  for (const auto& [acceptor, local] : state_->acceptors)
    if (local.ip.is_v6() == v6) return &local;
  return nullptr;
}

void TcpTransport::close() {
  state_->sink = nullptr;
  error_code ignored;
  for (auto& [acceptor, local] : state_->acceptors) acceptor->close(ignored);
  state_->acceptors.clear();
  for (auto& [id, connection] : state_->connections) connection->socket.close(ignored);
  state_->connections.clear();
  state_->by_remote.clear();
  state_->sweep_timer.cancel();
}

void TcpTransport::send(const Flow& flow, std::string_view message) {
  auto connection = state_->find(flow);
  if (!connection) {
    const bool may_open = flow.connection == ConnectionId::none && flow.remote.port != 0 &&
                          state_->connections.size() < state_->limits.connections;
    if (!may_open) {
      state_->sink->on_send_failed(flow);
      return;
    }
    connection = state_->add(flow);
    connection->close_at = Clock::now() + state_->limits.connect_within;
    asio::co_spawn(state_->io, connect(state_, connection), asio::detached);
    if (!std::exchange(state_->sweeping, true))
      asio::co_spawn(state_->io, sweep(state_), asio::detached);
  }
  state_->enqueue(connection, message);
}

// --- coroutines: each ends when the state says closed --------------------------------------------

asio::awaitable<void> TcpTransport::accept(StatePtr state, std::shared_ptr<tcp::acceptor> from) {
  while (state->sink && from->is_open()) {
    auto [ec, socket] = co_await from->async_accept(as_result);
    if (!state->sink || !from->is_open()) co_return;
    if (ec) {
      asio::steady_timer pause(state->io, accept_pause);
      co_await pause.async_wait(as_result);
      continue;
    }
    error_code failed;
    Flow flow{Transport::tcp, {}, from_endpoint(socket.remote_endpoint(failed)), {}};
    if (failed) continue;
    flow.local = from_endpoint(socket.local_endpoint(failed));
    if (state->connections.size() >= state->limits.connections) {
      ++state->counters.connections_refused;
      continue;  // closes it
    }
    ++state->counters.connections_accepted;
    auto connection = state->add(flow);
    connection->socket = std::move(socket);
    connection->connected = true;
    connection->close_at = Clock::now() + std::min(state->limits.silent, state->limits.idle);
    asio::co_spawn(state->io, serve(state, connection), asio::detached);
    if (!std::exchange(state->sweeping, true))
      asio::co_spawn(state->io, sweep(state), asio::detached);
  }
}

asio::awaitable<void> TcpTransport::connect(StatePtr state, ConnectionPtr connection) {
  const auto remote = to_tcp(connection->flow.remote);
  auto [ec] = co_await connection->socket.async_connect(remote, as_result);
  if (!state->sink) co_return;
  if (ec || !connection->socket.is_open()) {
    state->remove(*connection);
    co_return;
  }
  ++state->counters.connections_opened;
  error_code ignored;
  connection->flow.local = from_endpoint(connection->socket.local_endpoint(ignored));
  connection->connected = true;
  state->touch(*connection);
  if (!connection->queued.empty() && !std::exchange(connection->is_writing, true))
    asio::co_spawn(state->io, write(state, connection), asio::detached);
  co_await serve(state, connection);
}

asio::awaitable<void> TcpTransport::serve(StatePtr state, ConnectionPtr connection) {
  error_code ignored;
  connection->socket.set_option(tcp::no_delay(true), ignored);
  while (state->sink && connection->socket.is_open()) {
    const auto room = connection->framer.prepare(read_bytes);
    const auto buffer = asio::buffer(room.data(), room.size());
    auto [ec, size] = co_await connection->socket.async_read_some(buffer, as_result);
    if (!state->sink) co_return;
    if (ec || !connection->socket.is_open()) break;
    state->counters.bytes_received += size;
    state->touch(*connection);
    connection->framer.committed(size);
    if (!state->deliver(connection)) break;
  }
  if (state->sink) state->remove(*connection);
}

asio::awaitable<void> TcpTransport::write(StatePtr state, ConnectionPtr connection) {
  while (!connection->queued.empty() && connection->socket.is_open()) {
    connection->writing.swap(connection->queued);
    const auto buffer = asio::buffer(connection->writing);
    auto [ec, size] = co_await asio::async_write(connection->socket, buffer, as_result);
    if (!state->sink) co_return;
    state->counters.bytes_sent += size;
    connection->writing.clear();
    if (ec) {
      state->remove(*connection);
      co_return;
    }
    state->touch(*connection);
  }
  connection->is_writing = false;
}

// Closes what is idle or has not connected in time.
asio::awaitable<void> TcpTransport::sweep(StatePtr state) {
  while (state->sink) {
    state->sweep_timer.expires_after(sweep_period);
    co_await state->sweep_timer.async_wait(as_result);
    if (!state->sink) co_return;
    const auto now = Clock::now();
    std::vector<ConnectionPtr> late;
    for (const auto& [id, connection] : state->connections)
      if (connection->close_at <= now) late.push_back(connection);
    for (const auto& connection : late)
      if (state->sink) state->remove(*connection);
  }
}

}  // namespace sip::net
