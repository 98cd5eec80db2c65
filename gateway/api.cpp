#include "gateway/api.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>

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

Api::Api(const Config& config, DeviceRegistry& registry, Signalling& signalling, StreamHomes& homes,
         const MediaShards& media, http::SipBackend& sip)
    : config_(config),
      registry_(registry),
      signalling_(signalling),
      homes_(homes),
      media_(media),
      sip_(sip),
      started_(wall_now()) {}

http::Version Api::version() const {
  return {GBGATE_VERSION,   config_.sip.id,    config_.sip.realm(),
          config_.sip.port, config_.rtsp.port, started_};
}

http::Readiness Api::readiness() const {
  return {true, {}};
}

http::Awaitable<MetricsPage> Api::figures_elsewhere() {
  MetricsPage page;
  for (const auto& media : media_) {
    auto sample = [&media = *media] { return media.figures(); };
    page.add(co_await media->shard().ask(sample));
  }
  co_return page;
}

http::Awaitable<std::vector<http::Shard>> Api::shards() {
  std::vector<http::Shard> all;
  for (const auto& media : media_) {
    auto count = [&media = *media] { return media.rtsp().viewers().size(); };
    http::Shard shard;
    shard.index = media->shard().index();
    shard.viewers = co_await media->shard().ask(count);
    shard.busy_ratio = media->shard().busy();
    shard.streams = homes_.streams(shard.index);
    all.push_back(shard);
  }
  co_return all;
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

MediaShard* Api::home(const std::string& name) const {
  const auto shard = homes_.find(name);
  return shard ? media_[*shard].get() : nullptr;
}

http::StreamInfo Api::info(StreamDirectory::Entry& entry,
                           const std::vector<rtsp::ViewerFigures>& viewers,
                           const std::vector<rtsp::Departure>& departures) const {
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
  for (const auto& viewer : viewers) {
    if (viewer.stream == entry.name()) info.viewers.push_back(viewer_info(viewer));
  }
  for (const auto& departure : departures) {
    if (departure.viewer.stream == entry.name()) info.departed.push_back(departed_info(departure));
  }
  return info;
}

http::Awaitable<std::vector<http::StreamInfo>> Api::infos(MediaShard& media,
                                                          std::vector<std::string> names) {
  auto look = [this, &media, names = std::move(names)] {
    const auto viewers = media.rtsp().viewers();
    const auto departures = media.rtsp().departures();
    std::vector<http::StreamInfo> found;
    for (const auto& name : names)
      if (const auto entry = media.streams().find(name))
        found.push_back(info(*entry, viewers, departures));
    return found;
  };
  co_return co_await media.shard().ask(look);
}

http::Awaitable<http::Page<http::StreamInfo>> Api::list_streams(http::StreamFilter filter,
                                                                http::Paging paging) {
  http::Page<http::StreamInfo> page;
  std::vector<std::vector<std::string>> wanted(media_.size());
  std::size_t chosen = 0;
  for (const auto& [name, shard] : homes_.all()) {
    if (!matches(filter.text, {name})) continue;
    if (page.total++ < paging.offset || chosen == paging.limit) continue;
    wanted[shard].push_back(name);
    ++chosen;
  }
  for (const auto& media : media_) {
    auto& names = wanted[media->shard().index()];
    if (names.empty()) continue;
    for (auto& info : co_await infos(*media, std::move(names)))
      page.items.push_back(std::move(info));
  }
  std::ranges::sort(page.items, {}, &http::StreamInfo::name);
  co_return page;
}

http::Awaitable<http::Reply<http::StreamInfo>> Api::stream(std::string name) {
  if (auto* const media = home(name)) {
    std::vector<std::string> names{name};
    auto found = co_await infos(*media, std::move(names));
    if (!found.empty()) co_return std::move(found.front());
  }
  co_return not_found(fmt::format("no stream {} is running", name));
}

// A stream is known by its name there; what keeps it is let go on its own shard.
http::Awaitable<http::Reply<http::StreamStarted>> Api::start_stream(http::StreamStart start) {
  const bool running = home(start.name) != nullptr;
  const auto location = co_await media_.front()->streams().locate(start.name);
  auto& media = *media_[location.shard];
  auto open = [](MediaShard& there,
                 http::StreamStart wish) -> http::Awaitable<http::Reply<std::string>> {
    const auto opened = co_await there.streams().start(wish.name, wish.keep);
    if (opened.elsewhere)
      co_return http::Refusal{503, "unavailable", "it has just been started elsewhere: try again"};
    if (!opened.hold)
      co_return http::Refusal{opened.status, word_for(opened.status), opened.reason};
    co_return opened.hold->stream().name();
  };
  auto opening = open(media, start);
  const auto name = co_await boost::asio::co_spawn(media.shard().io(), std::move(opening),
                                                   boost::asio::use_awaitable);
  if (!name) co_return name.error();
  co_return http::StreamStarted{*name, rtsp_url(*name), running};
}

http::Awaitable<http::Reply<void>> Api::stop_stream(std::string name, std::string reason) {
  if (auto* const media = home(name)) {
    auto stop = [media, name, why = reason.empty() ? "stopped by the API" : reason] {
      return media->streams().stop(name, why);
    };
    if (co_await media->shard().ask(stop)) co_return http::Reply<void>();
  }
  co_return not_found(fmt::format("no stream {} is running", name));
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
  std::vector<http::Ingest> all;
  for (const auto& media : media_) {
    auto look = [this, &media = *media] {
      std::vector<http::Ingest> found;
      for (const auto& entry : media.streams().all())
        if (dynamic_cast<const NodeFeed*>(entry->feed())) found.push_back(ingest_info(*entry));
      return found;
    };
    for (auto& ingest : co_await media->shard().ask(look)) all.push_back(std::move(ingest));
  }
  std::ranges::sort(all, {}, &http::Ingest::name);
  http::Page<http::Ingest> page;
  for (auto& ingest : all) put(page, paging, [&] { return std::move(ingest); });
  co_return page;
}

http::Awaitable<http::Reply<http::Ingest>> Api::ingest(std::string id) {
  if (auto* const media = home(id)) {
    auto look = [this, media, id]() -> std::optional<http::Ingest> {
      const auto entry = media->streams().find(id);
      if (!entry || !dynamic_cast<const NodeFeed*>(entry->feed())) return {};
      return ingest_info(*entry);
    };
    auto found = co_await media->shard().ask(look);
    if (found) co_return std::move(*found);
  }
  co_return not_found(fmt::format("no ingest {} is open", id));
}

http::Awaitable<http::Reply<http::Ingest>> Api::create_ingest(http::IngestRequest request) {
  const bool on_first =
      config_.media.rtp_port != 0 && request.transport != MediaTransport::tcp_active;
  const auto only = on_first ? std::optional(0u) : std::optional<unsigned>();
  auto& media = *media_[homes_.place(request.name, only)];
  auto add = [this, &media, request]() -> http::Reply<http::Ingest> {
    const auto added = media.streams().add_ingest(request, media_host());
    if (!added.entry) return http::Refusal{added.status, word_for(added.status), added.reason};
    return ingest_info(*added.entry);
  };
  co_return co_await media.shard().ask(add);
}

http::Awaitable<http::Reply<void>> Api::delete_ingest(std::string id) {
  if (auto* const media = home(id)) {
    auto stop = [media, id] {
      const auto entry = media->streams().find(id);
      if (!entry || !dynamic_cast<const NodeFeed*>(entry->feed())) return false;
      return media->streams().stop(id, "deleted by the API");
    };
    if (co_await media->shard().ask(stop)) co_return http::Reply<void>();
  }
  co_return not_found(fmt::format("no ingest {} is open", id));
}

}  // namespace gateway
