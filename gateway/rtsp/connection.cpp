#include "gateway/rtsp/connection.hpp"

#include <netinet/tcp.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cstdio>
#include <cstring>
#include <random>

#include "gateway/rtsp/scan.hpp"

namespace gateway::rtsp {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

constexpr std::int64_t tick_slack_ns = 2'000'000'000;

constexpr std::size_t session_id_digits = 16;
// For one request: a stream may begin and end while its viewer is on the way.
constexpr unsigned moves_max = 4;

// 56 bits that cannot be guessed, and the shard, by which a request over another connection finds
// it. Longer ones do not fit the buffers of some players.
std::string make_session_id(unsigned shard) {
  std::random_device random;
  char text[session_id_digits + 1];
  std::snprintf(text, sizeof text, "%08X%06X%02u", random(), random() & 0xffffffu, shard % 100);
  return text;
}

std::string make_secret() {
  std::random_device random;
  std::string secret;
  for (int i = 0; i < 8; ++i) {
    const auto word = random();
    secret.append(reinterpret_cast<const char*>(&word), sizeof word);
  }
  return secret;
}

// Of all servers of the door; asked before any of them runs.
std::string shared_secret(SharedByServers& shared) {
  if (shared.secret.empty()) shared.secret = make_secret();
  return shared.secret;
}

bool is_loopback(const asio::ip::address& address) {
  if (address.is_v6() && address.to_v6().is_v4_mapped())
    return asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6()).is_loopback();
  return address.is_loopback();
}

tcp::endpoint remote_of(const tcp::socket& socket) {
  boost::system::error_code error;  // the peer may have gone already
  return socket.remote_endpoint(error);
}

std::string to_text(const tcp::endpoint& endpoint) {
  const auto address = endpoint.address().to_string();
  const bool v6 = endpoint.address().is_v6();
  return (v6 ? "[" + address + "]" : address) + ":" + std::to_string(endpoint.port());
}

using UnsentLimit = asio::detail::socket_option::integer<IPPROTO_TCP, TCP_NOTSENT_LOWAT>;  // tcp(7)

void set_up_socket(tcp::socket& socket, const ServerOptions& options) {
  boost::system::error_code ignored;
  socket.set_option(tcp::no_delay(true), ignored);
  socket.set_option(tcp::socket::keep_alive(true), ignored);
  if (options.tcp_send_buffer_bytes > 0)
    socket.set_option(tcp::socket::send_buffer_size(options.tcp_send_buffer_bytes), ignored);
  if (options.tcp_unsent_bytes > 0)
    socket.set_option(UnsentLimit(options.tcp_unsent_bytes), ignored);
  socket.non_blocking(true, ignored);
}

}  // namespace

ServerState::ServerState(asio::any_io_executor executor, StreamSource& source_,
                         ServerOptions options_, ServerLog log_)
    : options(std::move(options_)),
      log_to(std::move(log_)),
      source(source_),
      udp(executor),
      sessions(
          options.session_times, options.sessions_max,
          [shard = options.shard] { return make_session_id(shard); }, &options.shared->sessions),
      authenticator(options.authentication, options.users, shared_secret(*options.shared)),
      context{.sessions = sessions,
              .authenticator = options.users.empty() ? nullptr : &authenticator,
              .transports = {.udp = options.udp, .tcp = options.tcp},
              .udp_ports = {},
              .sessions_per_connection = options.sessions_per_connection,
              .viewers_per_stream = options.viewers_per_stream},
      viewers(executor, options, sessions, udp,
              [this](const Session& session, const std::string& reason) {
                if (on_session_over) on_session_over(session, reason);
              }) {}

Connection::Connection(std::shared_ptr<ServerState> server, tcp::socket socket,
                       std::uint64_t number, const MovedConnection& moved)
    : server_(std::move(server)),
      socket_(std::move(socket)),
      number_(number),
      address_(remote_of(socket_).address()),
      peer_(to_text(remote_of(socket_))),
      framer_(server_->options.message_limits),
      dialogue_(server_->context, number,
                !(server_->options.trust_loopback && is_loopback(address_)), moved.wrong_passwords),
      last_received_(Clock::now()),
      moves_(moved.moves) {
  set_up_socket(socket_, server_->options);
  if (moved.bytes.empty()) return;
  std::memcpy(framer_.prepare(moved.bytes.size()).data(), moved.bytes.data(), moved.bytes.size());
  framer_.commit(moved.bytes.size());
}

asio::awaitable<void> Connection::run() {
  writer_ = std::make_shared<InterleavedWriter>(
      socket_, [this](const std::string& reason) { close(reason); });
  server_->log(ServerLogLevel::debug, "connection from " + peer_);
  co_await converse();
  leave();
}

asio::awaitable<void> Connection::converse() {
  co_await take_frames();  // that came with it
  while (!closed_) {
    const auto space = framer_.prepare();
    const auto buffer = asio::buffer(space.data(), space.size());
    const auto [error, bytes] =
        co_await socket_.async_read_some(buffer, asio::as_tuple(asio::use_awaitable));
    if (error) {
      if (error != asio::error::eof && !closed_) close_reason_ = error.message();
      co_return;
    }
    framer_.commit(bytes);
    last_received_ = Clock::now();
    co_await take_frames();
    if (framer_.lost()) close("the framing of its messages is lost");
  }
}

asio::awaitable<void> Connection::take_frames() {
  while (!closed_ && !server_->stopped) {
    const auto frame = framer_.next();
    if (!frame) break;
    co_await handle(*frame);
  }
}

asio::awaitable<void> Connection::handle(const Framer::Frame& frame) {
  using Kind = Framer::Frame::Kind;
  if (frame.kind == Kind::interleaved) {
    on_interleaved(frame);
  } else if (frame.kind == Kind::refused) {
    perform(dialogue_.on_refused(frame.text, frame.refusal));
  } else if (frame.kind == Kind::request) {
    const auto request = parse_request(frame.text, server_->options.message_limits);
    if (request) {
      co_await answer(*request, frame.text);
    } else {
      perform(dialogue_.on_refused(frame.text, request.error()));
    }
  }
}

asio::awaitable<void> Connection::answer(const Request& request, std::string_view text) {
  if (const auto shard = shard_of_session(request)) {
    co_await move(*shard, text);
    co_return;
  }
  auto reply = dialogue_.on_request(request, Clock::now());
  if (reply.open) {
    opening_ = true;
    const std::string path = reply.open_path;  // what is logged: the URL may hold a password
    auto opened = co_await open(std::move(reply.open_path), std::move(reply.open_query));
    opening_ = false;
    if (server_->stopped) co_return;
    last_received_ = Clock::now();
    if (opened.elsewhere && can_move()) {
      co_await move(*opened.elsewhere, text);
      co_return;
    }
    if (opened.elsewhere) {
      opened.status = 503;
      opened.reason =
          "the stream is served by another thread than this connection's sessions: "
          "use another connection";
    }
    reply = dialogue_.on_opened(request, opened, Clock::now());
    if (!opened.hold)
      server_->log(ServerLogLevel::info, peer_ + " asked for " + path + ": " +
                                             std::to_string(opened.status) + ' ' + opened.reason);
  }
  moves_ = 0;
  ++server_->counters.requests;
  perform(std::move(reply));
}

// Sessions stay where they are.
bool Connection::can_move() const {
  return server_->move && moves_ < moves_max && server_->sessions.of_connection(number_).empty();
}

// Of one that another server has: UDP goes on when its connection was lost, and is controlled over
// a new one.
std::optional<unsigned> Connection::shard_of_session(const Request& request) const {
  const auto header = request.header("Session");
  const auto id = std::string_view(header).substr(0, header.find(';'));
  if (id.size() != session_id_digits || !can_move()) return {};
  const auto shard = parse_number<unsigned>(id.substr(id.size() - 2));
  if (!shard || *shard == server_->options.shard || *shard >= server_->options.shards) return {};
  return shard;
}

// What was said before is answered first.
asio::awaitable<void> Connection::move(unsigned shard, std::string_view text) {
  asio::steady_timer pause(socket_.get_executor());
  while (writer_->queued_bytes() > 0 && !closed_ && !server_->stopped) {
    pause.expires_after(std::chrono::milliseconds(5));
    co_await pause.async_wait(asio::as_tuple(asio::use_awaitable));
  }
  if (closed_ || server_->stopped) co_return;
  boost::system::error_code error;
  MovedConnection moved;
  moved.protocol = socket_.local_endpoint(error).protocol();
  moved.bytes = std::string(text).append(framer_.rest());
  moved.wrong_passwords = dialogue_.wrong_passwords();
  moved.moves = moves_ + 1;
  if (!error) moved.descriptor = socket_.release(error);
  if (error) co_return close("cannot go to its stream's thread: " + error.message());
  closed_ = moved_ = true;
  close_reason_ = "goes to its stream's thread";
  server_->move(shard, std::move(moved));
}

asio::awaitable<OpenResult> Connection::open(std::string path, std::string query) {
  OpenResult failed;
  failed.status = 500;
  try {
    co_return co_await server_->source.open(std::move(path), std::move(query));
  } catch (const std::exception& error) {
    failed.reason = error.what();
  }
  co_return failed;
}

void Connection::perform(Dialogue::Reply reply) {
  count(reply.response.status);
  if (reply.stop && reply.ended) {
    server_->viewers.finish(*reply.stop, "teardown");
  } else if (reply.stop) {
    server_->viewers.pause(*reply.stop);
  }
  writer_->queue(reply.response.print(reply.cseq));
  if (reply.start) {
    const Viewers::Route route{.writer = writer_, .address = address_, .peer = peer_};
    server_->log(ServerLogLevel::info, peer_ + " plays " + reply.start->stream().name() +
                                           " session " + reply.start->id());
    ++server_->counters.plays;
    server_->viewers.start(reply.start, route, reply.start_from);
  }
  writer_->flush();
  if (reply.close) close("too many wrong passwords");
}

void Connection::count(int status) {
  auto& counters = server_->counters;
  if (status >= 500) {
    ++counters.server_errors;
  } else if (status >= 400) {
    ++counters.client_errors;
  }
}

void Connection::on_interleaved(const Framer::Frame& frame) {
  const auto now = Clock::now();
  dialogue_.on_interleaved(frame.channel, now);
  for (const auto& session : server_->sessions.of_connection(number_))
    for (const auto& setup : session->setups())
      if (setup.transport.rtcp_channel == frame.channel)
        server_->viewers.on_rtcp(*session, frame.payload);
}

void Connection::close(const std::string& reason) {
  if (closed_) return;
  closed_ = true;
  close_reason_ = reason;
  dialogue_.let_go();
  // Not at once: this may be called from inside a write. What is written still arrives.
  asio::post(socket_.get_executor(), [self = shared_from_this()] {
    boost::system::error_code ignored;
    self->socket_.shutdown(tcp::socket::shutdown_both, ignored);
    self->socket_.cancel(ignored);
  });
}

void Connection::on_session_over(const std::string& reason) {
  if (server_->sessions.of_connection(number_).empty()) close(reason);
}

void Connection::tick(TimePoint now) {
  dialogue_.on_tick(now);
  const bool idle = !opening_ && now - last_received_ > server_->options.idle_timeout;
  if (idle && server_->sessions.of_connection(number_).empty()) close("idle");
  // A viewer is let go by Viewers, a moment before; this is for who does not read answers.
  const auto limit_ns = server_->options.viewer_limits.stall_ns + tick_slack_ns;
  if (writer_ && writer_->blocked_ns(steady_ns()) > limit_ns) close("it read nothing for too long");
}

// Sessions that play over this connection end with it. UDP ones live on for as long as RTCP says
// that somebody watches.
void Connection::leave() {
  closed_ = true;
  boost::system::error_code ignored;
  socket_.close(ignored);
  server_->counters.skipped_bytes += framer_.skipped_bytes();
  server_->log(ServerLogLevel::debug, "connection from " + peer_ + " over: " + close_reason_);
  dialogue_.let_go();
  if (server_->stopped) return;
  const auto sessions = server_->sessions.of_connection(number_);  // a copy: they are erased
  for (const auto& session : sessions) {
    if (session->state() == Session::State::playing && session->lower() == Transport::Lower::udp) {
      session->orphan();
      continue;
    }
    server_->log(ServerLogLevel::info,
                 peer_ + " leaves " + session->stream().name() + ": " + close_reason_);
    server_->viewers.finish(*session, close_reason_);
    server_->sessions.erase(*session);
  }
}

}  // namespace gateway::rtsp
