// The UDP sockets of an RTSP server: one fixed RTP/RTCP port pair per track number, shared by all
// viewers, so that a firewall needs few rules. Sends batches with sendmmsg; hands what viewers send
// (RTCP, and the packets with which they open a NAT) to the one it comes from. Shell.
#pragma once

#include <sys/socket.h>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/system/result.hpp>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "rtp/media.hpp"

namespace gateway::rtsp {

using UdpEndpoint = boost::asio::ip::udp::endpoint;

// Datagrams of one track to one address. Points to bytes of others until send().
class DatagramBatch {
 public:
  static constexpr std::size_t max_datagrams = 64;
  static constexpr std::size_t vectors_each = 1 + rtp::OutPacket::max_slices;

  explicit DatagramBatch(const UdpEndpoint& to) : to_(to) {}
  // The packet without its interleaved prefix. False, and nothing added, when it is full.
  bool add(const rtp::OutPacket& packet);
  bool add(std::span<const std::uint8_t> datagram);
  std::size_t size() const { return count_; }

 private:
  friend class UdpSender;
  void add_bytes(mmsghdr& message, const void* data, std::size_t size);
  mmsghdr& begin();

  UdpEndpoint to_;
  std::size_t count_ = 0;
  mmsghdr messages_[max_datagrams];
  iovec vectors_[max_datagrams * vectors_each];
};

class UdpSender {
 public:
  struct Port {
    std::size_t slot = 0;  // track number modulo the number of pairs
    bool rtcp = false;
    bool operator==(const Port&) const = default;
  };
  // Who receives, and may send.
  class Peer {
   public:
    virtual ~Peer() = default;
    // The datagram comes from where this peer's port is known to be.
    virtual bool is_at(Port port, const UdpEndpoint& from) const = 0;
    // The peer's port is not known yet to be right, and it may be this one (NAT).
    virtual bool may_be_at(Port port, const UdpEndpoint& from) const = 0;
    virtual void on_datagram(Port port, const UdpEndpoint& from,
                             std::span<const std::uint8_t> bytes) = 0;
    // After send() took less than all.
    virtual void on_writable() = 0;
  };

  explicit UdpSender(boost::asio::any_io_executor executor) : executor_(std::move(executor)) {}
  ~UdpSender();
  UdpSender(const UdpSender&) = delete;
  UdpSender& operator=(const UdpSender&) = delete;

  // `first_port` even: pairs lie one behind the other from there; 0: any free ports.
  boost::system::result<void> open(const boost::asio::ip::address& address,
                                   std::uint16_t first_port, std::size_t pairs,
                                   int send_buffer_bytes);
  void close();
  // {RTP, RTCP} by slot.
  std::vector<std::pair<std::uint16_t, std::uint16_t>> ports() const;

  // The number of datagrams that are done with: sent, or refused by the kernel for good. Fewer than
  // all when the socket's buffer is full; on_writable() follows.
  std::size_t send(Port port, DatagramBatch& batch);
  void add(Peer& peer) { peers_.push_back(&peer); }
  // Whether a session has named this port in SETUP. What comes from there is that session's, also
  // before it plays, and never shows where another peer behind the same address is.
  using Announced = std::function<bool(std::uint16_t port)>;
  void set_announced(Announced announced) { announced_ = std::move(announced); }
  void remove(Peer& peer);

  std::uint64_t refused() const { return refused_; }  // by the kernel
  std::uint64_t unknown() const { return unknown_; }  // datagrams from nobody we know

 private:
  struct Socket {
    Socket(boost::asio::any_io_executor executor, Port which) : socket(executor), port(which) {}
    boost::asio::ip::udp::socket socket;
    Port port;
    bool waiting_writable = false;
  };
  boost::system::error_code open_pair(const boost::asio::ip::address& address, std::uint16_t port,
                                      std::size_t slot, int send_buffer_bytes);
  Socket& socket(Port port) { return sockets_[2 * port.slot + (port.rtcp ? 1 : 0)]; }
  void wait_readable(Socket& socket);
  void wait_writable(Socket& socket);
  void receive(Socket& socket);
  void deliver(Port port, const UdpEndpoint& from, std::span<const std::uint8_t> bytes);

  boost::asio::any_io_executor executor_;
  std::deque<Socket> sockets_;
  std::vector<Peer*> peers_;
  Announced announced_;
  std::uint64_t refused_ = 0, unknown_ = 0;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // callbacks hold it weakly
};

}  // namespace gateway::rtsp
