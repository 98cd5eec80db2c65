#include "gateway/media_shard.hpp"

#include <algorithm>

namespace gateway {

MediaShard::MediaShard(Shard& shard, MediaCommons& commons, rtsp::ServerOptions options,
                       rtsp::ServerLog log)
    : shard_(shard),
      plane_(shard, commons.resources, commons.config, metrics_),
      streams_(plane_, commons.cameras, commons.homes, commons.remembered, metrics_),
      rtsp_(shard.io().get_executor(), streams_, std::move(options), std::move(log)) {
  register_metrics(commons.homes);
}

void MediaShard::stop(const std::string& reason) {
  streams_.stop_all(reason);
  rtsp_.stop();
}

void MediaShard::register_metrics(StreamHomes& homes) {
  const auto figure = [this](MetricKind kind, const char* name, const char* help, auto read,
                             const Labels& labels = {}) {
    gauges_.push_back(metrics_.on_render(kind, name, help, labels, read));
  };
  figure(MetricKind::gauge, "gbgate_viewers", "RTSP viewers that play",
         [this] { return static_cast<double>(rtsp_.viewers().size()); });
  figure(MetricKind::gauge, "gbgate_rtsp_connections", "RTSP connections open",
         [this] { return static_cast<double>(rtsp_.connections()); });
  figure(MetricKind::counter, "gbgate_rtsp_requests_total", "RTSP requests",
         [this] { return static_cast<double>(rtsp_.counters().requests); });
  figure(MetricKind::counter, "gbgate_rtsp_moves_total",
         "RTSP connections that went to the shard of their stream",
         [this] { return static_cast<double>(rtsp_.counters().moved_connections); });
  figure(MetricKind::counter, "gbgate_viewer_skipped_units_total",
         "Pictures not sent because a viewer could not keep up",
         [this] { return static_cast<double>(rtsp_.counters().skipped_units); });
  figure(MetricKind::counter, "gbgate_viewer_skips_total",
         "Times that a slow viewer went on at a later key frame",
         [this] { return static_cast<double>(rtsp_.counters().skips); });
  figure(MetricKind::counter, "gbgate_viewers_too_slow_total",
         "Viewers that were disconnected because they took too little",
         [this] { return static_cast<double>(rtsp_.counters().slow_viewers); });
  figure(MetricKind::maximum, "gbgate_viewer_queue_age_seconds_max",
         "Age of the oldest packet that waits for a viewer", [this] {
           std::int64_t oldest_ms = 0;
           for (const auto& viewer : rtsp_.viewers())
             oldest_ms = std::max(oldest_ms, viewer.queue_age_ms);
           return static_cast<double>(oldest_ms) / 1000;
         });
  const Labels own{{"shard", std::to_string(shard_.index())}};
  figure(
      MetricKind::gauge, "gbgate_shard_busy_ratio",
      "Share of the last second that the shard's thread was at work",
      [this] { return shard_.busy(); }, own);
  figure(
      MetricKind::gauge, "gbgate_shard_streams", "Streams that live on the shard",
      [this, &homes] { return static_cast<double>(homes.streams(shard_.index())); }, own);
  figure(
      MetricKind::gauge, "gbgate_shard_viewers", "RTSP viewers that play on the shard",
      [this] { return static_cast<double>(rtsp_.viewers().size()); }, own);
}

}  // namespace gateway
