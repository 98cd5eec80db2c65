// Where media is received: the ports, the SSRCs, the sockets. What a feed needs to open an ingest.
// (With --role signalling another process will do this; the interface is this one's shape.)
#pragma once

#include <boost/asio/io_context.hpp>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "gateway/alarm_clock.hpp"
#include "gateway/config.hpp"
#include "gateway/ingest.hpp"
#include "gateway/metrics.hpp"
#include "gateway/shared_port.hpp"
#include "gb28181/sdp_profile.hpp"
#include "rtp/net/port_pool.hpp"
#include "rtp/ssrc.hpp"

namespace gateway {

class MediaPlane {
 public:
  MediaPlane(boost::asio::io_context& io, AlarmClock& clock, const Config& config,
             Metrics& metrics);

  struct Opened {
    std::unique_ptr<Ingest> ingest;  // null: `error` says why
    std::string error;
  };
  // `connect_attempts`: of tcp_active, until the user hears that it failed.
  Opened open(Stream& stream, MediaTransport transport, std::vector<std::uint32_t> ssrcs,
              IngestUser& user, int connect_attempts = 4);

  StreamLimits stream_limits() const;
  gb28181::SsrcAllocator& ssrcs() { return y_ssrcs_; }
  AlarmClock& clock() { return clock_; }
  boost::asio::io_context& io() { return io_; }
  const Config& config() const { return config_; }

  // Figures of ingests that are gone, so that totals never fall.
  void account(const IngestFigures& figures);

 private:
  PipelineConfig pipeline_config(MediaTransport transport) const;
  std::string give_port(IngestOptions& options);
  std::string share_port(IngestOptions& options);
  void watch_shared_port();
  void watch(Ingest& ingest, const std::string& stream);

  boost::asio::io_context& io_;
  AlarmClock& clock_;
  const Config& config_;
  Metrics& metrics_;
  rtp::net::PortPool ports_;
  std::unique_ptr<SharedPort> shared_;  // with media.rtp_port, once it is used
  rtp::SsrcGenerator generator_;
  gb28181::SsrcAllocator y_ssrcs_;
  // By port: a sender that missed its BYE must not enter the next session.
  std::unordered_map<std::uint16_t, std::shared_ptr<FormerSession>> former_;
  Counter& packets_;
  Counter& bytes_;
  Counter& lost_;
  std::vector<Metrics::Callback> gauges_;
};

}  // namespace gateway
