// The program put together, in order of who needs whom, so that destruction is the reverse. What is
// named here lives on the first shard, which is the thread of main(); media_ are the worlds of all
// shards.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/system/result.hpp>
#include <memory>
#include <string>
#include <vector>

#include "gateway/api.hpp"
#include "gateway/config.hpp"
#include "gateway/device_registry.hpp"
#include "gateway/device_store.hpp"
#include "gateway/http/server.hpp"
#include "gateway/media_shard.hpp"
#include "gateway/metrics.hpp"
#include "gateway/secrets.hpp"
#include "gateway/shard.hpp"
#include "gateway/signalling.hpp"
#include "gateway/sip_api.hpp"
#include "gateway/sip_stack.hpp"

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
  void make_media();
  void move_connection(unsigned shard, rtsp::MovedConnection&& moved);
  boost::system::result<void, std::string> open_rtsp();
  void register_metrics();

  const Config& config_;
  const Secrets secrets_;
  std::unique_ptr<DeviceStore> store_;
  Metrics metrics_;
  std::vector<std::unique_ptr<Shard>> shards_;
  Shard& first_;
  boost::asio::signal_set signals_{first_.io()};
  boost::asio::signal_set hangups_{first_.io()};
  DeviceRegistry registry_;
  SipStack sip_;
  Signalling signalling_;
  Cameras cameras_;
  MediaCommons commons_;
  std::vector<std::unique_ptr<MediaShard>> media_;
  SipApi sip_api_;
  Api api_;
  http::Server http_;
  std::vector<Metrics::Callback> gauges_;
};

}  // namespace gateway
