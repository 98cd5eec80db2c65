// One port for the media of all streams, UDP and TCP, beside one port per stream: whose a packet is
// tell its SSRC and its source (rtp::SourceTable). Shell; one thread.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <list>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "gateway/alarm_clock.hpp"
#include "rtp/net/tcp_connection.hpp"
#include "rtp/net/udp_port.hpp"
#include "rtp/source_table.hpp"

namespace gateway {

struct SharedPortOptions {
  boost::asio::ip::address address;
  std::uint16_t port = 0;  // even; RTCP comes to the next one
  rtp::SsrcPolicy policy = rtp::SsrcPolicy::learn;
  int receive_buffer_bytes = 16 * 1024 * 1024;
  // That no packet has told of yet. One more, and the oldest is closed: a camera sends as soon as
  // it is connected, and those that do not must not keep it out.
  std::size_t waiting_connections = 256;
  std::int64_t waiting_ns = 10'000'000'000;
};

class SharedPort final : private rtp::net::UdpPortUser, private rtp::net::TcpConnectionUser {
 public:
  // A session's end. Called on the thread of the port, never from inside a call to it, except that
  // it may call the port back.
  class Receiver {
   public:
    virtual void take_datagrams(std::span<rtp::net::Datagram> datagrams) = 0;
    // Where the packet that was taken last came from; empty before.
    virtual std::optional<rtp::SourceAddress> source() const = 0;
    // A connection whose first packets these are. False: there is one already.
    virtual bool take_connection(rtp::net::TcpConnection& connection, std::span<rtp::Slice> packets,
                                 std::int64_t arrival_ns) = 0;

   protected:
    ~Receiver() = default;
  };

  SharedPort(boost::asio::io_context& io, AlarmClock& clock, SharedPortOptions options);
  ~SharedPort() override;
  SharedPort(const SharedPort&) = delete;
  SharedPort& operator=(const SharedPort&) = delete;

  // The system's error when the port is taken; nothing is left open then.
  rtp::Result<void> open();
  std::uint16_t port() const { return options_.port; }

  // Nothing: another session has one of the SSRCs.
  using Session = rtp::SourceTable::Session;
  std::optional<Session> add(Receiver& receiver, std::span<const std::uint32_t> ssrcs);
  void expect(Session session, std::uint32_t ssrc) { table_.expect(session, ssrc); }
  void expect_host(Session session, const rtp::SourceTable::Host& host) {
    table_.expect_host(session, host);
  }
  void remove(Session session);
  rtp::Result<void> send_rtcp(std::span<const std::uint8_t> bytes,
                              const boost::asio::ip::udp::endpoint& to) {
    return udp_.send_rtcp(bytes, to);
  }

  struct Counters {
    std::uint64_t strangers = 0;            // packets of no session
    std::uint64_t refused_connections = 0;  // too many, silent for too long, or of no session
  };
  const Counters& counters() const { return counters_; }
  std::uint64_t kernel_drops() const { return udp_.counters().kernel_drops; }

 private:
  struct Waiting {
    rtp::net::TcpConnection connection;
    std::int64_t since_ns = 0;
  };

  void on_datagrams(std::span<rtp::net::Datagram> datagrams) override;
  void on_packets(rtp::net::TcpConnection& connection, std::span<rtp::Slice> packets,
                  std::int64_t arrival_ns) override;
  void on_end(rtp::net::TcpConnection& connection, const boost::system::error_code& error,
              const std::string& reason) override;

  rtp::Result<void> listen();
  void accept();
  void on_accepted(boost::asio::ip::tcp::socket&& socket);
  void forget(const rtp::net::TcpConnection& connection);
  void drop_silent(sip::TimePoint now);
  std::optional<Session> find(std::span<const std::uint8_t> packet,
                              const rtp::SourceAddress& from) const;
  void hand_over(std::optional<Session> session, std::span<rtp::net::Datagram> datagrams);
  template <class Text>
  void refuse(std::uint32_t ssrc, const Text& from);  // from(): made for the log alone

  SharedPortOptions options_;
  rtp::SourceTable table_;
  std::unordered_map<Session, Receiver*> receivers_;
  Session next_session_ = 1;
  rtp::net::UdpPort udp_;
  boost::asio::ip::tcp::acceptor acceptor_;
  boost::asio::steady_timer pause_;
  std::list<Waiting> waiting_;
  Alarm silence_;
  bool open_ = false;
  Counters counters_;
  std::vector<std::uint32_t> named_;  // strangers that are in the log; the first few
};

// "192.0.2.7:9000", "[2001:db8::1]:9000"
std::string text(const boost::asio::ip::udp::endpoint& endpoint);

}  // namespace gateway
