#include "gateway/api.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "gateway/device_rows.hpp"
#include "rtp/payload/sdp_attributes.hpp"

namespace gateway {
namespace {

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return text;
}

// Whether any of the texts has `part` in it, in any letter case.
bool matches(const std::string& part, std::initializer_list<std::string> texts) {
  if (part.empty()) return true;
  const auto wanted = lower(part);
  return std::any_of(texts.begin(), texts.end(), [&](const std::string& text) {
    return lower(text).find(wanted) != std::string::npos;
  });
}

template <class T>
void put(http::Page<T>& page, const http::Paging& paging, const auto& make) {
  if (page.total >= paging.offset && page.items.size() < paging.limit) page.items.push_back(make());
  ++page.total;
}

std::optional<http::WallTime> unless_never(WallTime time) {
  if (time == WallTime{}) return std::nullopt;
  return time;
}

http::Device device_info(const Device& device) {
  http::Device info;
  info.id = device.id();
  info.name = device.info.device_name;
  info.manufacturer = device.info.manufacturer;
  info.model = device.info.model;
  info.firmware = device.info.firmware;
  info.online = device.session.online();
  if (!info.online) info.offline_reason = device.offline_reason;
  info.transport = device.flow.transport == sip::Transport::udp ? "udp" : "tcp";
  info.remote_address = to_string(device.flow.remote);
  info.gb_version = device.gb_version;
  info.registered_until = unless_never(device.registered_until);
  info.last_seen = unless_never(device.last_seen);
  info.channels = device.channels.size();
  return info;
}

http::Channel channel_info(const gb28181::manscdp::CatalogItem& item, std::string rtsp) {
  http::Channel info;
  info.id = item.device_id;
  info.name = item.name;
  info.manufacturer = item.manufacturer;
  info.model = item.model;
  info.address = item.address;
  info.parent_id = item.parent_id;
  info.civil_code = item.civil_code;
  info.online = gb28181::is_on(item);
  info.ptz_type = item.ptz_type.value_or(0);
  info.longitude_deg = item.longitude;
  info.latitude_deg = item.latitude;
  info.rtsp = std::move(rtsp);
  return info;
}

http::StreamTrack track_info(const rtp::Track& track) {
  http::StreamTrack info;
  info.codec = rtp::to_string(track.codec);
  info.ssrc = track.ssrc;
  info.payload_type = track.payload_type;
  info.clock_rate_hz = track.clock_rate_hz;
  if (rtp::kind_of(track.codec) == rtp::MediaKind::audio) info.channels = track.channels;
  if (const auto size = rtp::payload::video_size(track)) {
    info.width = size->width;
    info.height = size->height;
  }
  return info;
}

http::StreamViewer viewer_info(const rtsp::ViewerFigures& figures) {
  http::StreamViewer info;
  info.id = figures.session;
  info.remote_address = figures.peer;
  info.transport = figures.transport;
  info.since = std::chrono::time_point_cast<std::chrono::milliseconds>(figures.since);
  info.packets = figures.packets;
  info.bytes = figures.bytes;
  info.skips = figures.skips;
  info.skipped_units = figures.skipped_units;
  info.queue_age_ms = figures.queue_age_ms;
  return info;
}

http::DepartedViewer departed_info(const rtsp::Departure& departure) {
  http::DepartedViewer info;
  info.viewer = viewer_info(departure.viewer);
  info.until = std::chrono::time_point_cast<std::chrono::milliseconds>(departure.at);
  info.reason = departure.reason;
  info.too_slow = departure.too_slow;
  return info;
}

const char* to_string(StreamDirectory::State state) {
  switch (state) {
    case StreamDirectory::State::starting:
      return "starting";
    case StreamDirectory::State::live:
      return "live";
    case StreamDirectory::State::lingering:
      return "lingering";
    case StreamDirectory::State::resuming:
      return "resuming";
    case StreamDirectory::State::ended:
      break;
  }
  return "ended";
}

http::Refusal not_found(std::string detail) {
  return {404, "not_found", std::move(detail)};
}

const char* word_for(int status) {
  switch (status) {
    case 404:
      return "not_found";
    case 403:
      return "refused";
    case 409:
      return "conflict";
    case 504:
      return "no_answer";
    case 502:
      return "bad_media";
    default:
      return "unavailable";
  }
}

}  // namespace

Api::Api(const Config& config, DeviceRegistry& registry, Signalling& signalling,
         StreamDirectory& streams, http::SipBackend& sip, ViewersOf viewers,
         DeparturesOf departures)
    : config_(config),
      registry_(registry),
      signalling_(signalling),
      streams_(streams),
      sip_(sip),
      viewers_(std::move(viewers)),
      departures_(std::move(departures)),
      started_(wall_now()) {}

http::Version Api::version() const {
  return {GBGATE_VERSION,   config_.sip.id,    config_.sip.realm(),
          config_.sip.port, config_.rtsp.port, started_};
}

http::Readiness Api::readiness() const {
  return {true, {}};
}

std::string Api::media_host() const {
  if (!config_.media.advertised_address.empty()) return config_.media.advertised_address;
  if (!config_.sip.advertised_address.empty()) return config_.sip.advertised_address;
  const auto listen = sip::IpAddress::parse(config_.media.listen_address);
  return listen && !listen->is_unspecified() ? config_.media.listen_address : "127.0.0.1";
}

std::string Api::rtsp_url(const std::string& name) const {
  const auto host =
      config_.rtsp.advertised_address.empty() ? media_host() : config_.rtsp.advertised_address;
  return fmt::format("rtsp://{}:{}/{}", host, config_.rtsp.port, name);
}

// ---- devices ----

http::Awaitable<http::Page<http::Device>> Api::list_devices(http::DeviceFilter filter,
                                                            http::Paging paging) {
  http::Page<http::Device> page;
  for (const auto* device : registry_.sorted()) {
    if (filter.online && *filter.online != device->session.online()) continue;
    if (!matches(filter.text, {device->id(), device->info.device_name, device->info.manufacturer,
                               device->info.model, to_string(device->flow.remote)}))
      continue;
    put(page, paging, [&] { return device_info(*device); });
  }
  co_return page;
}

http::Awaitable<http::Reply<http::Device>> Api::device(std::string device_id) {
  const auto* device = registry_.find(device_id);
  if (!device) co_return not_found(fmt::format("device {} has never registered", device_id));
  co_return device_info(*device);
}

http::Awaitable<http::Reply<http::Page<http::Channel>>> Api::list_channels(
    std::string device_id, http::ChannelFilter filter, http::Paging paging) {
  const auto* device = registry_.find(device_id);
  if (!device) co_return not_found(fmt::format("device {} has never registered", device_id));
  http::Page<http::Channel> page;
  for (const auto& item : device->channels.items()) {
    if (filter.online && *filter.online != gb28181::is_on(item)) continue;
    if (!filter.parent_id.empty() && item.parent_id.find(filter.parent_id) == std::string::npos)
      continue;
    if (!matches(filter.text, {item.device_id, item.name, item.address})) continue;
    put(page, paging, [&] {
      return channel_info(item, rtsp_url(fmt::format("{}/{}", device_id, item.device_id)));
    });
  }
  co_return page;
}

http::Reply<Device*> Api::online_device(const std::string& device_id) {
  auto* device = registry_.find(device_id);
  if (!device) return not_found(fmt::format("device {} has never registered", device_id));
  if (!device->session.online())
    return http::Refusal{
        503, "device_offline",
        fmt::format("device {} is off line: {}", device_id, device->offline_reason)};
  return device;
}

http::Awaitable<http::Reply<void>> Api::refresh_catalog(std::string device_id) {
  const auto device = online_device(device_id);
  if (!device) co_return device.error();
  signalling_.request_catalog(**device);
  co_return http::Reply<void>();
}

http::Awaitable<http::Reply<void>> Api::request_key_frame(std::string device_id,
                                                          std::string channel_id) {
  const auto device = online_device(device_id);
  if (!device) co_return device.error();
  signalling_.request_key_frame(**device, channel_id);
  co_return http::Reply<void>();
}

// ---- streams ----

http::StreamInfo Api::info(StreamDirectory::Entry& entry) const {
  http::StreamInfo info;
  info.name = entry.name();
  info.state = to_string(entry.state());
  info.rtsp = rtsp_url(entry.name());
  info.since = entry.since();
  for (const auto& track : entry.stream().tracks()) info.tracks.push_back(track_info(track));
  const auto source = entry.feed()->source();
  info.device_id = source.device_id;
  info.channel_id = source.channel_id;
  info.source.transport = gateway::to_string(source.transport);
  info.source.local_address = source.local_address;
  if (const auto* ingest = entry.feed()->ingest()) {
    const auto figures = ingest->figures();
    info.source.remote_address = figures.remote_address;
    info.source.ssrc = figures.ssrc;
    info.source.packets = figures.packets;
    info.source.bytes = figures.bytes;
    info.source.lost = figures.lost;
    info.source.reordered = figures.reordered;
    info.source.duplicates = figures.duplicates;
    info.source.invalid = figures.invalid;
    info.source.refused = figures.refused;
    info.source.dropped = figures.kernel_drops;
    info.source.damaged_units = figures.damaged_units;
    info.source.timestamp_jumps = figures.timestamp_jumps;
    info.source.resyncs = figures.resyncs;
    info.source.skipped_bytes = figures.skipped_bytes;
    info.source.receiver_reports = figures.receiver_reports;
    info.source.payload = figures.packets == 0 ? "" : figures.elementary ? "es" : "ps";
    info.source.jitter_ms = figures.jitter_ms;
    info.source.bitrate_bps = figures.bitrate_bps;
  }
  const auto& requests = entry.stream().key_requests();
  info.key_frame_requests = requests.requests();
  info.key_frames_on_request = gateway::to_string(requests.memory().obedience);
  for (const auto& viewer : viewers_()) {
    if (viewer.stream == entry.name()) info.viewers.push_back(viewer_info(viewer));
  }
  for (const auto& departure : departures_()) {
    if (departure.viewer.stream == entry.name()) info.departed.push_back(departed_info(departure));
  }
  return info;
}

http::Awaitable<http::Page<http::StreamInfo>> Api::list_streams(http::StreamFilter filter,
                                                                http::Paging paging) {
  http::Page<http::StreamInfo> page;
  for (const auto& entry : streams_.all()) {
    if (matches(filter.text, {entry->name()})) put(page, paging, [&] { return info(*entry); });
  }
  co_return page;
}

http::Awaitable<http::Reply<http::StreamInfo>> Api::stream(std::string name) {
  const auto entry = streams_.find(name);
  if (!entry) co_return not_found(fmt::format("no stream {} is running", name));
  co_return info(*entry);
}

http::Awaitable<http::Reply<http::StreamStarted>> Api::start_stream(http::StreamStart start) {
  const bool running = streams_.find(start.name) != nullptr;
  const auto opened = co_await streams_.start(start.name, start.keep);
  if (!opened.hold) co_return http::Refusal{opened.status, word_for(opened.status), opened.reason};
  const auto name = opened.hold->stream().name();
  co_return http::StreamStarted{name, rtsp_url(name), running};
}

http::Awaitable<http::Reply<void>> Api::stop_stream(std::string name, std::string reason) {
  if (!streams_.stop(name, reason.empty() ? "stopped by the API" : reason))
    co_return not_found(fmt::format("no stream {} is running", name));
  co_return http::Reply<void>();
}

// ---- ingests: an ingest's id is its name ----

http::Ingest Api::ingest_info(StreamDirectory::Entry& entry) const {
  const auto& feed = dynamic_cast<const NodeFeed&>(*entry.feed());
  http::Ingest info;
  info.id = info.name = entry.name();
  info.transport = feed.request().transport;
  info.host = feed.host();
  info.port = feed.port();
  info.ssrc = feed.request().ssrc;
  info.remote = feed.request().remote;
  info.rtsp = rtsp_url(entry.name());
  info.state = entry.state() == StreamDirectory::State::ended ? "ended"
               : feed.live()                                  ? "live"
                                                              : "waiting";
  return info;
}

http::Awaitable<http::Page<http::Ingest>> Api::list_ingests(http::Paging paging) {
  http::Page<http::Ingest> page;
  for (const auto& entry : streams_.all()) {
    if (dynamic_cast<const NodeFeed*>(entry->feed()))
      put(page, paging, [&] { return ingest_info(*entry); });
  }
  co_return page;
}

http::Awaitable<http::Reply<http::Ingest>> Api::ingest(std::string id) {
  const auto entry = streams_.find(id);
  if (!entry || !dynamic_cast<const NodeFeed*>(entry->feed()))
    co_return not_found(fmt::format("no ingest {} is open", id));
  co_return ingest_info(*entry);
}

http::Awaitable<http::Reply<http::Ingest>> Api::create_ingest(http::IngestRequest request) {
  const auto added = streams_.add_ingest(request, media_host());
  if (!added.entry) co_return http::Refusal{added.status, word_for(added.status), added.reason};
  co_return ingest_info(*added.entry);
}

http::Awaitable<http::Reply<void>> Api::delete_ingest(std::string id) {
  const auto entry = streams_.find(id);
  if (!entry || !dynamic_cast<const NodeFeed*>(entry->feed()))
    co_return not_found(fmt::format("no ingest {} is open", id));
  streams_.stop(id, "deleted by the API");
  co_return http::Reply<void>();
}

}  // namespace gateway
