// Shell: one media connection of RTP over TCP (RFC 4571) that is up, whoever opened it. Reads into
// slabs, cuts packets out with TcpFramer, sends packets framed as the peer frames them.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "rtp/error.hpp"
#include "rtp/slab.hpp"
#include "rtp/ssrc.hpp"
#include "rtp/tcp_framer.hpp"

namespace rtp::net {

class TcpConnection;

// Called on the io_context's thread, never from inside a call to the connection. May close, move or
// destroy it.
class TcpConnectionUser {
 public:
  virtual ~TcpConnectionUser() = default;
  // RTP and RTCP packets (is_rtcp tells) of one read, in order; the user's to move from.
  virtual void on_packets(TcpConnection& connection, std::span<Slice> packets,
                          std::int64_t arrival_ns) = 0;
  // It is over; `reason` is for people.
  virtual void on_end(TcpConnection& connection, const boost::system::error_code& error,
                      const std::string& reason) = 0;
};

struct TcpConnectionOptions {
  int receive_buffer_bytes = 0;  // 0: the system's own tuning
  std::size_t slab_bytes = 64 * 1024;
  std::size_t send_queue_bytes = 64 * 1024;  // what a peer that does not read may hold up
  std::optional<std::uint32_t> expected_ssrc{};
  TcpFramerLimits framer{};
};

struct TcpConnectionCounters {
  std::uint64_t packets = 0, bytes = 0, reads = 0;
  std::uint64_t dropped_sends = 0;
};

// Movable; a moved-from one may only be assigned to or destroyed.
class TcpConnection {
 public:
  // Starts to read. The user must outlive the connection, or the connection be closed before.
  TcpConnection(boost::asio::ip::tcp::socket&& socket, TcpConnectionUser& user,
                const TcpConnectionOptions& options);
  ~TcpConnection();  // closes
  TcpConnection(TcpConnection&&) noexcept;
  TcpConnection& operator=(TcpConnection&& other) noexcept;

  // Hands it to somebody else, also from inside a callback.
  void set_user(TcpConnectionUser& user);
  // No callback afterwards. Idempotent.
  void close();
  bool is_open() const;
  const boost::asio::ip::tcp::endpoint& peer() const;
  std::uint16_t local_port() const;
  std::int64_t heard_ns() const;  // steady clock: when the last packet came, or it was made
  bool is(const TcpConnection& other) const { return impl_ == other.impl_; }

  // One RTP or RTCP packet. Errc::not_open; Errc::send_queue_full when the peer does not read: the
  // packet is dropped whole.
  Result<void> send(std::span<const std::uint8_t> packet);

  const TcpConnectionCounters& counters() const;
  const TcpFramer& framer() const;

 private:
  struct Impl;
  explicit TcpConnection(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
  std::shared_ptr<Impl> impl_;
};

// "192.0.2.7:9000", for people.
std::string text(const boost::asio::ip::tcp::endpoint& endpoint);
SourceAddress source_address(const boost::asio::ip::tcp::endpoint& endpoint);

}  // namespace rtp::net
