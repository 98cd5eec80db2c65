// Shell: a pair of UDP sockets for RTP (even port) and RTCP (the next one), RFC 3550 11. Datagrams
// are read in batches into slabs and handed over as slices, without a copy.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/udp.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "rtp/error.hpp"
#include "rtp/slab.hpp"
#include "rtp/ssrc.hpp"

namespace rtp::net {

struct Datagram {
  Slice bytes;
  boost::asio::ip::udp::endpoint from;
  std::int64_t arrival_ns = 0;  // steady clock
  bool on_rtcp_port = false;    // which socket; look at the bytes (is_rtcp) to know what it is
};

// Called on the io_context's thread, once per batch. May close or destroy the port.
class UdpPortUser {
 public:
  virtual ~UdpPortUser() = default;
  // The datagrams are the user's to move from; the span is valid during the call.
  virtual void on_datagrams(std::span<Datagram> datagrams) = 0;
};

struct UdpPortOptions {
  int receive_buffer_bytes = 4 * 1024 * 1024;  // asked for; the system may grant less
  std::size_t slab_bytes = 64 * 1024;  // 1,520 bytes a datagram, or what the sender's have needed
};

class UdpPort {
 public:
  // The user must outlive the port, or the port be closed before it goes.
  UdpPort(boost::asio::any_io_executor executor, UdpPortUser& user, UdpPortOptions options = {});
  ~UdpPort();  // closes
  UdpPort(UdpPort&&) noexcept;
  UdpPort& operator=(UdpPort&&) noexcept;

  // Binds both sockets and starts to receive. Errc::odd_port, or the system's error with nothing
  // left open. Port 0 lets the system choose a free pair.
  Result<void> open(const boost::asio::ip::address& address, std::uint16_t rtp_port);
  // No callback afterwards. Idempotent.
  void close();
  bool is_open() const;
  std::uint16_t rtp_port() const;
  std::uint16_t rtcp_port() const { return static_cast<std::uint16_t>(rtp_port() + 1); }

  // One datagram from the RTP or the RTCP socket, sent at once or not at all (counted).
  Result<void> send_rtp(std::span<const std::uint8_t> bytes,
                        const boost::asio::ip::udp::endpoint& to);
  Result<void> send_rtcp(std::span<const std::uint8_t> bytes,
                         const boost::asio::ip::udp::endpoint& to);

  struct Counters {
    std::uint64_t datagrams = 0, bytes = 0;
    std::uint64_t batches = 0;       // callbacks
    std::uint64_t system_calls = 0;  // recvmmsg
    std::uint64_t large = 0;         // above the room for each: received whole, copied once
    std::uint64_t truncated = 0;     // the system cut them; dropped
    std::uint64_t kernel_drops = 0;  // SO_RXQ_OVFL: the receive buffer was full
    std::uint64_t receive_errors = 0, send_errors = 0;
    int receive_buffer_bytes = 0;  // granted
  };
  const Counters& counters() const;
  std::string describe() const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

SourceAddress source_address(const boost::asio::ip::udp::endpoint& endpoint);
std::int64_t steady_now_ns();

}  // namespace rtp::net
