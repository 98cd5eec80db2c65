// SIP over TCP (RFC 3261 18.3): listens, connects when a message wants to go where no connection
// leads, uses a connection for both directions (RFC 5923), answers keep-alives (RFC 5626). Shell.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "sip/net/message_sink.hpp"
#include "sip/net/transport_limits.hpp"
#include "sip/output.hpp"

namespace sip::net {

class TcpTransport {
 public:
  // All arguments must outlive it, but after close() the sink hears nothing.
  TcpTransport(boost::asio::io_context& io, MessageSink& sink, const TransportLimits& limits,
               TransportCounters& counters);
  ~TcpTransport();

  boost::system::result<Address> listen(const Address& at);
  // Queues one message. Opens a connection if the flow names none and none leads to its remote.
  void send(const Flow& flow, std::string_view message);
  void close();

  const Address* listener_for(bool v6) const;

 private:
  struct State;  // shared with the coroutines, which may end after the transport
  struct Connection;
  using StatePtr = std::shared_ptr<State>;
  using ConnectionPtr = std::shared_ptr<Connection>;

  static boost::asio::awaitable<void> accept(StatePtr state,
                                             std::shared_ptr<boost::asio::ip::tcp::acceptor> from);
  static boost::asio::awaitable<void> connect(StatePtr state, ConnectionPtr connection);
  static boost::asio::awaitable<void> serve(StatePtr state, ConnectionPtr connection);
  static boost::asio::awaitable<void> write(StatePtr state, ConnectionPtr connection);
  static boost::asio::awaitable<void> sweep(StatePtr state);

  StatePtr state_;
};

}  // namespace sip::net
