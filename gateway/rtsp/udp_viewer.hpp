// A session that plays over UDP (RFC 2326 12.39, RFC 3550). Shell.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <vector>

#include "gateway/rtsp/live_viewer.hpp"
#include "gateway/rtsp/udp_sender.hpp"

namespace gateway::rtsp {

// The packets of a stream that are there at the start, and those of a large picture, do not leave
// at the speed of our own link: small receive buffers would lose them. So much at a time:
struct UdpPace {
  std::size_t burst_bytes = 48 * 1024;  // live: 128 Mbit/s
  // Packets from before the start: 32 Mbit/s, and never faster than PlayHead::due_ns().
  std::size_t catch_up_bytes = 12 * 1024;
  std::chrono::microseconds interval{3000};
};

class UdpViewer final : public LiveViewer, private UdpSender::Peer {
 public:
  // `address`: of the RTSP connection; nothing is ever sent elsewhere. `sender` outlives it.
  UdpViewer(std::shared_ptr<Session> session, ViewerLimits limits, UdpPace pace, UdpSender& sender,
            boost::asio::any_io_executor executor, boost::asio::ip::address address, Over over);
  ~UdpViewer() override;

  // Called when the viewer was heard of over UDP.
  void on_life_sign(std::function<void()> touch) { touch_ = std::move(touch); }

 private:
  struct Destination {
    std::size_t track;
    UdpEndpoint rtp, rtcp;
    bool rtp_heard = false, rtcp_heard = false;
  };

  void transmit(std::int64_t now_ns) override;
  void send_rtcp(std::size_t track, std::span<const std::uint8_t> bytes) override;
  bool stalled(std::int64_t now_ns) const override;

  bool is_at(UdpSender::Port port, const UdpEndpoint& from) const override;
  bool may_be_at(UdpSender::Port port, const UdpEndpoint& from) const override;
  void on_datagram(UdpSender::Port port, const UdpEndpoint& from,
                   std::span<const std::uint8_t> bytes) override;
  void on_writable() override;

  std::size_t slot_of(std::size_t track) const { return track % slots_; }
  void update_destinations();
  Destination* find(std::size_t track);
  // The bytes sent; 0: nothing more can be sent now.
  std::size_t send_run(Destination& destination, std::size_t budget, std::int64_t now_ns);
  std::size_t send_ts(Destination& destination);
  void wait_pace(std::int64_t at_least_ns = 0);

  UdpPace pace_;
  UdpSender& sender_;
  std::size_t slots_;
  boost::asio::ip::address address_;
  std::vector<Destination> destinations_;
  boost::asio::steady_timer timer_;
  std::function<void()> touch_;
  TsDatagrams datagrams_;
  bool pacing_ = false, blocked_ = false;
  std::int64_t blocked_since_ns_ = 0;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace gateway::rtsp
