#include "gateway/rtsp/server.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <deque>

#include "gateway/rtsp/connection.hpp"

namespace gateway::rtsp {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

constexpr auto tick_interval = std::chrono::milliseconds(250);
constexpr auto accept_pause = std::chrono::milliseconds(100);

}  // namespace

struct Server::Listening : std::enable_shared_from_this<Server::Listening> {
  Listening(asio::any_io_executor executor_, StreamSource& source, ServerOptions options,
            ServerLog log)
      : executor(executor_),
        state(std::make_shared<ServerState>(executor_, source, std::move(options), std::move(log))),
        timer(executor_) {}

  error_code listen(const std::string& address, std::uint16_t port);
  error_code open_udp();
  asio::awaitable<void> accept_loop(tcp::acceptor& acceptor);
  asio::awaitable<void> tick_loop();
  void admit(tcp::socket socket);
  void serve(tcp::socket socket, const MovedConnection& moved);
  void on_session_over(const Session& session, const std::string& reason);

  asio::any_io_executor executor;
  std::shared_ptr<ServerState> state;
  std::deque<tcp::acceptor> acceptors;
  asio::steady_timer timer;
  std::unordered_map<std::uint64_t, std::shared_ptr<Connection>> connections;
  std::uint64_t last_number = 0;
};

error_code Server::Listening::listen(const std::string& address, std::uint16_t port) {
  error_code error;
  const auto ip = asio::ip::make_address(address, error);
  if (error) return error;
  tcp::acceptor acceptor(executor);
  const tcp::endpoint at(ip, port);
  acceptor.open(at.protocol(), error);
  if (error) return error;
  error_code ignored;
  acceptor.set_option(tcp::acceptor::reuse_address(true), ignored);
  if (ip.is_v6()) acceptor.set_option(asio::ip::v6_only(false), ignored);
  acceptor.bind(at, error);
  if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (!error) acceptors.push_back(std::move(acceptor));
  return error;
}

error_code Server::Listening::open_udp() {
  const auto& options = state->options;
  if (!options.udp || options.listen_addresses.empty()) return {};
  error_code error;
  const auto ip = asio::ip::make_address(options.listen_addresses.front(), error);
  if (error) return error;
  const auto opened =
      state->udp.open(ip, options.udp_first_port, options.udp_pairs, options.udp_send_buffer_bytes);
  if (!opened) return opened.error();
  state->context.udp_ports = state->udp.ports();
  return {};
}

asio::awaitable<void> Server::Listening::accept_loop(tcp::acceptor& acceptor) {
  const auto self = shared_from_this();
  while (!state->stopped) {
    auto [error, socket] = co_await acceptor.async_accept(asio::as_tuple(asio::use_awaitable));
    if (state->stopped) co_return;
    if (!error) {
      admit(std::move(socket));
      continue;
    }
    // Out of descriptors, most likely: those that are open go on, new ones wait.
    asio::steady_timer pause(executor, accept_pause);
    co_await pause.async_wait(asio::as_tuple(asio::use_awaitable));
  }
}

void Server::Listening::admit(tcp::socket socket) {
  auto& total = state->options.shared->connections;
  if (total >= state->options.connections_max) {
    ++state->counters.refused_connections;
    return;  // the socket closes
  }
  ++total;
  ++state->counters.connections;
  serve(std::move(socket), {});
}

void Server::Listening::serve(tcp::socket socket, const MovedConnection& moved) {
  const auto number = ++last_number;
  auto connection = std::make_shared<Connection>(state, std::move(socket), number, moved);
  connections.emplace(number, connection);
  auto over = [weak = weak_from_this(), shared = state->options.shared, connection,
               number](std::exception_ptr failure) {
    if (!connection->moved()) --shared->connections;
    const auto self = weak.lock();
    if (!self) return;
    if (failure) self->state->log(ServerLogLevel::warning, "a connection ended in an exception");
    self->connections.erase(number);
  };
  asio::co_spawn(executor, connection->run(), std::move(over));
}

asio::awaitable<void> Server::Listening::tick_loop() {
  const auto self = shared_from_this();
  while (!state->stopped) {
    timer.expires_after(tick_interval);
    co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
    if (state->stopped) co_return;
    const auto now = Clock::now();
    state->viewers.tick(now);
    for (const auto& [number, connection] : connections) connection->tick(now);
  }
}

void Server::Listening::on_session_over(const Session& session, const std::string& reason) {
  state->log(ServerLogLevel::info,
             "session " + session.id() + " of " + session.stream().name() + " over: " + reason);
  ++state->counters.lost_sessions;
  const auto found = connections.find(session.connection());
  if (found != connections.end()) found->second->on_session_over(reason);
}

Server::Server(asio::any_io_executor executor, StreamSource& source, ServerOptions options,
               ServerLog log)
    : listening_(std::make_shared<Listening>(std::move(executor), source, std::move(options),
                                             std::move(log))) {}

Server::~Server() {
  stop();
}

boost::system::result<void> Server::start() {
  auto& listening = *listening_;
  auto& state = *listening.state;
  state.on_session_over = [weak = std::weak_ptr(listening_)](const Session& session,
                                                             const std::string& reason) {
    if (const auto self = weak.lock()) self->on_session_over(session, reason);
  };
  for (const auto& address : state.options.listen_addresses) {
    if (!state.options.accepts) break;
    if (const auto error = listening.listen(address, port_ ? port_ : state.options.port)) {
      state.log(ServerLogLevel::warning, "cannot listen on " + address + " port " +
                                             std::to_string(state.options.port) + ": " +
                                             error.message());
      return error;
    }
    port_ = listening.acceptors.back().local_endpoint().port();
  }
  if (const auto error = listening.open_udp()) {
    state.log(ServerLogLevel::warning, "cannot open the UDP ports: " + error.message());
    return error;
  }
  for (auto& acceptor : listening.acceptors)
    asio::co_spawn(listening.executor, listening.accept_loop(acceptor), asio::detached);
  asio::co_spawn(listening.executor, listening.tick_loop(), asio::detached);
  return {};
}

void Server::set_mover(Mover mover) {
  listening_->state->move = std::move(mover);
}

void Server::adopt(MovedConnection&& moved) {
  auto& state = *listening_->state;
  error_code error;
  tcp::socket socket(listening_->executor);
  if (!state.stopped) socket.assign(moved.protocol, moved.descriptor, error);
  if (state.stopped || error) {
    --state.options.shared->connections;
    return;  // the descriptor closes
  }
  moved.descriptor = -1;
  ++state.counters.moved_connections;
  listening_->serve(std::move(socket), moved);
}

void Server::stop() {
  auto& state = *listening_->state;
  if (state.stopped) return;
  state.viewers.clear("the server stops");
  state.stopped = true;
  error_code ignored;
  for (auto& acceptor : listening_->acceptors) acceptor.close(ignored);
  listening_->timer.cancel();
  const auto connections = listening_->connections;
  for (const auto& [number, connection] : connections) connection->close("the server stops");
  std::vector<std::shared_ptr<Session>> sessions;
  state.sessions.for_each(
      [&](Session& session) { sessions.push_back(state.sessions.find(session.id())); });
  for (const auto& session : sessions) state.sessions.erase(*session);
  state.udp.close();
}

std::vector<ViewerFigures> Server::viewers() const {
  return listening_->state->viewers.figures();
}

std::vector<Departure> Server::departures() const {
  const auto& departures = listening_->state->viewers.departures();
  return {departures.begin(), departures.end()};
}

std::size_t Server::connections() const {
  return listening_->connections.size();
}

std::size_t Server::sessions() const {
  return listening_->state->sessions.size();
}

ServerCounters Server::counters() const {
  auto counters = listening_->state->counters;
  const auto totals = listening_->state->viewers.totals();
  counters.skipped_units = totals.skipped_units;
  counters.skips = totals.skips;
  counters.slow_viewers = totals.too_slow;
  return counters;
}

}  // namespace gateway::rtsp
