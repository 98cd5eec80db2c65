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

MediaPlane::MediaPlane(boost::asio::io_context& io, AlarmClock& clock, const Config& config,
                       Metrics& metrics)
    : io_(io),
      clock_(clock),
      config_(config),
      ports_({.first = config.media.rtp_port_min, .last = config.media.rtp_port_max}),
      generator_(random_seed()),
      // Not where the last run began: its senders may still be sending.
      y_ssrcs_(config.sip.id, static_cast<unsigned>(random_seed() % gb28181::SsrcAllocator::count)),
      packets_(metrics.counter("gbgate_ingest_packets_total", "RTP packets of ended ingests")),
      bytes_(metrics.counter("gbgate_ingest_bytes_total", "RTP bytes of ended ingests")),
      lost_(metrics.counter("gbgate_ingest_lost_packets_total",
                            "RTP packets lost by ended ingests")) {
  gauges_.push_back(metrics.on_render(MetricKind::gauge, "gbgate_rtp_ports_in_use",
                                      "RTP port pairs in use", {},
                                      [this] { return static_cast<double>(ports_.in_use()); }));
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
  const auto address = boost::asio::ip::make_address(config_.media.listen_address, ec);
  if (ec)
    return {nullptr, fmt::format("media.listen_address {:?} is no IP address",
                                 config_.media.listen_address)};
  auto lease = ports_.take(address);
  if (!lease) return {nullptr, fmt::format("no RTP port is free: {}", ports_.describe())};
  IngestOptions options;
  options.transport = transport;
  options.listen_address = address;
  options.lease = std::move(*lease);
  options.refused_ssrcs = std::exchange(last_ssrcs_[options.lease.rtp_port()], ssrcs);
  std::erase_if(options.refused_ssrcs, [&](std::uint32_t ssrc) {
    return std::find(ssrcs.begin(), ssrcs.end(), ssrc) != ssrcs.end();
  });
  options.expected_ssrcs = std::move(ssrcs);
  options.connect_attempts = connect_attempts;
  options.receive_buffer_bytes =
      transport == MediaTransport::udp ? static_cast<int>(config_.media.socket_buffer_bytes) : 0;
  options.cname = stream.cname();
  options.pipeline = pipeline_config(transport);
  const auto port = options.lease.rtp_port();
  auto ingest = std::make_unique<Ingest>(io_, clock_, stream, generator_, user, std::move(options));
  if (const auto opened = ingest->open(); !opened)
    return {nullptr, fmt::format("cannot receive on port {}: {}", port, opened.error().message())};
  return {std::move(ingest), {}};
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
