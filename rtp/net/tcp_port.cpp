#include "rtp/net/tcp_port.hpp"

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstring>
#include <vector>

#include "rtp/bytes.hpp"
#include "rtp/net/slab_pool.hpp"
#include "rtp/net/udp_port.hpp"
#include "rtp/packet.hpp"

namespace rtp::net {

namespace asio = boost::asio;
using tcp = asio::ip::tcp;
using boost::system::error_code;

namespace {

// Less room than this at the end of a slab is not worth a system call.
constexpr std::size_t least_read_bytes = 4096;
// Then other sockets of the shard get their turn.
constexpr int reads_per_wake = 8;

std::string text(const tcp::endpoint& endpoint) {
  return endpoint.address().to_string() + ":" + std::to_string(endpoint.port());
}

}  // namespace

// Handlers hold the Impl; the generations tell those of an earlier connection from the current.
struct TcpPort::Impl : std::enable_shared_from_this<TcpPort::Impl> {
  Impl(asio::any_io_executor e, TcpPortUser& u, TcpPortOptions o)
      : executor(std::move(e)),
        user(&u),
        options(std::move(o)),
        pool(std::max(options.slab_bytes, 2 * least_read_bytes), 16),
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

  void adopt();
  void wait_readable();
  void on_readable();
  bool read_once();
  void fill_slab();
  void deliver(std::size_t received);
  void end(const error_code& error, const std::string& reason);
  void close();

  Result<void> send(std::span<const std::uint8_t> packet);
  std::size_t write_frame_prefix(std::span<const std::uint8_t> packet, std::uint8_t* out) const;
  void queue(std::span<const std::uint8_t> prefix, std::span<const std::uint8_t> packet,
             std::size_t sent);
  void wait_writable();
  void flush_queue();

  asio::any_io_executor executor;
  TcpPortUser* user;
  TcpPortOptions options;
  SlabPool pool;
  tcp::acceptor acceptor;
  tcp::socket socket;
  asio::steady_timer timer;
  tcp::endpoint remote;
  std::uint16_t bind_port = 0;
  int attempts = 0;
  std::int64_t heard_ns = 0;  // when the last packet came
  bool connected = false;
  std::uint64_t generation = 0;  // of the connection
  std::uint64_t listening = 0;   // of the acceptor

  TcpFramer framer;
  SlabRef slab;
  std::size_t used = 0;  // of slab
  std::vector<Slice> packets;
  std::vector<std::uint8_t> unsent;
  bool writing = false;
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
bool TcpPort::Impl::welcome(const tcp::endpoint& from) const {
  const bool taken = connected && steady_now_ns() - heard_ns < options.takeover_ns;
  return !taken && (!options.only_from || *options.only_from == from.address());
}

void TcpPort::Impl::on_accepted(tcp::socket&& incoming) {
  error_code error;
  const auto from = incoming.remote_endpoint(error);
  if (error || !welcome(from)) {
    ++counters.refused_connections;
    return;  // closes it
  }
  socket.close(error);
  socket = std::move(incoming);
  remote = from;
  adopt();
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
  adopt();
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

void TcpPort::Impl::adopt() {
  ++generation;
  ++counters.connections;
  connected = true;
  heard_ns = steady_now_ns();
  framer = TcpFramer(options.framer);
  if (options.expected_ssrc) framer.set_expected_ssrc(*options.expected_ssrc);
  unsent.clear();
  writing = false;
  error_code ignored;
  socket.non_blocking(true, ignored);
  socket.set_option(tcp::no_delay(true), ignored);
  socket.set_option(asio::socket_base::keep_alive(true), ignored);
  if (options.receive_buffer_bytes > 0)
    socket.set_option(asio::socket_base::receive_buffer_size(options.receive_buffer_bytes),
                      ignored);
  wait_readable();
  user->on_connected(remote);
}

void TcpPort::Impl::wait_readable() {
  auto on_wait = [self = shared_from_this(), mine = generation](const error_code& error) {
    if (mine != self->generation || error == asio::error::operation_aborted) return;
    self->on_readable();
  };
  socket.async_wait(tcp::socket::wait_read, std::move(on_wait));
}

void TcpPort::Impl::on_readable() {
  const auto mine = generation;
  for (int i = 0; i < reads_per_wake; ++i) {
    const bool more = read_once();
    if (mine != generation) return;  // ended or closed
    if (!more) break;
  }
  wait_readable();
}

void TcpPort::Impl::fill_slab() {
  if (slab && pool.slab_bytes() - used >= least_read_bytes) return;
  slab = pool.take();
  used = 0;
}

// True when there may be more.
bool TcpPort::Impl::read_once() {
  fill_slab();
  const auto room = pool.slab_bytes() - used;
  error_code error;
  const auto n = socket.read_some(asio::buffer(slab->data() + used, room), error);
  if (error == asio::error::would_block || error == asio::error::try_again ||
      error == asio::error::interrupted)
    return false;
  if (error == asio::error::eof) {
    end(make_error_code(Errc::connection_gone), text(remote) + " closed the media connection");
    return false;
  }
  if (error) {
    end(error, "the media connection to " + text(remote) + " broke: " + error.message());
    return false;
  }
  deliver(n);
  return n == room;
}

void TcpPort::Impl::deliver(std::size_t received) {
  ++counters.reads;
  counters.bytes += received;
  Slice slice{slab, slab->data() + used, static_cast<std::uint32_t>(received)};
  used += received;
  packets.clear();
  const auto framed = framer.push(std::move(slice), packets);
  counters.packets += packets.size();
  if (!packets.empty()) heard_ns = steady_now_ns();
  const auto mine = generation;
  if (!packets.empty()) user->on_packets(packets, steady_now_ns());
  packets.clear();
  if (!framed && mine == generation)
    end(framed.error(), "gave up on the framing from " + text(remote) + ": " + framer.describe());
}

void TcpPort::Impl::end(const error_code& error, const std::string& reason) {
  ++generation;
  connected = false;
  error_code ignored;
  socket.close(ignored);
  user->on_end(error, reason);
}

void TcpPort::Impl::close() {
  ++generation;
  ++listening;
  connected = false;
  error_code ignored;
  acceptor.close(ignored);
  socket.close(ignored);
  timer.cancel();
}

// ---- sending ----

// RFC 4571, or RFC 2326 10.12 when the peer frames so: even channels are RTP, odd ones RTCP.
std::size_t TcpPort::Impl::write_frame_prefix(std::span<const std::uint8_t> packet,
                                              std::uint8_t* out) const {
  const auto size = static_cast<std::uint16_t>(packet.size());
  if (!framer.interleaved()) {
    store_be16(out, size);
    return 2;
  }
  out[0] = '$';
  out[1] = is_rtcp(packet) ? 1 : 0;
  store_be16(out + 2, size);
  return 4;
}

Result<void> TcpPort::Impl::send(std::span<const std::uint8_t> packet) {
  if (!connected) return Errc::not_open;
  if (packet.size() > 0xffff) return Errc::too_large;
  std::array<std::uint8_t, 4> prefix{};
  const auto prefix_size = write_frame_prefix(packet, prefix.data());
  if (!unsent.empty() && unsent.size() + packet.size() > options.send_queue_bytes) {
    ++counters.dropped_sends;
    return Errc::send_queue_full;
  }
  std::size_t sent = 0;
  if (unsent.empty()) {
    const std::array<asio::const_buffer, 2> parts{asio::buffer(prefix.data(), prefix_size),
                                                  asio::buffer(packet.data(), packet.size())};
    error_code error;
    sent = socket.write_some(parts, error);
    if (error && error != asio::error::would_block) return error;  // reading will tell the end
  }
  queue({prefix.data(), prefix_size}, packet, sent);
  return {};
}

// Keeps what the socket did not take.
void TcpPort::Impl::queue(std::span<const std::uint8_t> prefix,
                          std::span<const std::uint8_t> packet, std::size_t sent) {
  for (auto part : {prefix, packet}) {
    const auto done = std::min(sent, part.size());
    sent -= done;
    part = part.subspan(done);
    unsent.insert(unsent.end(), part.begin(), part.end());
  }
  if (!unsent.empty() && !writing) wait_writable();
}

void TcpPort::Impl::wait_writable() {
  writing = true;
  auto on_wait = [self = shared_from_this(), mine = generation](const error_code& error) {
    if (mine != self->generation || error) return;
    self->writing = false;
    self->flush_queue();
  };
  socket.async_wait(tcp::socket::wait_write, std::move(on_wait));
}

void TcpPort::Impl::flush_queue() {
  error_code error;
  const auto sent = socket.write_some(asio::buffer(unsent), error);
  unsent.erase(unsent.begin(), unsent.begin() + static_cast<std::ptrdiff_t>(sent));
  if (error && error != asio::error::would_block) unsent.clear();
  if (!unsent.empty()) wait_writable();
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
  if (impl_->connected) return;
  impl_->remote = to;
  impl_->bind_port = local_port;
  impl_->attempts = 0;
  impl_->connect();
}

void TcpPort::close() {
  if (impl_) impl_->close();
}

bool TcpPort::is_connected() const {
  return impl_->connected;
}

std::uint16_t TcpPort::local_port() const {
  error_code ignored;
  if (impl_->acceptor.is_open()) return impl_->acceptor.local_endpoint(ignored).port();
  return impl_->socket.is_open() ? impl_->socket.local_endpoint(ignored).port() : std::uint16_t{0};
}

std::optional<tcp::endpoint> TcpPort::peer() const {
  return impl_->connected ? std::optional(impl_->remote) : std::nullopt;
}

Result<void> TcpPort::send(std::span<const std::uint8_t> packet) {
  return impl_->send(packet);
}

const TcpPort::Counters& TcpPort::counters() const {
  return impl_->counters;
}

const TcpFramer::Counters& TcpPort::framer_counters() const {
  return impl_->framer.counters();
}

std::string TcpPort::describe() const {
  const auto& c = impl_->counters;
  return "tcp port " + std::to_string(local_port()) + ": " +
         (impl_->connected ? "connected to " + text(impl_->remote) : std::string("no connection")) +
         ", " + std::to_string(c.bytes) + " bytes, " + impl_->framer.describe();
}

SourceAddress source_address(const tcp::endpoint& endpoint) {
  return source_address(asio::ip::udp::endpoint(endpoint.address(), endpoint.port()));
}

}  // namespace rtp::net
