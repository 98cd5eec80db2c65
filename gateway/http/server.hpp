// The HTTP door: accepts, parses with limits, checks who asks, routes, answers. HTTP/1.1 with
// keep-alive; one coroutine per connection. Shell.
//
// Who is let in: a peer on loopback, when trust_loopback is set and the request comes from no web
// page of elsewhere and through no proxy (Host is an IP literal or "localhost", Origin absent or
// the same, no Forwarded/X-Forwarded-For); everyone else by "Authorization: Bearer <token>".
// /healthz and /readyz are open to all.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <chrono>
#include <cstddef>
#include <memory>
#include <string>

#include "gateway/config.hpp"
#include "gateway/error.hpp"
#include "gateway/http/backend.hpp"
#include "gateway/metrics.hpp"

namespace gateway::http {

struct ServerOptions {
  std::string listen_address = "0.0.0.0";
  std::uint16_t port = 8080;  // 0: any free one, see port()
  std::string token;          // empty: nobody from elsewhere is let in
  bool trust_loopback = true;
  std::size_t max_connections = 256;  // more are answered 503 and closed
  std::size_t max_header_bytes = 16 * 1024;
  std::size_t max_body_bytes = 1024 * 1024;
  std::chrono::milliseconds idle_timeout{30000};
  std::chrono::milliseconds request_timeout{60000};
  // RTSP URLs in answers name the host by which the client reached us, not the backend's.
  bool rtsp_host_of_request = true;
};

// From the configuration and the token that applies (Secrets::http_token).
ServerOptions make_server_options(const Config& config, const std::string& token);

class Server {
 public:
  // `backend` and `metrics` must outlive the server. All calls on the executor's thread.
  Server(boost::asio::any_io_executor executor, ServerOptions options, Backend& backend,
         Metrics& metrics);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Binds, listens and starts to accept. Errors are the system's (address in use, ...).
  Result<void> start();
  std::uint16_t port() const;
  std::size_t connections() const;

  // Closes the listener and every connection; returns when their coroutines have ended.
  boost::asio::awaitable<void> stop();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace gateway::http
