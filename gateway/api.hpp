// The gateway as the HTTP API sees it: devices, streams and ingests as plain values. Lives on the
// first shard; what it tells of streams their shards are asked for.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "gateway/config.hpp"
#include "gateway/device_registry.hpp"
#include "gateway/http/backend.hpp"
#include "gateway/media_shard.hpp"
#include "gateway/signalling.hpp"

namespace gateway {

class Api final : public http::Backend {
 public:
  using MediaShards = std::vector<std::unique_ptr<MediaShard>>;

  // The references must outlive it.
  Api(const Config& config, DeviceRegistry& registry, Signalling& signalling, StreamHomes& homes,
      const MediaShards& media, http::SipBackend& sip);

  http::Version version() const override;
  http::Readiness readiness() const override;
  http::Awaitable<MetricsPage> figures_elsewhere() override;
  http::Awaitable<std::vector<http::Shard>> shards() override;

  http::Awaitable<http::Page<http::Device>> list_devices(http::DeviceFilter filter,
                                                         http::Paging paging) override;
  http::Awaitable<http::Reply<http::Device>> device(std::string device_id) override;
  http::Awaitable<http::Reply<http::Page<http::Channel>>> list_channels(
      std::string device_id, http::ChannelFilter filter, http::Paging paging) override;
  http::Awaitable<http::Reply<void>> refresh_catalog(std::string device_id) override;
  http::Awaitable<http::Reply<void>> request_key_frame(std::string device_id,
                                                       std::string channel_id) override;

  http::Awaitable<http::Page<http::StreamInfo>> list_streams(http::StreamFilter filter,
                                                             http::Paging paging) override;
  http::Awaitable<http::Reply<http::StreamInfo>> stream(std::string name) override;
  http::Awaitable<http::Reply<http::StreamStarted>> start_stream(http::StreamStart start) override;
  http::Awaitable<http::Reply<void>> stop_stream(std::string name, std::string reason) override;

  http::Awaitable<http::Page<http::Ingest>> list_ingests(http::Paging paging) override;
  http::Awaitable<http::Reply<http::Ingest>> ingest(std::string id) override;
  http::Awaitable<http::Reply<http::Ingest>> create_ingest(http::IngestRequest request) override;
  http::Awaitable<http::Reply<void>> delete_ingest(std::string id) override;

  http::SipBackend& sip() override { return sip_; }

 private:
  http::Reply<Device*> online_device(const std::string& device_id);
  // On the stream's shard.
  http::Ingest ingest_info(StreamDirectory::Entry& entry) const;
  http::StreamInfo info(StreamDirectory::Entry& entry,
                        const std::vector<rtsp::ViewerFigures>& viewers,
                        const std::vector<rtsp::Departure>& departures) const;
  // All of these that are there.
  http::Awaitable<std::vector<http::StreamInfo>> infos(MediaShard& media,
                                                       std::vector<std::string> names);
  // Null when no stream of that name runs.
  MediaShard* home(const std::string& name) const;
  std::string rtsp_url(const std::string& name) const;
  std::string media_host() const;

  const Config& config_;
  DeviceRegistry& registry_;
  Signalling& signalling_;
  StreamHomes& homes_;
  const MediaShards& media_;
  http::SipBackend& sip_;
  http::WallTime started_;
};

}  // namespace gateway
