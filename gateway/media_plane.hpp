// Where media is received on a shard: the sockets, and what a feed needs to open an ingest.
// (With --role signalling another process will do this; the interface is this one's shape.)
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "gateway/config.hpp"
#include "gateway/ingest.hpp"
#include "gateway/media_resources.hpp"
#include "gateway/metrics.hpp"
#include "gateway/shard.hpp"
#include "gateway/shared_port.hpp"
#include "rtp/ssrc.hpp"

namespace gateway {

class MediaPlane {
 public:
  MediaPlane(Shard& shard, MediaResources& resources, const Config& config, Metrics& metrics);

  struct Opened {
    std::unique_ptr<Ingest> ingest;  // null: `error` says why
    std::string error;
  };
  // `connect_attempts`: of tcp_active, until the user hears that it failed.
  Opened open(Stream& stream, MediaTransport transport, std::vector<std::uint32_t> ssrcs,
              IngestUser& user, int connect_attempts = 4);

  StreamLimits stream_limits() const;
  // Whether a stream that is sent so comes to the one port for all: that is the first shard's, and
  // with it are all its streams.
  bool shares_port(MediaTransport transport) const {
    return config_.media.rtp_port != 0 && transport != MediaTransport::tcp_active;
  }
  MediaResources& resources() { return resources_; }
  Shard& shard() { return shard_; }
  const Config& config() const { return config_; }

  // Figures of ingests that are gone, so that totals never fall.
  void account(const IngestFigures& figures);

 private:
  PipelineConfig pipeline_config(MediaTransport transport) const;
  std::string give_port(IngestOptions& options);
  std::string share_port(IngestOptions& options);
  void watch_shared_port();
  void watch(Ingest& ingest, const std::string& stream);

  Shard& shard_;
  MediaResources& resources_;
  const Config& config_;
  Metrics& metrics_;
  std::unique_ptr<SharedPort> shared_;  // with media.rtp_port, once it is used
  rtp::SsrcGenerator generator_;
  Counter& packets_;
  Counter& bytes_;
  Counter& lost_;
  std::vector<Metrics::Callback> gauges_;
};

}  // namespace gateway
