#include "gateway/gateway.hpp"

#include <fmt/format.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <csignal>

#include "gateway/log.hpp"
#include "gateway/sip_metrics.hpp"

namespace gateway {
namespace {

using namespace std::chrono_literals;

// Loopback is trusted as long as nothing was configured: a password or token that an operator has
// set is asked of everyone, one that was generated only of other machines.
rtsp::ServerOptions rtsp_options(const Config& config, const Secrets& secrets) {
  rtsp::ServerOptions options;
  options.listen_addresses = {config.rtsp.listen_address};
  options.port = config.rtsp.port;
  for (const auto& [name, password] : config.rtsp.users) options.users.push_back({name, password});
  if (options.users.empty()) options.users.push_back({"gbgate", secrets.rtsp_password});
  options.trust_loopback = config.server.trust_loopback && config.rtsp.users.empty();
  options.connections_max = config.rtsp.max_connections;
  options.sessions_max = config.rtsp.max_viewers;
  options.viewers_per_stream = config.rtsp.max_viewers_per_stream;
  options.session_times.told = config.rtsp.session_timeout;
  options.viewer_limits.backlog_ns = std::chrono::nanoseconds(config.rtsp.slow_viewer_age).count();
  options.tcp_unsent_bytes = static_cast<int>(config.rtsp.kernel_unsent_bytes);
  options.viewer_limits.backlog_bytes = config.rtsp.slow_viewer_bytes;
  options.viewer_limits.stall_ns =
      std::chrono::nanoseconds(config.rtsp.slow_viewer_timeout).count();
  return options;
}

http::ServerOptions http_options(const Config& config, const Secrets& secrets) {
  auto options = http::make_server_options(config, secrets.http_token);
  options.trust_loopback = config.server.trust_loopback && config.http.token.empty();
  return options;
}

void log_rtsp(rtsp::ServerLogLevel level, const std::string& text) {
  const auto to = level == rtsp::ServerLogLevel::warning ? log::Level::warn
                  : level == rtsp::ServerLogLevel::info  ? log::Level::info
                                                         : log::Level::debug;
  if (log::enabled(to)) log::write(to, "rtsp", text);
}

}  // namespace

Gateway::Gateway(const Config& config, Secrets secrets, std::unique_ptr<DeviceStore> store)
    : config_(config),
      secrets_(std::move(secrets)),
      store_(std::move(store)),
      registry_(clock_, config_.sip, store_.get()),
      plane_(io_, clock_, config_, metrics_),
      sip_(io_, clock_, config_, secrets_),
      signalling_(sip_, config_, secrets_, registry_, metrics_),
      streams_(plane_, registry_, signalling_, metrics_),
      rtsp_(io_.get_executor(), streams_, rtsp_options(config_, secrets_), log_rtsp),
      sip_api_(sip_, registry_),
      api_(
          config_, registry_, signalling_, streams_, sip_api_, [this] { return rtsp_.viewers(); },
          [this] { return rtsp_.departures(); }),
      http_(io_.get_executor(), http_options(config_, secrets_), api_, metrics_) {
  register_metrics();
}

// Coroutines and posted calls that still wait refer to members that die before the io_context.
Gateway::~Gateway() {
  streams_.stop_all("the gateway is shutting down");
  rtsp_.stop();
  sip_.close();
  io_.restart();
  io_.poll();
}

void Gateway::register_metrics() {
  const auto figure = [this](MetricKind kind, const char* name, const char* help, auto read) {
    gauges_.push_back(metrics_.on_render(kind, name, help, {}, read));
  };
  figure(MetricKind::gauge, "gbgate_viewers", "RTSP viewers that play",
         [this] { return static_cast<double>(rtsp_.viewers().size()); });
  figure(MetricKind::gauge, "gbgate_rtsp_connections", "RTSP connections open",
         [this] { return static_cast<double>(rtsp_.connections()); });
  figure(MetricKind::counter, "gbgate_rtsp_requests_total", "RTSP requests",
         [this] { return static_cast<double>(rtsp_.counters().requests); });
  figure(MetricKind::counter, "gbgate_viewer_skipped_units_total",
         "Pictures not sent because a viewer could not keep up",
         [this] { return static_cast<double>(rtsp_.counters().skipped_units); });
  figure(MetricKind::counter, "gbgate_viewer_skips_total",
         "Times that a slow viewer went on at a later key frame",
         [this] { return static_cast<double>(rtsp_.counters().skips); });
  figure(MetricKind::counter, "gbgate_viewers_too_slow_total",
         "Viewers that were disconnected because they took too little",
         [this] { return static_cast<double>(rtsp_.counters().slow_viewers); });
  figure(MetricKind::gauge, "gbgate_viewer_queue_age_seconds_max",
         "Age of the oldest packet that waits for a viewer", [this] {
           std::int64_t oldest_ms = 0;
           for (const auto& viewer : rtsp_.viewers())
             oldest_ms = std::max(oldest_ms, viewer.queue_age_ms);
           return static_cast<double>(oldest_ms) / 1000;
         });
  for (auto& callback : sip_metrics(metrics_, sip_)) gauges_.push_back(std::move(callback));
  if (store_) {
    figure(MetricKind::gauge, "gbgate_store_queued_rows", "Rows waiting to be written",
           [this] { return static_cast<double>(store_->counters().queued_rows); });
  }
}

boost::system::result<void, std::string> Gateway::start() {
  DeviceStore::Content content;
  if (store_) {
    auto loaded = store_->load();
    if (!loaded) return fmt::format("cannot read the database: {}", loaded.error().message());
    content = std::move(*loaded);
  }
  registry_.load(content);
  streams_.load(content, store_.get());
  if (config_.server.role != Role::media) {
    if (auto sip = sip_.start(); !sip) return sip.error();
    if (config_.gb28181.enabled) signalling_.restore(content);
  }
  if (const auto rtsp = rtsp_.start(); !rtsp)
    return fmt::format("cannot listen for RTSP on {}:{}: {}", config_.rtsp.listen_address,
                       config_.rtsp.port, rtsp.error().message());
  if (const auto http = http_.start(); !http)
    return fmt::format("cannot listen for HTTP on {}:{}: {}", config_.http.listen_address,
                       config_.http.port, http.error().message());
  log::info("gateway", "ready role={} sip={} rtsp={} http={} id={} devices={}",
            to_string(config_.server.role), config_.sip.port, rtsp_.port(), http_.port(),
            config_.sip.id, registry_.size());
  return {};
}

void Gateway::run() {
  signals_.add(SIGINT);
  signals_.add(SIGTERM);
  hangups_.add(SIGHUP);
  boost::asio::co_spawn(io_, reload_on_hangup(), boost::asio::detached);
  boost::asio::co_spawn(io_, stop_on_signal(), boost::asio::detached);
  io_.run();
}

boost::asio::awaitable<void> Gateway::stop_on_signal() {
  const auto [ec, signal] =
      co_await signals_.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
  if (ec) co_return;
  log::info("gateway", "stopping signal={}", signal);
  signals_.clear();  // a second one ends us at once
  hangups_.clear();
  co_await stop();
}

// Certificates are renewed while we run.
boost::asio::awaitable<void> Gateway::reload_on_hangup() {
  for (;;) {
    const auto [ec, signal] =
        co_await hangups_.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
    if (ec) co_return;
    if (const auto failure = sip_.reload_certificates())
      log::error("sip", "certificates stay as they were: {}", *failure);
    else
      log::info("sip", "certificates read again");
  }
}

boost::asio::awaitable<void> Gateway::stop() {
  streams_.stop_all("the gateway is shutting down");
  rtsp_.stop();
  co_await http_.stop();
  // BYEs are repeated until they are answered; a CANCEL must wait for the first provisional answer.
  boost::asio::steady_timer answers(io_);
  for (int i = 0; i < 25; ++i) {
    answers.expires_after(100ms);
    (void)co_await answers.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
    if (sip_.endpoint().counters().calls == 0) break;
  }
  sip_.close();
  if (store_) store_->flush();
  io_.stop();
}

}  // namespace gateway
