#include "tools/gbcam/udp_link.hpp"

#include <boost/asio/post.hpp>
#include <boost/system/system_error.hpp>
#include <cerrno>

#include "tools/gbcam/addresses.hpp"

namespace gbcam {
namespace {

using boost::asio::ip::udp;
constexpr int bind_attempts = 200;
constexpr int send_buffer_bytes = 1 << 20;

}  // namespace

UdpLink::UdpLink(boost::asio::io_context& io, const LinkPlan& plan, MediaLinkUser& user,
                 Counters& counters)
    : rtp_(io),
      rtcp_(io),
      remote_(to_asio(plan.remote.ip), plan.remote.port),
      rtcp_remote_(remote_.address(), static_cast<std::uint16_t>(plan.remote.port + 1)),
      user_(user),
      counters_(counters) {
  bind_pair(plan.local_ip);
  boost::system::error_code ignored;
  rtp_.set_option(udp::socket::send_buffer_size(send_buffer_bytes), ignored);
  rtp_.non_blocking(true);
  rtcp_.non_blocking(true);
  wait_for_rtcp();
}

// The system gives a free port; half of them are odd, and the next one may be taken.
void UdpLink::bind_pair(const sip::IpAddress& ip) {
  const auto address = to_asio(ip);
  boost::system::error_code error = boost::asio::error::address_in_use;
  for (int attempt = 0; attempt < bind_attempts; ++attempt) {
    rtp_ = udp::socket(rtp_.get_executor());
    rtcp_ = udp::socket(rtcp_.get_executor());
    rtp_.open(remote_.protocol());
    rtcp_.open(remote_.protocol());
    rtp_.bind({address, 0});
    port_ = rtp_.local_endpoint().port();
    if (port_ % 2 != 0) continue;
    rtcp_.bind({address, static_cast<std::uint16_t>(port_ + 1)}, error);
    if (!error) return;
  }
  throw boost::system::system_error(error, "no free port pair");
}

void UdpLink::start() {
  boost::asio::post(rtp_.get_executor(), [this, alive = std::weak_ptr(alive_)] {
    if (!alive.expired()) user_.on_link_open();
  });
}

void UdpLink::send(std::span<const RtpPacket> packets) {
  pieces_.resize(packets.size() * 2);
  messages_.assign(packets.size(), {});
  for (std::size_t i = 0; i < packets.size(); ++i) {
    auto* head = const_cast<std::uint8_t*>(packets[i].head.data());
    auto* payload = const_cast<std::uint8_t*>(packets[i].payload.data());
    pieces_[2 * i] = {head + RtpPacket::prefix_size, RtpPacket::header_size};
    pieces_[2 * i + 1] = {payload, packets[i].payload.size()};
    msghdr& message = messages_[i].msg_hdr;
    message.msg_name = remote_.data();
    message.msg_namelen = static_cast<socklen_t>(remote_.size());
    message.msg_iov = &pieces_[2 * i];
    message.msg_iovlen = 2;
  }
  std::size_t sent = 0;
  while (sent < messages_.size()) {
    const auto left = static_cast<unsigned>(messages_.size() - sent);
    const int done = ::sendmmsg(rtp_.native_handle(), &messages_[sent], left, 0);
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) ++counters_.send_errors;
    sent += done < 0 ? 1 : static_cast<std::size_t>(done);  // a camera does not wait either
  }
}

void UdpLink::send_rtcp(std::span<const std::uint8_t> packet) {
  boost::system::error_code error;
  rtcp_.send_to(boost::asio::buffer(packet.data(), packet.size()), rtcp_remote_, 0, error);
  if (error) ++counters_.send_errors;
}

void UdpLink::wait_for_rtcp() {
  rtcp_.async_wait(udp::socket::wait_read,
                   [this, alive = std::weak_ptr(alive_)](const boost::system::error_code& error) {
                     if (!alive.expired() && !error) read_rtcp();
                   });
}

void UdpLink::read_rtcp() {
  const std::weak_ptr<int> alive = alive_;
  std::array<std::uint8_t, 2048> packet;
  for (;;) {
    const auto size = ::recv(rtcp_.native_handle(), packet.data(), packet.size(), 0);
    if (size < 0 && errno == ECONNREFUSED) continue;  // of an earlier send
    if (size < 0) break;
    user_.on_rtcp(std::span(packet).first(static_cast<std::size_t>(size)));
    if (alive.expired()) return;
  }
  wait_for_rtcp();
}

}  // namespace gbcam
