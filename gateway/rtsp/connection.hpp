// One RTSP connection: a coroutine that moves bytes between the socket, the Framer and the
// Dialogue, and does what the Dialogue asks for. Shell.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <cstdint>
#include <memory>
#include <string>

#include "gateway/rtsp/dialogue.hpp"
#include "gateway/rtsp/framer.hpp"
#include "gateway/rtsp/interleaved_writer.hpp"
#include "gateway/rtsp/moved_connection.hpp"
#include "gateway/rtsp/server_options.hpp"
#include "gateway/rtsp/viewers.hpp"
#include "gateway/stream_source.hpp"

namespace gateway::rtsp {

// What connections share. Held by each of them, because a coroutine that waits for a source may
// outlive the server; after `stopped` they touch nothing but this.
struct ServerState {
  ServerState(boost::asio::any_io_executor executor, StreamSource& source_, ServerOptions options_,
              ServerLog log_);

  void log(ServerLogLevel level, const std::string& text) const {
    if (log_to) log_to(level, text);
  }

  ServerOptions options;
  ServerLog log_to;
  StreamSource& source;
  UdpSender udp;
  SessionTable sessions;
  Authenticator authenticator;
  DialogueContext context;
  Viewers viewers;
  ServerCounters counters;
  // Told when a session has ended for another reason than TEARDOWN.
  std::function<void(const Session& session, const std::string& reason)> on_session_over;
  // Takes connections to other servers; may be empty.
  Mover move;
  bool stopped = false;
};

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  // `moved`: what it said elsewhere and nobody has answered.
  Connection(std::shared_ptr<ServerState> server, boost::asio::ip::tcp::socket socket,
             std::uint64_t number, const MovedConnection& moved = {});
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  std::uint64_t number() const { return number_; }
  // Until the peer leaves, an error, or close(). Frees its sessions.
  boost::asio::awaitable<void> run();
  // Ends it soon. The first reason counts.
  void close(const std::string& reason);
  void tick(TimePoint now);
  // It lives on another server now.
  bool moved() const { return moved_; }
  // One of its sessions was ended by us: without another one, there is nothing left to say.
  void on_session_over(const std::string& reason);

 private:
  boost::asio::awaitable<void> converse();
  boost::asio::awaitable<void> take_frames();
  boost::asio::awaitable<void> handle(const Framer::Frame& frame);
  // `text` is all of the request as it came.
  boost::asio::awaitable<void> answer(const Request& request, std::string_view text);
  bool can_move() const;
  std::optional<unsigned> shard_of_session(const Request& request) const;
  boost::asio::awaitable<void> move(unsigned shard, std::string_view text);
  boost::asio::awaitable<OpenResult> open(std::string path, std::string query);
  void perform(Dialogue::Reply reply);
  void on_interleaved(const Framer::Frame& frame);
  void count(int status);
  void leave();

  std::shared_ptr<ServerState> server_;
  boost::asio::ip::tcp::socket socket_;
  std::uint64_t number_;
  boost::asio::ip::address address_;
  std::string peer_;
  Framer framer_;
  Dialogue dialogue_;
  std::shared_ptr<InterleavedWriter> writer_;
  TimePoint last_received_;
  bool opening_ = false, closed_ = false, moved_ = false;
  unsigned moves_ = 0;
  std::string close_reason_ = "closed by the peer";
};

}  // namespace gateway::rtsp
