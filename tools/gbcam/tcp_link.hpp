// Shell: media over one TCP connection (RFC 4571), made by us when the platform listens, accepted
// by us when it connects (RFC 4145; reference 8.5).
#pragma once

#include <sys/uio.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <deque>
#include <memory>
#include <vector>

#include "gateway/alarm_clock.hpp"
#include "rtp/tcp_framer.hpp"
#include "tools/gbcam/media_link.hpp"

namespace gbcam {

class TcpLink : public MediaLink {
 public:
  TcpLink(boost::asio::io_context& io, gateway::AlarmClock& clock, const LinkPlan& plan,
          MediaLinkUser& user, Counters& counters);

  std::uint16_t port() const override;
  void start() override;
  void send(std::span<const RtpPacket> packets) override;
  void send_rtcp(std::span<const std::uint8_t> packet) override;

 private:
  void listen();
  void accept();
  void connect();
  void on_connected(const boost::system::error_code& error);
  void opened();
  void lost(const boost::system::error_code& error);
  void read();
  void take(std::size_t size);
  std::size_t write_now(std::size_t total);
  void queue_rest(std::size_t written);
  void write_pieces();
  void wait_for_room();
  void flush();

  boost::asio::ip::tcp::socket socket_;
  boost::asio::ip::tcp::acceptor acceptor_;
  LinkPlan plan_;
  MediaLinkUser& user_;
  Counters& counters_;
  gateway::Alarm retry_;
  int attempts_ = 0;
  bool open_ = false, started_ = false, waiting_ = false;
  rtp::TcpFramer framer_;
  rtp::SlabRef received_;
  std::vector<rtp::Slice> packets_;
  std::vector<iovec> pieces_;
  std::vector<std::uint8_t> queue_;  // what the peer has not taken yet
  std::size_t queue_begin_ = 0;
  std::shared_ptr<int> alive_ = std::make_shared<int>();  // handlers look whether we still are
};

}  // namespace gbcam
