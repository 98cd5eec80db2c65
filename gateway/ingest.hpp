// The receiving half of a stream: a port or a connection, who may send there, what came, and the
// RTCP that tells the sender. Shell around MediaPipeline.
#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "gateway/alarm_clock.hpp"
#include "gateway/config.hpp"
#include "gateway/media_pipeline.hpp"
#include "gateway/metrics.hpp"
#include "gateway/shared_port.hpp"
#include "rtp/net/port_pool.hpp"
#include "rtp/net/tcp_port.hpp"
#include "rtp/net/udp_port.hpp"
#include "rtp/rtcp_session.hpp"

namespace gateway {

// Counted since the ingest was opened.
struct IngestFigures {
  std::uint64_t packets = 0, bytes = 0;  // RTP of the source that is followed
  std::uint64_t lost = 0, reordered = 0, duplicates = 0;
  std::uint64_t invalid = 0;  // neither RTP nor RTCP, or malformed
  std::uint64_t refused = 0;  // from senders that are not the source
  std::uint64_t kernel_drops = 0, timestamp_jumps = 0, receiver_reports = 0;
  std::uint64_t damaged_units = 0;               // frames that lost bytes
  std::uint64_t resyncs = 0, skipped_bytes = 0;  // TCP: the sender broke the framing
  bool elementary = false;                       // no program stream
  double jitter_ms = 0;
  std::uint32_t ssrc = 0;
  std::string remote_address;  // "10.0.0.5:30010"; empty before the first packet
  std::uint64_t bitrate_bps = 0;
};

// What the owner of an ingest wants to know. Called on the shard's thread, never from inside a
// call to the ingest; the owner may close or destroy it.
class IngestUser {
 public:
  virtual void on_first_media() = 0;
  // TCP: the device closed, or no connection came about.
  virtual void on_media_closed(const std::string& reason) = 0;

 protected:
  ~IngestUser() = default;
};

// Of the session that had a port before; the one that has it now leaves its own here at its end.
struct FormerSession {
  std::string stream;
  std::vector<rtp::FormerSender> senders;
};

struct IngestOptions {
  MediaTransport transport = MediaTransport::udp;
  boost::asio::ip::address listen_address;
  rtp::net::PortLease lease;     // of its own port, or
  SharedPort* shared = nullptr;  // the port of all, which must outlive the ingest
  rtp::SsrcPolicy ssrc_policy = rtp::SsrcPolicy::learn;
  std::vector<std::uint32_t> expected_ssrcs;
  std::shared_ptr<FormerSession> former;  // of the lease's port; may be null
  int connect_attempts = 4;               // tcp_active, before on_media_closed()
  int receive_buffer_bytes = 0;
  std::string cname;
  PipelineConfig pipeline;
};

class Ingest final : private rtp::net::UdpPortUser,
                     private rtp::net::TcpPortUser,
                     private rtp::net::TcpConnectionUser,
                     private SharedPort::Receiver {
 public:
  Ingest(boost::asio::io_context& io, AlarmClock& clock, Stream& stream, rtp::SsrcGenerator& ssrcs,
         IngestUser& user, IngestOptions options);
  ~Ingest() override;
  Ingest(const Ingest&) = delete;
  Ingest& operator=(const Ingest&) = delete;

  // Starts to receive (udp, tcp_passive); tcp_active waits for connect().
  rtp::Result<void> open();
  void connect(const boost::asio::ip::tcp::endpoint& to);
  // The answer named another SSRC than the offer.
  void expect(std::uint32_t ssrc);
  // Where the media is likely to come from: on a shared port a sender with another SSRC than agreed
  // is known by it. Ignored when it is no IP address.
  void expect_host(const std::string& host);
  // The answer named what a payload type is.
  void declare(const rtp::es::Format& format) { pipeline_.declare(format); }
  void close();

  MediaTransport transport() const { return options_.transport; }
  std::uint16_t port() const {
    return options_.shared ? options_.shared->port() : options_.lease.rtp_port();
  }
  // Cheap: for every tick.
  std::uint64_t packets() const { return packets_; }
  std::uint64_t bytes() const { return bytes_; }
  IngestFigures figures() const;
  // What shows its figures to the outside, until it is closed.
  void keep(std::vector<Metrics::Callback> meters) { meters_ = std::move(meters); }
  std::string diagnosis() const { return pipeline_.diagnosis(); }
  std::string describe() const { return pipeline_.describe(); }
  // Once a second or so, for the bit rate.
  void tick(sip::TimePoint now);

 private:
  void on_datagrams(std::span<rtp::net::Datagram> datagrams) override;
  void on_connected(const boost::asio::ip::tcp::endpoint& peer) override;
  void on_packets(std::span<rtp::Slice> packets, std::int64_t arrival_ns) override;
  void on_end(const boost::system::error_code& error, const std::string& reason) override;
  void on_packets(rtp::net::TcpConnection&, std::span<rtp::Slice> packets,
                  std::int64_t arrival_ns) override;
  void on_end(rtp::net::TcpConnection&, const boost::system::error_code& error,
              const std::string& reason) override;
  void take_datagrams(std::span<rtp::net::Datagram> datagrams) override { on_datagrams(datagrams); }
  std::optional<rtp::SourceAddress> source() const override { return selector_.address(); }
  bool take_connection(rtp::net::TcpConnection& connection, std::span<rtp::Slice> packets,
                       std::int64_t arrival_ns) override;

  rtp::Result<void> open_udp();
  rtp::Result<void> open_tcp();
  void leave_behind();
  bool is_foreign_rtcp(const rtp::net::Datagram& datagram) const;
  void name_refused(std::uint32_t ssrc, const rtp::SourceAddress& from);
  void take(rtp::Slice&& bytes, const rtp::SourceAddress& from, std::int64_t arrival_ns);
  void take_rtcp(std::span<const std::uint8_t> bytes, std::int64_t arrival_ns);
  void end_of_batch(std::int64_t now_ns);
  void on_deadline();
  void arm();
  void send_rtcp();
  void send_rtcp_to(const boost::asio::ip::udp::endpoint& to);

  boost::asio::io_context& io_;
  IngestUser& user_;
  IngestOptions options_;
  const std::string name_;  // of the stream
  MediaPipeline pipeline_;
  rtp::SourceSelector selector_;
  rtp::RtcpReceiver rtcp_;
  Alarm alarm_;
  std::optional<rtp::net::UdpPort> udp_;
  std::optional<rtp::net::TcpPort> tcp_;
  std::optional<SharedPort::Session> session_;   // of the shared port
  std::optional<rtp::net::TcpConnection> link_;  // that came to the shared port
  std::optional<boost::asio::ip::udp::endpoint> rtp_from_, rtcp_from_;
  boost::asio::ip::udp::endpoint sender_endpoint_;  // of the newest RTP datagram
  rtp::SourceAddress sender_;                       // the same
  rtp::SourceAddress tcp_from_;
  std::uint64_t packets_ = 0, bytes_ = 0, invalid_ = 0, refused_rtcp_ = 0, receiver_reports_ = 0;
  bool first_media_told_ = false, closed_ = false, refused_named_ = false;
  std::uint64_t tick_bytes_ = 0, bitrate_bps_ = 0;
  sip::TimePoint tick_at_{};
  std::vector<std::uint8_t> rtcp_out_;  // reused
  std::vector<Metrics::Callback> meters_;
};

}  // namespace gateway
