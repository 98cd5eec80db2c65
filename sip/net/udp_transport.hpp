// SIP over UDP (RFC 3261 18): several sockets, datagrams in batches of one system call. Shell.
#pragma once

#include <sys/socket.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/udp.hpp>
#include <memory>
#include <vector>

#include "sip/net/message_sink.hpp"
#include "sip/net/transport_limits.hpp"
#include "sip/output.hpp"

namespace sip::net {

class UdpTransport {
 public:
  // All arguments must outlive it, but after close() the sink hears nothing.
  UdpTransport(boost::asio::io_context& io, MessageSink& sink, const TransportLimits& limits,
               TransportCounters& counters);
  ~UdpTransport();

  boost::system::result<Address> listen(const Address& at);
  // Sends those of `out` that go by UDP. What cannot be sent is reported to the sink.
  void send(const Output& out);
  void close();

  // Where we listen for this family of addresses; null when nowhere.
  const Address* listener_for(bool v6) const;

 private:
  struct Listener;
  struct Inbox;
  struct Outbox;
  struct Received {
    std::size_t count = 0;
    bool more = false;  // others on the thread have their turn first
  };

  void wait(std::shared_ptr<Listener> listener);
  void rest(std::shared_ptr<Listener> listener, Duration duration);
  void serve(const std::shared_ptr<Listener>& listener);
  Received receive(Listener& listener);
  void tell_backlog(Listener& listener, bool more);
  std::size_t receive_batch(Listener& listener, bool is_first);
  Listener* choose(const Flow& flow);
  void flush(Listener& listener, std::size_t count);  // of the batch
  std::size_t count_sent(std::size_t first, std::size_t datagrams);
  bool take_refusals(Listener& listener);
  void report_failures();

  boost::asio::io_context& io_;
  MessageSink* sink_;
  const TransportLimits& limits_;
  TransportCounters& counters_;
  std::vector<std::shared_ptr<Listener>> listeners_;
  std::unique_ptr<Inbox> inbox_;
  std::unique_ptr<Outbox> outbox_;
};

}  // namespace sip::net
