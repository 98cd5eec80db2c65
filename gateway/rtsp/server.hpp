// The RTSP server (RFC 2326, and the SAT>IP dialect): accepts connections and keeps them within
// their limits. Shell; one thread, that of its executor.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/system/result.hpp>
#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "gateway/rtsp/live_viewer.hpp"
#include "gateway/rtsp/moved_connection.hpp"
#include "gateway/rtsp/server_options.hpp"
#include "gateway/stream_source.hpp"

namespace gateway::rtsp {

struct ServerState;
class Connection;

class Server {
 public:
  // `source` outlives it, and so does every stream that it opens.
  Server(boost::asio::any_io_executor executor, StreamSource& source, ServerOptions options,
         ServerLog log = {});
  // Stops. Coroutines that wait for the source at that time end with the io_context.
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Opens the sockets and begins to accept. The error is that of the socket; `what` in the log says
  // which.
  boost::system::result<void> start();
  // Before start(): for connections whose stream lives on another server's shard.
  void set_mover(Mover mover);
  // A connection that another server has sent. On this one's thread.
  void adopt(MovedConnection&& moved);
  // Says BYE to all viewers, closes all connections, lets go of all sources. Idempotent.
  void stop();

  std::uint16_t port() const { return port_; }
  std::vector<ViewerFigures> viewers() const;
  std::vector<Departure> departures() const;  // the last hundred, oldest first
  std::size_t connections() const;
  std::size_t sessions() const;
  ServerCounters counters() const;

 private:
  struct Listening;
  std::shared_ptr<Listening> listening_;  // shared with the accepting coroutines
  std::uint16_t port_ = 0;
};

}  // namespace gateway::rtsp
