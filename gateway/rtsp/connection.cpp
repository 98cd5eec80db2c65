#include "gateway/rtsp/connection.hpp"

#include <netinet/tcp.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cstdio>
#include <random>

namespace gateway::rtsp {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

constexpr std::int64_t tick_slack_ns = 2'000'000'000;

// 64 bits that cannot be guessed. Longer ones do not fit the buffers of some players.
std::string make_session_id() {
  std::random_device random;
  char text[17];
  std::snprintf(text, sizeof text, "%08X%08X", random(), random());
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
      sessions(options.session_times, options.sessions_max, make_session_id),
      authenticator(options.authentication, options.users, make_secret()),
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
                       std::uint64_t number)
    : server_(std::move(server)),
      socket_(std::move(socket)),
      number_(number),
      address_(remote_of(socket_).address()),
      peer_(to_text(remote_of(socket_))),
      framer_(server_->options.message_limits),
      dialogue_(server_->context, number,
                !(server_->options.trust_loopback && is_loopback(address_))),
      last_received_(Clock::now()) {
  set_up_socket(socket_, server_->options);
}

asio::awaitable<void> Connection::run() {
  writer_ = std::make_shared<InterleavedWriter>(
      socket_, [this](const std::string& reason) { close(reason); });
  server_->log(ServerLogLevel::debug, "connection from " + peer_);
  co_await converse();
  leave();
}

asio::awaitable<void> Connection::converse() {
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
    while (!closed_ && !server_->stopped) {
      const auto frame = framer_.next();
      if (!frame) break;
      co_await handle(*frame);
    }
    if (framer_.lost()) close("the framing of its messages is lost");
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
      co_await answer(*request);
    } else {
      perform(dialogue_.on_refused(frame.text, request.error()));
    }
  }
}

asio::awaitable<void> Connection::answer(const Request& request) {
  ++server_->counters.requests;
  auto reply = dialogue_.on_request(request, Clock::now());
  if (reply.open) {
    opening_ = true;
    const std::string path = reply.open_path;  // what is logged: the URL may hold a password
    auto opened = co_await open(std::move(reply.open_path), std::move(reply.open_query));
    opening_ = false;
    if (server_->stopped) co_return;
    last_received_ = Clock::now();
    reply = dialogue_.on_opened(request, opened, Clock::now());
    if (!opened.hold)
      server_->log(ServerLogLevel::info, peer_ + " asked for " + path + ": " +
                                             std::to_string(opened.status) + ' ' + opened.reason);
  }
  perform(std::move(reply));
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
