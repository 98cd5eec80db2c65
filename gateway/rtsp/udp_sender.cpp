#include "gateway/rtsp/udp_sender.hpp"

#include <algorithm>
#include <boost/asio/ip/v6_only.hpp>
#include <cerrno>
#include <cstring>

namespace gateway::rtsp {
namespace {

using boost::asio::ip::udp;

constexpr int pair_tries = 64;
constexpr int receive_batch = 32;
constexpr std::size_t datagram_bytes = 2048;  // RTCP and NAT openers are small

boost::system::error_code bind_to(udp::socket& socket, const udp::endpoint& at,
                                  int send_buffer_bytes) {
  boost::system::error_code error, ignored;
  socket.open(at.protocol(), error);
  if (error) return error;
  if (at.address().is_v6()) socket.set_option(boost::asio::ip::v6_only(false), ignored);
  socket.bind(at, error);
  if (error) return error;
  socket.set_option(udp::socket::send_buffer_size(send_buffer_bytes), ignored);  // may allow less
  socket.non_blocking(true, error);
  return error;
}

}  // namespace

mmsghdr& DatagramBatch::begin() {
  auto& message = messages_[count_];
  message = {};
  message.msg_hdr.msg_name = to_.data();
  message.msg_hdr.msg_namelen = static_cast<socklen_t>(to_.size());
  message.msg_hdr.msg_iov = &vectors_[count_ * vectors_each];
  ++count_;
  return message;
}

void DatagramBatch::add_bytes(mmsghdr& message, const void* data, std::size_t size) {
  message.msg_hdr.msg_iov[message.msg_hdr.msg_iovlen++] = {const_cast<void*>(data), size};
}

bool DatagramBatch::add(const rtp::OutPacket& packet) {
  if (count_ == max_datagrams) return false;
  auto& message = begin();
  packet.for_each_piece(
      rtp::OutPacket::prefix_size,
      [&](const std::uint8_t* data, std::size_t size) { add_bytes(message, data, size); });
  return true;
}

bool DatagramBatch::add(std::span<const std::uint8_t> datagram) {
  if (count_ == max_datagrams) return false;
  add_bytes(begin(), datagram.data(), datagram.size());
  return true;
}

UdpSender::~UdpSender() {
  close();
}

void UdpSender::close() {
  alive_ = std::make_shared<bool>(true);
  sockets_.clear();
}

boost::system::result<void> UdpSender::open(const boost::asio::ip::address& address,
                                            std::uint16_t first_port, std::size_t pairs,
                                            int send_buffer_bytes) {
  for (std::size_t slot = 0; slot < pairs; ++slot) {
    boost::system::error_code error;
    for (int tries = 0; tries < pair_tries; ++tries) {
      const auto port =
          first_port ? static_cast<std::uint16_t>(first_port + 2 * slot) : std::uint16_t{0};
      error = open_pair(address, port, slot, send_buffer_bytes);
      if (!error || first_port) break;
    }
    if (error) {
      close();
      return error;
    }
  }
  for (auto& each : sockets_) wait_readable(each);
  return {};
}

boost::system::error_code UdpSender::open_pair(const boost::asio::ip::address& address,
                                               std::uint16_t port, std::size_t slot,
                                               int send_buffer_bytes) {
  Socket rtp(executor_, {slot, false}), rtcp(executor_, {slot, true});
  if (auto error = bind_to(rtp.socket, {address, port}, send_buffer_bytes)) return error;
  boost::system::error_code error;
  const auto bound = rtp.socket.local_endpoint(error).port();
  if (error) return error;
  // RFC 3550 11: RTP on an even port, RTCP on the next.
  if (!port && bound % 2 != 0) return boost::asio::error::address_in_use;
  error = bind_to(rtcp.socket, {address, static_cast<std::uint16_t>(bound + 1)}, send_buffer_bytes);
  if (error) return error;
  sockets_.push_back(std::move(rtp));
  sockets_.push_back(std::move(rtcp));
  return {};
}

std::vector<std::pair<std::uint16_t, std::uint16_t>> UdpSender::ports() const {
  std::vector<std::pair<std::uint16_t, std::uint16_t>> all;
  for (std::size_t i = 0; i + 1 < sockets_.size(); i += 2)
    all.emplace_back(sockets_[i].socket.local_endpoint().port(),
                     sockets_[i + 1].socket.local_endpoint().port());
  return all;
}

std::size_t UdpSender::send(Port port, DatagramBatch& batch) {
  auto& from = socket(port);
  std::size_t done = 0;
  while (done < batch.count_) {
    const int sent = ::sendmmsg(from.socket.native_handle(), batch.messages_ + done,
                                static_cast<unsigned>(batch.count_ - done), MSG_NOSIGNAL);
    if (sent > 0) {
      done += static_cast<std::size_t>(sent);
    } else if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS) {
      wait_writable(from);
      break;
    } else if (errno != EINTR) {
      ++refused_;  // no route, too long, ...: this datagram will not go
      ++done;
    }
  }
  return done;
}

void UdpSender::remove(Peer& peer) {
  std::erase(peers_, &peer);
}

void UdpSender::wait_readable(Socket& at) {
  at.socket.async_wait(udp::socket::wait_read,
                       [this, &at, weak = std::weak_ptr(alive_)](const auto& error) {
                         if (error || weak.expired()) return;
                         receive(at);
                         if (!weak.expired()) wait_readable(at);
                       });
}

void UdpSender::wait_writable(Socket& at) {
  if (at.waiting_writable) return;
  at.waiting_writable = true;
  at.socket.async_wait(udp::socket::wait_write,
                       [this, &at, weak = std::weak_ptr(alive_)](const auto& error) {
                         if (error || weak.expired()) return;
                         at.waiting_writable = false;
                         const auto peers = peers_;  // one may leave in a call
                         for (auto* peer : peers)
                           if (std::find(peers_.begin(), peers_.end(), peer) != peers_.end())
                             peer->on_writable();
                       });
}

void UdpSender::receive(Socket& at) {
  std::uint8_t buffers[receive_batch][datagram_bytes];
  UdpEndpoint froms[receive_batch];
  iovec vectors[receive_batch];
  mmsghdr messages[receive_batch] = {};
  for (int i = 0; i < receive_batch; ++i) {
    vectors[i] = {buffers[i], datagram_bytes};
    auto& header = messages[i].msg_hdr;
    header.msg_name = froms[i].data();
    header.msg_namelen = static_cast<socklen_t>(froms[i].capacity());
    header.msg_iov = &vectors[i];
    header.msg_iovlen = 1;
  }
  const int count =
      ::recvmmsg(at.socket.native_handle(), messages, receive_batch, MSG_DONTWAIT, nullptr);
  for (int i = 0; i < count; ++i) {
    froms[i].resize(messages[i].msg_hdr.msg_namelen);
    deliver(at.port, froms[i], {buffers[i], messages[i].msg_len});
  }
}

// The newest of several viewers behind one NAT is the one that has not been heard of yet.
void UdpSender::deliver(Port port, const UdpEndpoint& from, std::span<const std::uint8_t> bytes) {
  const auto known = std::find_if(peers_.begin(), peers_.end(),
                                  [&](const Peer* peer) { return peer->is_at(port, from); });
  if (known != peers_.end()) return (*known)->on_datagram(port, from, bytes);
  if (announced_ && announced_(from.port())) return;
  const auto maybe = std::find_if(peers_.rbegin(), peers_.rend(),
                                  [&](const Peer* peer) { return peer->may_be_at(port, from); });
  if (maybe != peers_.rend()) return (*maybe)->on_datagram(port, from, bytes);
  ++unknown_;
}

}  // namespace gateway::rtsp
