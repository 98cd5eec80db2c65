// One HTTP connection from its first byte to its last. Shell.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>

#include "gateway/http/router.hpp"
#include "gateway/http/server.hpp"
#include "gateway/log.hpp"

namespace gateway::http {

// What all connections of a server share; outlives them.
struct ConnectionContext {
  const ServerOptions& options;
  Context api;
  log::Limited failures{};
};

// Serves requests until the peer leaves, is idle for too long, or sends what is no HTTP.
boost::asio::awaitable<void> serve(boost::asio::ip::tcp::socket socket, ConnectionContext& context);

// What a connection beyond the limit is told before it is closed.
std::string too_many_connections();

}  // namespace gateway::http
