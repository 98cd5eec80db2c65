// What can be set on an RTSP server, and how it tells what happens.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "gateway/rtsp/authenticator.hpp"
#include "gateway/rtsp/message.hpp"
#include "gateway/rtsp/play_head.hpp"
#include "gateway/rtsp/session.hpp"
#include "gateway/rtsp/udp_viewer.hpp"

namespace gateway::rtsp {

// Servers of one door, each on a thread of its own: connections go from one to another. So that a
// password that was asked for here is believed there, and limits hold for all together.
inline constexpr unsigned max_shards = 64;
struct SharedByServers {
  std::string secret;  // of the authenticators; empty: the first server makes it
  std::atomic<std::size_t> connections{0}, sessions{0};
};

struct ServerOptions {
  std::shared_ptr<SharedByServers> shared = std::make_shared<SharedByServers>();
  unsigned shard = 0;   // this one's number; part of its sessions' ids
  unsigned shards = 1;  // how many there are
  bool accepts = true;  // false: serves what is sent to it by adopt()
  std::vector<std::string> listen_addresses{"0.0.0.0"};  // the first is that of the UDP ports too
  std::uint16_t port = 8554;                             // 0: any free one
  bool tcp = true, udp = true;       // ways to send media; what is off is answered with 461
  std::uint16_t udp_first_port = 0;  // even; port pairs lie from there; 0: any free ones
  std::size_t udp_pairs = 2;
  int udp_send_buffer_bytes = 2 * 1024 * 1024;  // asked of the kernel
  int tcp_send_buffer_bytes = 0;                // 0: the kernel's choice, which grows by need
  // What the kernel may hold of a viewer and not have sent: it takes no more then, and the rest
  // stays in the ring, where it costs nothing and can be skipped. 0: as much as its buffer holds.
  int tcp_unsent_bytes = 256 * 1024;

  std::vector<User> users;
  bool trust_loopback = true;  // peers on 127.0.0.0/8 and ::1 need no password
  Authenticator::Options authentication;

  std::size_t connections_max = 2000;
  std::size_t sessions_max = 1000;
  std::size_t sessions_per_connection = 8;
  std::size_t viewers_per_stream = 500;
  std::chrono::seconds idle_timeout{60};  // of a connection without session
  SessionTimes session_times;
  MessageLimits message_limits;
  ViewerLimits viewer_limits;
  UdpPace udp_pace;
};

enum class ServerLogLevel : std::uint8_t { debug, info, warning };
// Called on the server's thread; never with a password. May be empty.
using ServerLog = std::function<void(ServerLogLevel level, const std::string& text)>;

// Since the start.
struct ServerCounters {
  std::uint64_t connections = 0;
  std::uint64_t refused_connections = 0;  // beyond connections_max
  std::uint64_t moved_connections = 0;    // that came from the server that accepted them
  std::uint64_t requests = 0;
  std::uint64_t client_errors = 0, server_errors = 0;  // answers of 4xx and 5xx
  std::uint64_t plays = 0;
  std::uint64_t lost_sessions = 0;  // ended neither by TEARDOWN nor by the peer leaving
  std::uint64_t skipped_bytes = 0;  // from clients, in search of a message
  std::uint64_t skipped_units = 0;  // not sent, because viewers were too slow
  std::uint64_t skips = 0;          // times that a viewer went on at a later key frame
  std::uint64_t slow_viewers = 0;   // disconnected for being too slow
};

}  // namespace gateway::rtsp
