#include "gateway/gateway.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <csignal>
#include <thread>

#include "gateway/log.hpp"
#include "gateway/sip_metrics.hpp"

namespace gateway {
namespace {

using namespace std::chrono_literals;

// Loopback is trusted as long as nothing was configured: a password or token that an operator has
// set is asked of everyone, one that was generated only of other machines.
rtsp::ServerOptions rtsp_options(const Config& config, const Secrets& secrets,
                                 std::shared_ptr<rtsp::SharedByServers> shared, unsigned shard,
                                 std::size_t shards) {
  rtsp::ServerOptions options;
  options.shared = std::move(shared);
  options.shards = static_cast<unsigned>(shards);
  options.shard = shard;
  options.accepts = shard == 0;
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

// At least one.
std::vector<std::unique_ptr<Shard>> make_shards(const Config& config) {
  const auto cores = std::max(1u, std::thread::hardware_concurrency());
  const auto wanted = config.server.shards == 0 ? cores : config.server.shards;
  std::vector<std::unique_ptr<Shard>> shards;
  for (unsigned i = 0; i < std::min(wanted, rtsp::max_shards); ++i)
    shards.push_back(std::make_unique<Shard>(i));
  return shards;
}

}  // namespace

Gateway::Gateway(const Config& config, Secrets secrets, std::unique_ptr<DeviceStore> store)
    : config_(config),
      secrets_(std::move(secrets)),
      store_(std::move(store)),
      shards_(make_shards(config_)),
      first_(*shards_.front()),
      registry_(first_.clock(), config_.sip, store_.get()),
      sip_(first_.io(), first_.clock(), config_, secrets_),
      signalling_(sip_, config_, secrets_, registry_, metrics_),
      cameras_(first_, config_, registry_, signalling_),
      commons_(config_, shards_, cameras_),
      sip_api_(sip_, registry_),
      api_(config_, registry_, signalling_, commons_.homes, media_, sip_api_),
      http_(first_.io().get_executor(), http_options(config_, secrets_), api_, metrics_) {
  make_media();
  register_metrics();
}

// Coroutines and posted calls that still wait refer to members that die before the io_contexts.
// The threads are gone; what they have not done is done here.
Gateway::~Gateway() {
  for (const auto& shard : shards_) shard->stop();
  for (const auto& media : media_) media->stop("the gateway is shutting down");
  sip_.close();
  for (int rounds = 0; rounds < 3; ++rounds) {
    for (const auto& shard : shards_) {
      shard->io().restart();
      shard->io().poll();
    }
  }
}

void Gateway::make_media() {
  const auto shared = std::make_shared<rtsp::SharedByServers>();
  for (const auto& shard : shards_) {
    media_.push_back(std::make_unique<MediaShard>(
        *shard, commons_, rtsp_options(config_, secrets_, shared, shard->index(), shards_.size()),
        log_rtsp));
    media_.back()->rtsp().set_mover([this](unsigned to, rtsp::MovedConnection&& moved) {
      move_connection(to, std::move(moved));
    });
  }
  signalling_.set_on_offline([this](const Device& device, const std::string& reason) {
    for (const auto& media : media_)
      media->shard().call([&streams = media->streams(), id = device.id(), reason] {
        streams.on_device_offline(id, reason);
      });
  });
}

// Called on the shard that it leaves.
void Gateway::move_connection(unsigned shard, rtsp::MovedConnection&& moved) {
  auto& server = media_[shard]->rtsp();
  const auto travelling = std::make_shared<rtsp::MovedConnection>(std::move(moved));
  boost::asio::post(shards_[shard]->io(),
                    [&server, travelling] { server.adopt(std::move(*travelling)); });
}

void Gateway::register_metrics() {
  const auto figure = [this](MetricKind kind, const char* name, const char* help, auto read) {
    gauges_.push_back(metrics_.on_render(kind, name, help, {}, read));
  };
  figure(MetricKind::gauge, "gbgate_rtp_ports_in_use", "RTP port pairs in use",
         [this] { return static_cast<double>(commons_.resources.ports_in_use()); });
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
  commons_.remembered.open(store_.get(), content.streams);
  if (config_.server.role != Role::media) {
    if (auto sip = sip_.start(); !sip) return sip.error();
    if (config_.gb28181.enabled) signalling_.restore(content);
  }
  if (const auto rtsp = open_rtsp(); !rtsp) return rtsp.error();
  if (const auto http = http_.start(); !http)
    return fmt::format("cannot listen for HTTP on {}:{}: {}", config_.http.listen_address,
                       config_.http.port, http.error().message());
  log::info("gateway", "ready role={} sip={} rtsp={} http={} id={} devices={} shards={}",
            to_string(config_.server.role), config_.sip.port, media_.front()->rtsp().port(),
            http_.port(), config_.sip.id, registry_.size(), shards_.size());
  return {};
}

boost::system::result<void, std::string> Gateway::open_rtsp() {
  for (const auto& media : media_)
    if (const auto opened = media->rtsp().start(); !opened)
      return fmt::format("cannot listen for RTSP on {}:{}: {}", config_.rtsp.listen_address,
                         config_.rtsp.port, opened.error().message());
  return {};
}

void Gateway::run() {
  signals_.add(SIGINT);
  signals_.add(SIGTERM);
  hangups_.add(SIGHUP);
  boost::asio::co_spawn(first_.io(), reload_on_hangup(), boost::asio::detached);
  boost::asio::co_spawn(first_.io(), stop_on_signal(), boost::asio::detached);
  for (std::size_t i = 1; i < shards_.size(); ++i) shards_[i]->start();
  first_.run();
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
  for (const auto& media : media_) {
    auto end = [&media = *media] {
      media.stop("the gateway is shutting down");
      return true;
    };
    (void)co_await media->shard().ask(end);
  }
  co_await http_.stop();
  // BYEs are repeated until they are answered; a CANCEL must wait for the first provisional answer.
  boost::asio::steady_timer answers(first_.io());
  for (int i = 0; i < 25; ++i) {
    answers.expires_after(100ms);
    (void)co_await answers.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
    if (sip_.endpoint().counters().calls == 0) break;
  }
  sip_.close();
  for (std::size_t i = 1; i < shards_.size(); ++i) shards_[i]->stop();
  if (store_) store_->flush();
  first_.stop();
}

}  // namespace gateway
