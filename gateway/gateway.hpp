// The program put together: one thread's world, in order of who needs whom, so that destruction is
// the reverse.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/system/result.hpp>
#include <memory>
#include <string>

#include "gateway/alarm_clock.hpp"
#include "gateway/api.hpp"
#include "gateway/config.hpp"
#include "gateway/device_registry.hpp"
#include "gateway/device_store.hpp"
#include "gateway/http/server.hpp"
#include "gateway/media_plane.hpp"
#include "gateway/metrics.hpp"
#include "gateway/rtsp/server.hpp"
#include "gateway/secrets.hpp"
#include "gateway/signalling.hpp"
#include "gateway/sip_api.hpp"
#include "gateway/sip_stack.hpp"
#include "gateway/stream_directory.hpp"

namespace gateway {

class Gateway {
 public:
  Gateway(const Config& config, Secrets secrets, std::unique_ptr<DeviceStore> store);
  ~Gateway();
  Gateway(const Gateway&) = delete;
  Gateway& operator=(const Gateway&) = delete;

  // Opens all doors; the error says which one could not be opened and why.
  boost::system::result<void, std::string> start();
  // Serves until SIGINT or SIGTERM, then ends calls and streams and closes.
  void run();

 private:
  boost::asio::awaitable<void> stop_on_signal();
  boost::asio::awaitable<void> reload_on_hangup();
  boost::asio::awaitable<void> stop();
  void register_metrics();

  const Config& config_;
  const Secrets secrets_;
  std::unique_ptr<DeviceStore> store_;
  Metrics metrics_;
  boost::asio::io_context io_{1};
  boost::asio::signal_set signals_{io_};
  boost::asio::signal_set hangups_{io_};
  AlarmClock clock_{io_};
  DeviceRegistry registry_;
  MediaPlane plane_;
  SipStack sip_;
  Signalling signalling_;
  StreamDirectory streams_;
  rtsp::Server rtsp_;
  SipApi sip_api_;
  Api api_;
  http::Server http_;
  std::vector<Metrics::Callback> gauges_;
};

}  // namespace gateway
