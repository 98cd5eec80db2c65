// Shell: how one media connection of RTP over TCP comes about (roles of RFC 4145): accepted on a
// port (passive) or made by us (active). What happens on it is TcpConnection's business.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "rtp/error.hpp"
#include "rtp/net/tcp_connection.hpp"
#include "rtp/slab.hpp"

namespace rtp::net {

// Called on the io_context's thread, never from inside a call to the port. May close or destroy
// the port.
class TcpPortUser {
 public:
  virtual ~TcpPortUser() = default;
  virtual void on_connected(const boost::asio::ip::tcp::endpoint& peer) = 0;
  // RTP and RTCP packets (is_rtcp tells) of one read, in order; the user's to move from.
  virtual void on_packets(std::span<Slice> packets, std::int64_t arrival_ns) = 0;
  // The connection is over, or none came about; `reason` is for people. A passive port goes on
  // listening, so that the device may connect again: on_connected follows. An active one is done.
  virtual void on_end(const boost::system::error_code& error, const std::string& reason) = 0;
};

struct TcpPortOptions {
  int connect_attempts = 4;  // annex D: at least 3 retries
  std::int64_t retry_pause_ns = 1'000'000'000;
  std::int64_t connect_timeout_ns = 5'000'000'000;  // of one attempt
  // Passive: a connection that has been silent for so long makes way for the next; one that has
  // not brought a packet yet, at once.
  std::int64_t takeover_ns = 5'000'000'000;
  // Passive: only this host may connect, when set.
  std::optional<boost::asio::ip::address> only_from{};
  TcpConnectionOptions connection{};
};

class TcpPort {
 public:
  // The user must outlive the port, or the port be closed before it goes.
  TcpPort(boost::asio::any_io_executor executor, TcpPortUser& user, TcpPortOptions options = {});
  ~TcpPort();  // closes
  TcpPort(TcpPort&&) noexcept;
  TcpPort& operator=(TcpPort&&) noexcept;

  // Passive. Takes the first connection; closes others at once while it lives (counted).
  // Port 0 lets the system choose.
  Result<void> listen(const boost::asio::ip::address& address, std::uint16_t port);
  // Active. `local_port` 0: any.
  void connect(const boost::asio::ip::tcp::endpoint& to, std::uint16_t local_port = 0);
  // No callback afterwards. Idempotent.
  void close();
  bool is_connected() const;
  std::uint16_t local_port() const;
  std::optional<boost::asio::ip::tcp::endpoint> peer() const;

  // One RTP or RTCP packet, framed as the peer frames. Errc::not_open without a connection,
  // Errc::send_queue_full when the peer does not read: the packet is dropped whole.
  Result<void> send(std::span<const std::uint8_t> packet);

  struct Counters {
    std::uint64_t refused_connections = 0;
    std::uint64_t connections = 0;
    std::uint64_t connect_failures = 0;
  };
  const Counters& counters() const;
  // Of the current or last connection.
  TcpConnectionCounters connection_counters() const;
  TcpFramer::Counters framer_counters() const;
  std::string describe() const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace rtp::net
