// Shell: media over a UDP port pair; RTCP on the odd port (RFC 3550 11).
#pragma once

#include <sys/socket.h>
#include <sys/uio.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/udp.hpp>
#include <memory>
#include <vector>

#include "tools/gbcam/media_link.hpp"

namespace gbcam {

class UdpLink : public MediaLink {
 public:
  UdpLink(boost::asio::io_context& io, const LinkPlan& plan, MediaLinkUser& user,
          Counters& counters);

  std::uint16_t port() const override { return port_; }
  void start() override;
  void send(std::span<const RtpPacket> packets) override;
  void send_rtcp(std::span<const std::uint8_t> packet) override;

 private:
  void bind_pair(const sip::IpAddress& ip);
  void wait_for_rtcp();
  void read_rtcp();

  boost::asio::ip::udp::socket rtp_, rtcp_;
  boost::asio::ip::udp::endpoint remote_, rtcp_remote_;
  MediaLinkUser& user_;
  Counters& counters_;
  std::uint16_t port_ = 0;
  std::vector<iovec> pieces_;
  std::vector<mmsghdr> messages_;
  std::shared_ptr<int> alive_ = std::make_shared<int>();  // handlers look whether we still are
};

}  // namespace gbcam
