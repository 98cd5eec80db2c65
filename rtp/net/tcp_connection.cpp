#include "rtp/net/tcp_connection.hpp"

#include <algorithm>
#include <array>
#include <boost/asio/buffer.hpp>
#include <utility>
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

}  // namespace

// Handlers hold the Impl; after close() they find it closed.
struct TcpConnection::Impl : std::enable_shared_from_this<TcpConnection::Impl> {
  Impl(tcp::socket&& s, TcpConnectionUser& u, const TcpConnectionOptions& o)
      : user(&u),
        options(o),
        pool(std::max(o.slab_bytes, 2 * least_read_bytes), 16),
        socket(std::move(s)),
        framer(o.framer) {}

  void start();
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

  TcpConnectionUser* user;
  TcpConnectionOptions options;
  SlabPool pool;
  tcp::socket socket;
  tcp::endpoint remote;
  std::int64_t heard_ns = 0;
  bool is_open = true;

  TcpFramer framer;
  SlabRef slab;
  std::size_t used = 0;  // of slab
  std::vector<Slice> packets;
  std::vector<std::uint8_t> unsent;
  bool writing = false;
  TcpConnectionCounters counters;
};

void TcpConnection::Impl::start() {
  heard_ns = steady_now_ns();
  if (options.expected_ssrc) framer.set_expected_ssrc(*options.expected_ssrc);
  error_code ignored;
  remote = socket.remote_endpoint(ignored);
  socket.non_blocking(true, ignored);
  socket.set_option(tcp::no_delay(true), ignored);
  socket.set_option(asio::socket_base::keep_alive(true), ignored);
  if (options.receive_buffer_bytes > 0)
    socket.set_option(asio::socket_base::receive_buffer_size(options.receive_buffer_bytes),
                      ignored);
  wait_readable();
}

// ---- reading ----

void TcpConnection::Impl::wait_readable() {
  auto on_wait = [self = shared_from_this()](const error_code& error) {
    if (self->is_open && error != asio::error::operation_aborted) self->on_readable();
  };
  socket.async_wait(tcp::socket::wait_read, std::move(on_wait));
}

void TcpConnection::Impl::on_readable() {
  for (int i = 0; i < reads_per_wake; ++i) {
    const bool more = read_once();
    if (!is_open) return;
    if (!more) break;
  }
  wait_readable();
}

void TcpConnection::Impl::fill_slab() {
  if (slab && pool.slab_bytes() - used >= least_read_bytes) return;
  slab = pool.take();
  used = 0;
}

// True when there may be more.
bool TcpConnection::Impl::read_once() {
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

void TcpConnection::Impl::deliver(std::size_t received) {
  ++counters.reads;
  counters.bytes += received;
  Slice slice{slab, slab->data() + used, static_cast<std::uint32_t>(received)};
  used += received;
  packets.clear();
  const auto framed = framer.push(std::move(slice), packets);
  counters.packets += packets.size();
  if (!packets.empty()) {
    heard_ns = steady_now_ns();
    TcpConnection self(shared_from_this());
    user->on_packets(self, packets, heard_ns);
    self.impl_.reset();  // not closed by going out of scope
  }
  packets.clear();
  if (!framed && is_open)
    end(framed.error(), "gave up on the framing from " + text(remote) + ": " + framer.describe());
}

void TcpConnection::Impl::end(const error_code& error, const std::string& reason) {
  close();
  TcpConnection self(shared_from_this());
  user->on_end(self, error, reason);
  self.impl_.reset();
}

void TcpConnection::Impl::close() {
  is_open = false;
  error_code ignored;
  socket.close(ignored);
}

// ---- sending ----

// RFC 4571, or RFC 2326 10.12 when the peer frames so: even channels are RTP, odd ones RTCP.
std::size_t TcpConnection::Impl::write_frame_prefix(std::span<const std::uint8_t> packet,
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

Result<void> TcpConnection::Impl::send(std::span<const std::uint8_t> packet) {
  if (!is_open) return Errc::not_open;
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
void TcpConnection::Impl::queue(std::span<const std::uint8_t> prefix,
                                std::span<const std::uint8_t> packet, std::size_t sent) {
  for (auto part : {prefix, packet}) {
    const auto done = std::min(sent, part.size());
    sent -= done;
    part = part.subspan(done);
    unsent.insert(unsent.end(), part.begin(), part.end());
  }
  if (!unsent.empty() && !writing) wait_writable();
}

void TcpConnection::Impl::wait_writable() {
  writing = true;
  auto on_wait = [self = shared_from_this()](const error_code& error) {
    if (!self->is_open || error) return;
    self->writing = false;
    self->flush_queue();
  };
  socket.async_wait(tcp::socket::wait_write, std::move(on_wait));
}

void TcpConnection::Impl::flush_queue() {
  error_code error;
  const auto sent = socket.write_some(asio::buffer(unsent), error);
  unsent.erase(unsent.begin(), unsent.begin() + static_cast<std::ptrdiff_t>(sent));
  if (error && error != asio::error::would_block) unsent.clear();
  if (!unsent.empty()) wait_writable();
}

// ---- TcpConnection ----

TcpConnection::TcpConnection(tcp::socket&& socket, TcpConnectionUser& user,
                             const TcpConnectionOptions& options)
    : impl_(std::make_shared<Impl>(std::move(socket), user, options)) {
  impl_->start();
}

TcpConnection::~TcpConnection() {
  close();
}

TcpConnection::TcpConnection(TcpConnection&&) noexcept = default;

TcpConnection& TcpConnection::operator=(TcpConnection&& other) noexcept {
  if (this != &other) {
    close();
    impl_ = std::move(other.impl_);
  }
  return *this;
}

void TcpConnection::set_user(TcpConnectionUser& user) {
  impl_->user = &user;
}

void TcpConnection::close() {
  if (impl_) impl_->close();
}

bool TcpConnection::is_open() const {
  return impl_ && impl_->is_open;
}

const tcp::endpoint& TcpConnection::peer() const {
  return impl_->remote;
}

std::uint16_t TcpConnection::local_port() const {
  error_code ignored;
  return impl_->socket.local_endpoint(ignored).port();
}

std::int64_t TcpConnection::heard_ns() const {
  return impl_->heard_ns;
}

Result<void> TcpConnection::send(std::span<const std::uint8_t> packet) {
  return impl_->send(packet);
}

const TcpConnectionCounters& TcpConnection::counters() const {
  return impl_->counters;
}

const TcpFramer& TcpConnection::framer() const {
  return impl_->framer;
}

std::string text(const tcp::endpoint& endpoint) {
  const auto host = endpoint.address().to_string();
  return (endpoint.address().is_v6() ? "[" + host + "]" : host) + ":" +
         std::to_string(endpoint.port());
}

SourceAddress source_address(const tcp::endpoint& endpoint) {
  return source_address(asio::ip::udp::endpoint(endpoint.address(), endpoint.port()));
}

}  // namespace rtp::net
