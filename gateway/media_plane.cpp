#include "gateway/media_plane.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <random>

namespace gateway {
namespace {

std::uint64_t random_seed() {
  std::random_device random;
  return std::uint64_t{random()} << 32 | random();
}

std::int64_t ns(std::chrono::milliseconds t) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(t).count();
}

}  // namespace

MediaPlane::MediaPlane(Shard& shard, MediaResources& resources, const Config& config,
                       Metrics& metrics)
    : shard_(shard),
      resources_(resources),
      config_(config),
      metrics_(metrics),
      generator_(random_seed()),
      packets_(metrics.counter("gbgate_ingest_packets_total",
                               "RTP packets of all sources, ended ones too")),
      bytes_(metrics.counter("gbgate_ingest_bytes_total", "RTP bytes of all sources")),
      lost_(metrics.counter("gbgate_ingest_lost_packets_total",
                            "RTP packets of all sources that did not come")) {
  watch_shared_port();
}

PipelineConfig MediaPlane::pipeline_config(MediaTransport transport) const {
  PipelineConfig pipeline;
  pipeline.reorder.deadline_ns = ns(config_.media.reorder_delay);
  pipeline.reorder.window = static_cast<std::uint16_t>(config_.media.reorder_packets);
  // The configured size counts the RTP header.
  pipeline.max_payload_bytes = config_.media.rtp_packet_bytes - 12u;
  pipeline.in_order = transport != MediaTransport::udp;
  return pipeline;
}

MediaPlane::Opened MediaPlane::open(Stream& stream, MediaTransport transport,
                                    std::vector<std::uint32_t> ssrcs, IngestUser& user,
                                    int connect_attempts) {
  boost::system::error_code ec;
  IngestOptions options;
  options.transport = transport;
  options.listen_address = boost::asio::ip::make_address(config_.media.listen_address, ec);
  if (ec)
    return {nullptr, fmt::format("media.listen_address {:?} is no IP address",
                                 config_.media.listen_address)};
  options.expected_ssrcs = std::move(ssrcs);
  if (auto error = shares_port(transport) ? share_port(options) : give_port(options);
      !error.empty())
    return {nullptr, std::move(error)};
  options.ssrc_policy = config_.media.ssrc;
  options.connect_attempts = connect_attempts;
  options.receive_buffer_bytes =
      transport == MediaTransport::udp ? static_cast<int>(config_.media.socket_buffer_bytes) : 0;
  options.cname = stream.cname();
  options.pipeline = pipeline_config(transport);
  auto ingest = std::make_unique<Ingest>(shard_.io(), shard_.clock(), stream, generator_, user,
                                         std::move(options));
  if (const auto opened = ingest->open(); !opened)
    return {nullptr,
            fmt::format("cannot receive on port {}: {}", ingest->port(), opened.error().message())};
  watch(*ingest, stream.name());
  return {std::move(ingest), {}};
}

// Totals are of those that run and those that ended; loss, order and jitter also of each that runs.
void MediaPlane::watch(Ingest& ingest, const std::string& stream) {
  std::vector<Metrics::Callback> meters;
  const auto add = [&](MetricKind kind, const char* name, const char* help, const Labels& labels,
                       double (*of)(const IngestFigures&)) {
    const auto read = [&ingest, of] { return of(ingest.figures()); };
    meters.push_back(metrics_.on_render(kind, name, help, labels, read));
  };
  using Figures = const IngestFigures&;
  const auto packets = [](Figures f) { return static_cast<double>(f.packets); };
  const auto bytes = [](Figures f) { return static_cast<double>(f.bytes); };
  const auto lost = [](Figures f) { return static_cast<double>(f.lost); };
  const auto reordered = [](Figures f) { return static_cast<double>(f.reordered); };
  const auto jitter = [](Figures f) { return f.jitter_ms / 1000; };
  constexpr auto count = MetricKind::counter;
  add(count, "gbgate_ingest_packets_total", "", {}, packets);
  add(count, "gbgate_ingest_bytes_total", "", {}, bytes);
  add(count, "gbgate_ingest_lost_packets_total", "", {}, lost);
  const Labels labels{{"stream", stream}};
  add(count, "gbgate_stream_lost_packets_total", "RTP packets that did not come", labels, lost);
  add(count, "gbgate_stream_reordered_packets_total", "RTP packets put back in order", labels,
      reordered);
  add(MetricKind::gauge, "gbgate_stream_jitter_seconds", "RFC 3550 A.8", labels, jitter);
  ingest.keep(std::move(meters));
}

std::string MediaPlane::give_port(IngestOptions& options) {
  auto port = resources_.take_port(options.listen_address);
  if (!port) return std::move(port).error();
  options.lease = std::move(port->lease);
  options.former = std::move(port->former);
  return {};
}

// Late packets of an ended session find no session: their SSRC is no longer known.
std::string MediaPlane::share_port(IngestOptions& options) {
  if (!shared_) {
    SharedPortOptions shared;
    shared.address = options.listen_address;
    shared.port = config_.media.rtp_port;
    shared.policy = config_.media.ssrc;
    // Of all streams: as much as eight ports of their own.
    shared.receive_buffer_bytes = static_cast<int>(
        std::min<std::size_t>(8 * config_.media.socket_buffer_bytes, 256 * 1024 * 1024));
    auto port = std::make_unique<SharedPort>(shard_.io(), shard_.clock(), std::move(shared));
    if (const auto opened = port->open(); !opened)
      return fmt::format("cannot receive on media.rtp_port {}: {}", config_.media.rtp_port,
                         opened.error().message());
    shared_ = std::move(port);
  }
  options.shared = shared_.get();
  return {};
}

void MediaPlane::watch_shared_port() {
  const auto watch = [&](const char* name, const char* help, auto read) {
    gauges_.push_back(metrics_.on_render(MetricKind::counter, name, help, {}, [this, read] {
      return shared_ ? static_cast<double>(read(*shared_)) : 0.0;
    }));
  };
  watch("gbgate_media_strangers_total", "Packets on media.rtp_port that are of no stream",
        [](const SharedPort& port) { return port.counters().strangers; });
  watch("gbgate_media_refused_connections_total",
        "TCP connections to media.rtp_port of no stream, silent, or beside a live one",
        [](const SharedPort& port) { return port.counters().refused_connections; });
  watch("gbgate_media_port_drops_total", "Datagrams that the system dropped on media.rtp_port",
        [](const SharedPort& port) { return port.kernel_drops(); });
}

StreamLimits MediaPlane::stream_limits() const {
  return {.ring_bytes = config_.media.ring_bytes,
          .ring_packets = config_.media.ring_packets,
          .backlog_ns = ns(config_.media.ring_age)};
}

void MediaPlane::account(const IngestFigures& figures) {
  packets_.add(figures.packets);
  bytes_.add(figures.bytes);
  lost_.add(figures.lost);
}

}  // namespace gateway
