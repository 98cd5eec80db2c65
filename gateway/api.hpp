// The gateway as the HTTP API sees it: devices, streams and ingests as plain values.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "gateway/config.hpp"
#include "gateway/device_registry.hpp"
#include "gateway/http/backend.hpp"
#include "gateway/rtsp/live_viewer.hpp"
#include "gateway/signalling.hpp"
#include "gateway/stream_directory.hpp"

namespace gateway {

class Api final : public http::Backend {
 public:
  using ViewersOf = std::function<std::vector<rtsp::ViewerFigures>()>;
  using DeparturesOf = std::function<std::vector<rtsp::Departure>()>;

  // The references must outlive it. `viewers` lists all RTSP viewers at this moment.
  Api(const Config& config, DeviceRegistry& registry, Signalling& signalling,
      StreamDirectory& streams, http::SipBackend& sip, ViewersOf viewers, DeparturesOf departures);

  http::Version version() const override;
  http::Readiness readiness() const override;

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
  http::StreamInfo info(StreamDirectory::Entry& entry) const;
  http::Ingest ingest_info(StreamDirectory::Entry& entry) const;
  std::string rtsp_url(const std::string& name) const;
  std::string media_host() const;

  const Config& config_;
  DeviceRegistry& registry_;
  Signalling& signalling_;
  StreamDirectory& streams_;
  http::SipBackend& sip_;
  ViewersOf viewers_;
  DeparturesOf departures_;
  http::WallTime started_;
};

}  // namespace gateway
