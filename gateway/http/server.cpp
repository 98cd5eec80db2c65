#include "gateway/http/server.hpp"

#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include "gateway/http/connection.hpp"
#include "gateway/log.hpp"
#include "gateway/task_group.hpp"

namespace gateway::http {

namespace asio = boost::asio;
using asio::ip::tcp;

struct Server::Impl {
  Impl(asio::any_io_executor e, ServerOptions o, Backend& backend, Metrics& metrics)
      : executor(std::move(e)),
        options(std::move(o)),
        context{options, {backend, metrics}},
        acceptor(executor),
        tasks(executor, "http") {
    connections =
        metrics.on_render(MetricKind::gauge, "gbgate_http_connections", "HTTP connections open", {},
                          [this] { return static_cast<double>(open_connections); });
  }

  Result<void> listen();
  asio::awaitable<void> accept();
  asio::awaitable<void> serve_one(tcp::socket socket);
  void turn_away(tcp::socket socket);

  asio::any_io_executor executor;
  ServerOptions options;
  ConnectionContext context;
  tcp::acceptor acceptor;
  std::size_t open_connections = 0;
  log::Limited accept_errors;
  Metrics::Callback connections;
  TaskGroup tasks;  // last: its tasks use all the above
};

namespace {

// Counts a connection for as long as its coroutine lives, however that ends.
struct Counted {
  explicit Counted(std::size_t& n) : number(n) { ++number; }
  ~Counted() { --number; }
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;
  std::size_t& number;
};

}  // namespace

Result<void> Server::Impl::listen() {
  boost::system::error_code error;
  const auto address = asio::ip::make_address(options.listen_address, error);
  if (error) return error;
  const tcp::endpoint local(address, options.port);
  acceptor.open(local.protocol(), error);
  if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error && address.is_v6()) acceptor.set_option(asio::ip::v6_only(false), error);
  if (!error) acceptor.bind(local, error);
  if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (!error) return {};
  boost::system::error_code ignored;
  acceptor.close(ignored);
  return error;
}

asio::awaitable<void> Server::Impl::accept() {
  while (true) {
    boost::system::error_code error;
    tcp::socket socket =
        co_await acceptor.async_accept(asio::redirect_error(asio::use_awaitable, error));
    if (error == asio::error::operation_aborted) co_return;
    if (error) {
      accept_errors.at(log::Level::warn, "http", "cannot accept error={:?}", error.message());
      asio::steady_timer pause(executor, std::chrono::milliseconds(100));
      co_await pause.async_wait(asio::use_awaitable);
    } else if (open_connections >= options.max_connections) {
      turn_away(std::move(socket));
    } else {
      tasks.start("connection", serve_one(std::move(socket)));
    }
  }
}

asio::awaitable<void> Server::Impl::serve_one(tcp::socket socket) {
  const Counted counted(open_connections);
  co_await serve(std::move(socket), context);
}

void Server::Impl::turn_away(tcp::socket socket) {
  accept_errors.at(log::Level::warn, "http", "too many connections limit={}",
                   options.max_connections);
  boost::system::error_code ignored;
  socket.non_blocking(true, ignored);
  socket.write_some(asio::buffer(too_many_connections()), ignored);
  socket.shutdown(tcp::socket::shutdown_send, ignored);
}

ServerOptions make_server_options(const Config& config, const std::string& token) {
  ServerOptions options;
  options.listen_address = config.http.listen_address;
  options.port = config.http.port;
  options.token = token;
  options.trust_loopback = config.server.trust_loopback;
  options.max_connections = config.http.max_connections;
  options.max_header_bytes = config.http.max_header_bytes;
  options.max_body_bytes = config.http.max_body_bytes;
  options.idle_timeout = config.http.idle_timeout;
  options.request_timeout = config.http.request_timeout;
  options.rtsp_host_of_request = config.rtsp.advertised_address.empty();
  return options;
}

Server::Server(asio::any_io_executor executor, ServerOptions options, Backend& backend,
               Metrics& metrics)
    : impl_(std::make_unique<Impl>(std::move(executor), std::move(options), backend, metrics)) {}

Server::~Server() = default;

Result<void> Server::start() {
  if (auto listening = impl_->listen(); !listening) return listening.error();
  impl_->tasks.start("accept", impl_->accept());
  return {};
}

std::uint16_t Server::port() const {
  boost::system::error_code ignored;
  return impl_->acceptor.local_endpoint(ignored).port();
}

std::size_t Server::connections() const {
  return impl_->open_connections;
}

asio::awaitable<void> Server::stop() {
  boost::system::error_code ignored;
  impl_->acceptor.close(ignored);
  impl_->tasks.cancel();
  co_await impl_->tasks.join();
}

}  // namespace gateway::http
