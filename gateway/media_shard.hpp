// A shard's world of media: the sockets it comes by, the streams, the RTSP connections of those who
// watch them, and the figures of all that. One thread; see Shard.
#pragma once

#include "gateway/media_plane.hpp"
#include "gateway/metrics.hpp"
#include "gateway/rtsp/server.hpp"
#include "gateway/shard.hpp"
#include "gateway/stream_directory.hpp"

namespace gateway {

// What all shards share, thread-safe or the first shard's.
struct MediaCommons {
  MediaCommons(const Config& config_, const std::vector<std::unique_ptr<Shard>>& shards,
               Cameras& cameras_)
      : config(config_),
        cameras(cameras_),
        resources(config),
        homes(shards, config.media.max_streams, config.server.shard_full_percent / 100.0) {}

  const Config& config;
  Cameras& cameras;
  MediaResources resources;
  RememberedTracks remembered;
  StreamHomes homes;
};

class MediaShard {
 public:
  MediaShard(Shard& shard, MediaCommons& commons, rtsp::ServerOptions options, rtsp::ServerLog log);
  MediaShard(const MediaShard&) = delete;
  MediaShard& operator=(const MediaShard&) = delete;

  Shard& shard() { return shard_; }
  StreamDirectory& streams() { return streams_; }
  rtsp::Server& rtsp() { return rtsp_; }
  MetricsPage figures() const { return metrics_.sample(); }
  // Ends all streams and connections.
  void stop(const std::string& reason);

 private:
  void register_metrics(StreamHomes& homes);

  Shard& shard_;
  Metrics metrics_;
  MediaPlane plane_;
  StreamDirectory streams_;
  rtsp::Server rtsp_;
  std::vector<Metrics::Callback> gauges_;
};

}  // namespace gateway
