#include "rtp/net/tcp_port.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>

#include "rtp/net/udp_port.hpp"

namespace rtp::net {

namespace asio = boost::asio;
using tcp = asio::ip::tcp;
using boost::system::error_code;

// Handlers hold the Impl; the generations tell those of an earlier attempt from the current.
struct TcpPort::Impl : std::enable_shared_from_this<TcpPort::Impl>, TcpConnectionUser {
  Impl(asio::any_io_executor e, TcpPortUser& u, TcpPortOptions o)
      : executor(std::move(e)),
        user(&u),
        options(std::move(o)),
        acceptor(executor),
        socket(executor),
        timer(executor) {}

  Result<void> listen(const tcp::endpoint& at);
  error_code try_listen(const tcp::endpoint& at);
  void accept();
  void on_accepted(tcp::socket&& incoming);
  bool welcome(const tcp::endpoint& from) const;

  void connect();
  error_code prepare_socket();
  void arm(std::int64_t after_ns, void (Impl::*then)());
  void on_connect_done(const error_code& error);
  void on_connect_timeout();
  void fail_attempt(const error_code& error);

  bool connected() const { return connection && connection->is_open(); }
  void adopt(tcp::socket&& with);
  void on_packets(TcpConnection&, std::span<Slice> packets, std::int64_t arrival_ns) override;
  void on_end(TcpConnection&, const error_code& error, const std::string& reason) override;
  void close();

  asio::any_io_executor executor;
  TcpPortUser* user;
  TcpPortOptions options;
  tcp::acceptor acceptor;
  tcp::socket socket;  // that is being connected
  asio::steady_timer timer;
  tcp::endpoint remote;
  std::uint16_t bind_port = 0;
  int attempts = 0;
  std::uint64_t generation = 0;  // of the attempt to connect
  std::uint64_t listening = 0;   // of the acceptor
  std::optional<TcpConnection> connection;
  Counters counters;
};

// ---- passive ----

Result<void> TcpPort::Impl::listen(const tcp::endpoint& at) {
  if (const auto error = try_listen(at)) {
    close();
    return error;
  }
  accept();
  return {};
}

error_code TcpPort::Impl::try_listen(const tcp::endpoint& at) {
  error_code error;
  acceptor.open(at.protocol(), error);
  if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor.bind(at, error);
  if (!error) acceptor.listen(8, error);
  return error;
}

void TcpPort::Impl::accept() {
  auto on_accept = [self = shared_from_this(), mine = listening](const error_code& error,
                                                                 tcp::socket incoming) {
    if (mine != self->listening || error == asio::error::operation_aborted) return;
    if (!error) self->on_accepted(std::move(incoming));
    if (mine == self->listening) self->accept();
  };
  acceptor.async_accept(std::move(on_accept));
}

// A sender that lost its power leaves a connection that looks alive; it must not keep the next out.
// Nor must one that has not sent a packet yet: cameras send as soon as they are connected.
bool TcpPort::Impl::welcome(const tcp::endpoint& from) const {
  const bool taken = connected() && connection->counters().packets > 0 &&
                     steady_now_ns() - connection->heard_ns() < options.takeover_ns;
  return !taken && (!options.only_from || *options.only_from == from.address());
}

void TcpPort::Impl::on_accepted(tcp::socket&& incoming) {
  error_code error;
  const auto from = incoming.remote_endpoint(error);
  if (error || !welcome(from)) {
    ++counters.refused_connections;
    return;  // closes it
  }
  adopt(std::move(incoming));
}

// ---- active ----

void TcpPort::Impl::connect() {
  ++attempts;
  const auto mine = ++generation;
  if (const auto error = prepare_socket()) {
    // As everywhere, the user hears of it later, not inside its own call.
    asio::post(executor, [self = shared_from_this(), mine, error] {
      if (mine == self->generation) self->fail_attempt(error);
    });
    return;
  }
  arm(options.connect_timeout_ns, &Impl::on_connect_timeout);
  socket.async_connect(remote, [self = shared_from_this(), mine](const error_code& error) {
    if (mine == self->generation) self->on_connect_done(error);
  });
}

error_code TcpPort::Impl::prepare_socket() {
  error_code error;
  socket.close(error);
  socket.open(remote.protocol(), error);
  if (error || bind_port == 0) return error;
  socket.set_option(tcp::socket::reuse_address(true), error);
  if (!error) socket.bind({remote.protocol(), bind_port}, error);
  return error;
}

void TcpPort::Impl::arm(std::int64_t after_ns, void (Impl::*then)()) {
  timer.expires_after(std::chrono::nanoseconds(after_ns));
  timer.async_wait([self = shared_from_this(), mine = generation, then](const error_code& error) {
    if (!error && mine == self->generation) ((*self).*then)();
  });
}

void TcpPort::Impl::on_connect_done(const error_code& error) {
  timer.cancel();
  if (error) return fail_attempt(error);
  adopt(std::move(socket));
}

void TcpPort::Impl::on_connect_timeout() {
  fail_attempt(asio::error::timed_out);
}

void TcpPort::Impl::fail_attempt(const error_code& error) {
  ++counters.connect_failures;
  ++generation;
  error_code ignored;
  socket.close(ignored);
  if (attempts < options.connect_attempts) return arm(options.retry_pause_ns, &Impl::connect);
  const auto reason = "no media connection to " + text(remote) + " after " +
                      std::to_string(attempts) + " attempts: " + error.message();
  user->on_end(make_error_code(Errc::connect_failed), reason);
}

// ---- the connection ----

void TcpPort::Impl::adopt(tcp::socket&& with) {
  ++generation;
  ++counters.connections;
  connection.emplace(std::move(with), *this, options.connection);
  user->on_connected(connection->peer());
}

// The user may destroy the port meanwhile, which must not destroy what called it.
void TcpPort::Impl::on_packets(TcpConnection&, std::span<Slice> packets, std::int64_t arrival_ns) {
  const auto kept = shared_from_this();
  user->on_packets(packets, arrival_ns);
}

void TcpPort::Impl::on_end(TcpConnection&, const error_code& error, const std::string& reason) {
  const auto kept = shared_from_this();
  user->on_end(error, reason);
}

void TcpPort::Impl::close() {
  ++generation;
  ++listening;
  if (connection) connection->close();
  error_code ignored;
  acceptor.close(ignored);
  socket.close(ignored);
  timer.cancel();
}

// ---- TcpPort ----

TcpPort::TcpPort(asio::any_io_executor executor, TcpPortUser& user, TcpPortOptions options)
    : impl_(std::make_shared<Impl>(std::move(executor), user, std::move(options))) {}

TcpPort::~TcpPort() {
  close();
}

TcpPort::TcpPort(TcpPort&&) noexcept = default;

TcpPort& TcpPort::operator=(TcpPort&& other) noexcept {
  if (this != &other) {
    close();
    impl_ = std::move(other.impl_);
  }
  return *this;
}

Result<void> TcpPort::listen(const asio::ip::address& address, std::uint16_t port) {
  close();
  return impl_->listen({address, port});
}

void TcpPort::connect(const tcp::endpoint& to, std::uint16_t local_port) {
  // A listening port goes on listening: whichever side succeeds first makes the connection.
  if (!impl_->acceptor.is_open()) close();
  if (impl_->connected()) return;
  impl_->remote = to;
  impl_->bind_port = local_port;
  impl_->attempts = 0;
  impl_->connect();
}

void TcpPort::close() {
  if (impl_) impl_->close();
}

bool TcpPort::is_connected() const {
  return impl_->connected();
}

std::uint16_t TcpPort::local_port() const {
  error_code ignored;
  if (impl_->acceptor.is_open()) return impl_->acceptor.local_endpoint(ignored).port();
  if (impl_->connected()) return impl_->connection->local_port();
  return impl_->socket.is_open() ? impl_->socket.local_endpoint(ignored).port() : std::uint16_t{0};
}

std::optional<tcp::endpoint> TcpPort::peer() const {
  return impl_->connected() ? std::optional(impl_->connection->peer()) : std::nullopt;
}

Result<void> TcpPort::send(std::span<const std::uint8_t> packet) {
  if (!impl_->connected()) return Errc::not_open;
  return impl_->connection->send(packet);
}

const TcpPort::Counters& TcpPort::counters() const {
  return impl_->counters;
}

TcpConnectionCounters TcpPort::connection_counters() const {
  return impl_->connection ? impl_->connection->counters() : TcpConnectionCounters{};
}

TcpFramer::Counters TcpPort::framer_counters() const {
  return impl_->connection ? impl_->connection->framer().counters() : TcpFramer::Counters{};
}

std::string TcpPort::describe() const {
  const auto place = "tcp port " + std::to_string(local_port()) + ": ";
  if (!impl_->connection) return place + "no connection";
  return place +
         (impl_->connected() ? "connected to " + text(impl_->connection->peer())
                             : std::string("no connection")) +
         ", " + std::to_string(connection_counters().bytes) + " bytes, " +
         impl_->connection->framer().describe();
}

}  // namespace rtp::net
