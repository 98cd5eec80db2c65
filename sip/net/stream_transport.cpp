#include "sip/net/stream_transport.hpp"

#include <algorithm>
#include <boost/asio/ip/v6_only.hpp>
#include <utility>

#include "sip/net/socket_address.hpp"
#include "sip/net/stream_connection.hpp"
#include "sip/net/ws_connection.hpp"

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace sip::net {
namespace {

constexpr auto accept_pause = std::chrono::milliseconds(100);  // when there are no descriptors left
constexpr std::size_t most_servers = 10'000;                   // names kept for their addresses

bool is_websocket(Transport transport) {
  return transport == Transport::ws || transport == Transport::wss;
}

error_code open_acceptor(tcp::acceptor& acceptor, const Address& at) {
  error_code ec;
  const auto endpoint = to_tcp(at);
  if (acceptor.open(endpoint.protocol(), ec); ec) return ec;
  acceptor.set_option(tcp::acceptor::reuse_address(true), ec);
  if (at.ip.is_v6()) acceptor.set_option(asio::ip::v6_only(true), ec);
  if (acceptor.bind(endpoint, ec); ec) return ec;
  acceptor.listen(asio::socket_base::max_listen_connections, ec);
  return ec;
}

}  // namespace

struct StreamTransport::Listener {
  explicit Listener(asio::io_context& io) : acceptor(io), pause(io) {}
  tcp::acceptor acceptor;
  asio::steady_timer pause;
  ListenOn where;
  Address local;
};

StreamTransport::StreamTransport(asio::io_context& io, MessageSink& sink,
                                 const TransportLimits& limits, TransportCounters& counters)
    : io_(io), table_(std::make_shared<ConnectionTable>(io, sink, limits, counters)) {}

StreamTransport::~StreamTransport() {
  close();
}

boost::system::result<Address> StreamTransport::listen(const ListenOn& where) {
  if (is_secure(where.transport) && (!where.tls || !where.tls->can_accept()))
    return make_error_code(boost::system::errc::invalid_argument);
  auto listener = std::make_shared<Listener>(io_);
  if (const auto ec = open_acceptor(listener->acceptor, where.at)) return ec;
  error_code ec;
  listener->local = from_endpoint(listener->acceptor.local_endpoint(ec));
  if (ec) return ec;
  listener->where = where;
  listeners_.push_back(listener);
  accept(listener);
  return listener->local;
}

void StreamTransport::name_server(const Address& address, std::string domain) {
  if (servers_.size() >= most_servers && !servers_.contains(address))
    servers_.erase(servers_.begin());
  servers_[address] = std::move(domain);
}

const std::string& StreamTransport::server_at(const Address& address) const {
  static const std::string by_address;
  const auto known = servers_.find(address);
  return known == servers_.end() ? by_address : known->second;
}

const Address* StreamTransport::listener_for(Transport transport, bool v6) const {
  for (const auto& listener : listeners_)
    if (listener->where.transport == transport && listener->local.ip.is_v6() == v6)
      return &listener->local;
  return nullptr;
}

bool StreamTransport::listens(bool v6) const {
  return std::ranges::any_of(
      listeners_, [v6](const auto& listener) { return listener->local.ip.is_v6() == v6; });
}

void StreamTransport::close() {
  error_code ignored;
  for (const auto& listener : listeners_) {
    listener->acceptor.close(ignored);
    listener->pause.cancel();
  }
  listeners_.clear();
  table_->close();
}

// --- accepting -----------------------------------------------------------------------------------

void StreamTransport::accept(std::shared_ptr<Listener> listener) {
  auto& acceptor = listener->acceptor;
  // After close() the transport may be gone when this completes; only the listener is looked at.
  acceptor.async_accept([this, listener](error_code ec, tcp::socket socket) {
    if (!listener->acceptor.is_open()) return;
    if (!ec) {
      on_accepted(*listener, std::move(socket));
      if (listener->acceptor.is_open()) accept(listener);
      return;
    }
    listener->pause.expires_after(accept_pause);
    listener->pause.async_wait([this, listener](error_code stopped) {
      if (!stopped && listener->acceptor.is_open()) accept(listener);
    });
  });
}

void StreamTransport::on_accepted(const Listener& listener, tcp::socket socket) {
  error_code ec;
  Flow flow{listener.where.transport, {}, from_endpoint(socket.remote_endpoint(ec)), {}};
  if (!ec) flow.local = from_endpoint(socket.local_endpoint(ec));
  if (!ec) socket.non_blocking(true, ec);
  if (ec) return;
  if (!table_->has_room_for(flow.remote.ip)) {
    ++table_->counters->connections_refused;
    return;  // closes it
  }
  ++table_->counters->connections_accepted;
  flow.connection = table_->next_id();
  ByteStream stream(std::move(socket));
  ConnectionPtr connection;
  if (is_websocket(flow.transport)) {
    connection = accept_websocket(table_, std::move(stream), flow);
  } else {
    connection = std::make_shared<StreamConnection>(table_, std::move(stream), flow,
                                                    Connection::Origin::accepted);
  }
  table_->add(connection);
  connection->start_accepted(is_secure(flow.transport) ? listener.where.tls->accept()
                                                       : TlsSession{});
}

// --- sending -------------------------------------------------------------------------------------

// A connection that was proven to lead to another server does not lead to this one.
ConnectionPtr StreamTransport::find(const Flow& flow) const {
  auto found = table_->find(flow);
  const bool named = found && flow.connection != ConnectionId::none;
  if (!found || named || !is_secure(flow.transport) || found->was_accepted()) return found;
  return found->domain() == server_at(flow.remote) ? found : nullptr;
}

ConnectionPtr StreamTransport::open(const Flow& flow) {
  const bool secure = is_secure(flow.transport);
  if (flow.connection != ConnectionId::none || flow.remote.port == 0) return nullptr;
  if (!table_->has_room() || (secure && !client_tls_)) return nullptr;
  auto numbered = flow;
  numbered.connection = table_->next_id();
  ByteStream stream{tcp::socket(io_)};
  ConnectionPtr connection;
  if (is_websocket(flow.transport)) {
    connection = connect_websocket(table_, std::move(stream), numbered);
  } else {
    connection = std::make_shared<StreamConnection>(table_, std::move(stream), numbered,
                                                    Connection::Origin::ours);
  }
  table_->add(connection);
  const auto& server = server_at(flow.remote);
  connection->start_connecting(secure ? client_tls_->connect(server) : TlsSession{}, server,
                               secure && client_tls_->verifies_servers());
  return connection;
}

void StreamTransport::keep_alive(const Flow& flow, Duration every) {
  if (const auto connection = table_->find(flow)) connection->ping_each(every);
}

void StreamTransport::send(const Flow& flow, std::string_view message) {
  auto connection = find(flow);
  if (!connection) connection = open(flow);
  if (connection) return connection->send(message);
  if (table_->sink) table_->sink->on_send_failed(flow);
}

}  // namespace sip::net
