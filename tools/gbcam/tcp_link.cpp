#include "tools/gbcam/tcp_link.hpp"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <cerrno>

#include "rtp/bytes.hpp"
#include "rtp/packet.hpp"
#include "tools/gbcam/addresses.hpp"
#include "tools/gbcam/udp_link.hpp"

namespace gbcam {
namespace {

using boost::asio::ip::tcp;
using gb28181::MediaTransport;

constexpr int connect_attempts = 4;  // annex D: at least three retries, a second apart
constexpr auto retry_pause = std::chrono::seconds(1);
constexpr std::size_t queue_limit = 4u << 20;  // beyond: whole frames are dropped
constexpr std::size_t pieces_per_call = 1024;  // IOV_MAX
constexpr std::uint16_t no_port = 9;           // what an active side writes into m=
constexpr std::size_t receive_bytes = 16 * 1024;

}  // namespace

TcpLink::TcpLink(boost::asio::io_context& io, gateway::AlarmClock& clock, const LinkPlan& plan,
                 MediaLinkUser& user, Counters& counters)
    : socket_(io),
      acceptor_(io),
      plan_(plan),
      user_(user),
      counters_(counters),
      retry_(clock, [this](sip::TimePoint) { connect(); }) {
  if (plan_.transport == MediaTransport::tcp_active) listen();
}

std::uint16_t TcpLink::port() const {
  return acceptor_.is_open() ? acceptor_.local_endpoint().port() : no_port;
}

void TcpLink::listen() {
  const tcp::endpoint at(to_asio(plan_.local_ip), 0);
  acceptor_.open(at.protocol());
  acceptor_.bind(at);
  acceptor_.listen(4);
  accept();
}

void TcpLink::accept() {
  acceptor_.async_accept(
      socket_, [this, alive = std::weak_ptr(alive_)](const boost::system::error_code& error) {
        if (!alive.expired()) on_connected(error);
      });
}

// A platform may connect before its ACK has come.
void TcpLink::start() {
  started_ = true;
  if (plan_.transport == MediaTransport::tcp_passive) return connect();
  if (open_)
    boost::asio::post(socket_.get_executor(), [this, alive = std::weak_ptr(alive_)] {
      if (!alive.expired()) user_.on_link_open();
    });
}

void TcpLink::connect() {
  ++attempts_;
  const tcp::endpoint to(to_asio(plan_.remote.ip), plan_.remote.port);
  boost::system::error_code ignored;
  socket_.close(ignored);
  socket_.open(to.protocol(), ignored);
  socket_.bind({to_asio(plan_.local_ip), 0}, ignored);
  socket_.async_connect(
      to, [this, alive = std::weak_ptr(alive_)](const boost::system::error_code& error) {
        if (!alive.expired()) on_connected(error);
      });
}

void TcpLink::on_connected(const boost::system::error_code& error) {
  if (!error) return opened();
  ++counters_.media_connections_failed;
  const bool active = plan_.transport == MediaTransport::tcp_passive;
  if (active && attempts_ < connect_attempts)
    retry_.set(sip::Clock::now() + retry_pause);
  else
    user_.on_link_lost(error.message());
}

void TcpLink::opened() {
  boost::system::error_code ignored;
  acceptor_.close(ignored);
  socket_.set_option(tcp::no_delay(true), ignored);
  socket_.non_blocking(true, ignored);
  open_ = true;
  ++counters_.media_connections;
  read();
  if (started_) user_.on_link_open();
}

void TcpLink::lost(const boost::system::error_code& error) {
  if (!open_) return;
  open_ = false;
  ++counters_.media_connections_lost;
  boost::system::error_code ignored;
  socket_.close(ignored);
  user_.on_link_lost(error.message());
}

void TcpLink::read() {
  if (!received_.unique()) received_ = rtp::SlabRef::allocate(receive_bytes);
  socket_.async_read_some(boost::asio::buffer(received_->data(), received_->capacity()),
                          [this, alive = std::weak_ptr(alive_)](
                              const boost::system::error_code& error, std::size_t size) {
                            if (alive.expired()) return;
                            if (error) return lost(error);
                            take(size);
                          });
}

void TcpLink::take(std::size_t size) {
  const std::weak_ptr<int> alive = alive_;
  packets_.clear();
  const auto pushed =
      framer_.push({received_, received_->data(), static_cast<std::uint32_t>(size)}, packets_);
  if (!pushed) return lost(pushed.error());
  const auto packets = std::move(packets_);
  for (const rtp::Slice& packet : packets) {
    if (rtp::is_rtcp(packet.bytes())) user_.on_rtcp(packet.bytes());
    if (alive.expired()) return;
  }
  read();
}

void TcpLink::send(std::span<const RtpPacket> packets) {
  if (!open_) return;
  if (queue_.size() - queue_begin_ > queue_limit) {
    ++counters_.frames_dropped;
    return;
  }
  pieces_.clear();
  for (const RtpPacket& packet : packets) {
    pieces_.push_back({const_cast<std::uint8_t*>(packet.head.data()), packet.head.size()});
    pieces_.push_back({const_cast<std::uint8_t*>(packet.payload.data()), packet.payload.size()});
  }
  write_pieces();
}

void TcpLink::send_rtcp(std::span<const std::uint8_t> packet) {
  if (!open_) return;
  std::array<std::uint8_t, 2> length;
  rtp::store_be16(length.data(), static_cast<std::uint16_t>(packet.size()));
  pieces_ = {{length.data(), length.size()},
             {const_cast<std::uint8_t*>(packet.data()), packet.size()}};
  write_pieces();
}

void TcpLink::write_pieces() {
  std::size_t total = 0;
  for (const iovec& piece : pieces_) total += piece.iov_len;
  const std::size_t written = queue_.empty() ? write_now(total) : 0;
  if (written < total) queue_rest(written);
}

// What the socket takes at once; the pieces stay as they are.
std::size_t TcpLink::write_now(std::size_t total) {
  std::size_t written = 0, at = 0;
  while (at < pieces_.size() && written < total) {
    const std::size_t count = std::min(pieces_per_call, pieces_.size() - at);
    std::size_t wanted = 0;
    for (std::size_t i = at; i < at + count; ++i) wanted += pieces_[i].iov_len;
    const auto done = ::writev(socket_.native_handle(), &pieces_[at], static_cast<int>(count));
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) break;  // full, or broken: then the read says so
    written += static_cast<std::size_t>(done);
    if (static_cast<std::size_t>(done) < wanted) break;
    at += count;
  }
  return written;
}

void TcpLink::queue_rest(std::size_t written) {
  for (const iovec& piece : pieces_) {
    const std::size_t skip = std::min(written, piece.iov_len);
    written -= skip;
    const auto* bytes = static_cast<const std::uint8_t*>(piece.iov_base);
    queue_.insert(queue_.end(), bytes + skip, bytes + piece.iov_len);
  }
  wait_for_room();
}

void TcpLink::wait_for_room() {
  if (waiting_) return;
  waiting_ = true;
  socket_.async_wait(tcp::socket::wait_write,
                     [this, alive = std::weak_ptr(alive_)](const boost::system::error_code& error) {
                       if (alive.expired()) return;
                       waiting_ = false;
                       if (!error && open_) flush();
                     });
}

void TcpLink::flush() {
  const auto done = ::send(socket_.native_handle(), queue_.data() + queue_begin_,
                           queue_.size() - queue_begin_, MSG_NOSIGNAL);
  if (done < 0 && errno != EAGAIN && errno != EINTR) return;  // the read says so
  if (done > 0) queue_begin_ += static_cast<std::size_t>(done);
  if (queue_begin_ < queue_.size()) return wait_for_room();
  queue_.clear();
  queue_begin_ = 0;
}

std::unique_ptr<MediaLink> make_link(boost::asio::io_context& io, gateway::AlarmClock& clock,
                                     const LinkPlan& plan, MediaLinkUser& user,
                                     Counters& counters) {
  if (plan.transport == MediaTransport::udp)
    return std::make_unique<UdpLink>(io, plan, user, counters);
  return std::make_unique<TcpLink>(io, clock, plan, user, counters);
}

}  // namespace gbcam
