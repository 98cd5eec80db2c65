// SIP over streams (RFC 3261 18, 26; RFC 7118): listens for TCP, TLS, WS and WSS, connects when a
// message wants to go where no connection leads, uses a connection for both directions (RFC 5923).
// Shell.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/system/result.hpp>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "sip/net/connection_table.hpp"
#include "sip/net/listen_on.hpp"
#include "sip/net/message_sink.hpp"
#include "sip/net/transport_limits.hpp"

namespace sip::net {

class StreamTransport {
 public:
  // All arguments must outlive it, but after close() the sink hears nothing.
  StreamTransport(boost::asio::io_context& io, MessageSink& sink, const TransportLimits& limits,
                  TransportCounters& counters);
  ~StreamTransport();

  boost::system::result<Address> listen(const ListenOn& where);
  // From what TLS connections of ours are made; null: they cannot be.
  void connect_with(std::shared_ptr<const TlsContext> tls) { client_tls_ = std::move(tls); }
  bool can_connect_securely() const { return client_tls_ != nullptr; }
  // The server that `address` must prove to be in TLS; without a name: to have that address.
  void name_server(const Address& address, std::string domain);

  // Queues one message until flush(). Opens a connection (TCP, TLS) if the flow names none and
  // none leads to its remote.
  void send(const Flow& flow, std::string_view message);
  void flush() { table_->flush(); }
  // Pings this connection so often, whatever the limits say (RFC 5626 4.4.1).
  void keep_alive(const Flow& flow, Duration every);
  void close();

  // Where we listen for this family of addresses; null when nowhere.
  const Address* listener_for(Transport transport, bool v6) const;
  bool listens(bool v6) const;  // by whatever transport

 private:
  struct Listener;

  void accept(std::shared_ptr<Listener> listener);
  void on_accepted(const Listener& listener, boost::asio::ip::tcp::socket socket);
  ConnectionPtr find(const Flow& flow) const;
  ConnectionPtr open(const Flow& flow);
  const std::string& server_at(const Address& address) const;

  boost::asio::io_context& io_;
  std::shared_ptr<ConnectionTable> table_;
  std::vector<std::shared_ptr<Listener>> listeners_;
  std::shared_ptr<const TlsContext> client_tls_;
  std::unordered_map<Address, std::string> servers_;
};

}  // namespace sip::net
