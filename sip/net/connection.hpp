// One stream connection from its beginning (accepted, or to be connected) through a TLS handshake
// to its end. What messages look like in it is said by StreamConnection and WsConnection. Shell.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sip/net/byte_stream.hpp"
#include "sip/time.hpp"

namespace sip::net {

class ConnectionTable;

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  enum class Origin : std::uint8_t { accepted, ours };

  // `flow` has its id.
  Connection(std::shared_ptr<ConnectionTable> table, ByteStream stream, const Flow& flow,
             Origin origin);
  virtual ~Connection() = default;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Either of them once, when it stands in the table. With a session they go on to TLS, where
  // `verify` says whether the server must prove to be `domain` (without one: its address).
  void start_accepted(TlsSession session);
  void start_connecting(TlsSession session, const std::string& domain, bool verify);

  // Queues a message; flush() at the end of the turn gives it to the system. May end in removal.
  virtual void send(std::string_view message) = 0;
  virtual void flush() = 0;
  // A keep-alive of ours (RFC 5626 4.4.1, RFC 7118 6).
  virtual void ping() = 0;
  // Closes the socket; whoever waits on it finds it closed. From the table's remove() only.
  virtual void shut() { stream_.close(); }

  const Flow& flow() const { return flow_; }
  bool is_open() const { return state_ == State::open; }
  bool is_closed() const { return state_ == State::closed; }
  bool was_accepted() const { return accepted_; }
  // The server that it was opened for; empty: whoever has that address.
  const std::string& domain() const { return domain_; }
  // The peer's certificate, if it showed one that we believe.
  X509* peer_certificate() const { return stream_.peer_certificate(); }
  // When it must be closed for what has not happened.
  TimePoint deadline() const;
  // RFC 5626: pings what is to be pinged, when it is time to.
  void keep_alive(TimePoint now);
  // From now on, instead of as the limits say.
  void ping_each(Duration every);
  bool is_pinged() const { return ping_every_ != Duration::zero(); }

 protected:
  enum class State : std::uint8_t { connecting, handshaking, open, closed };

  // The bytes can flow now.
  virtual void opened() = 0;
  void ready();  // messages can

  void heard(TimePoint now);        // bytes came
  void understood(TimePoint now);   // a message or a keep-alive was whole
  void incomplete(TimePoint now);   // a message has begun and is not whole
  void writes_wait(TimePoint now);  // the peer does not take what is written
  void writes_went(TimePoint now);  // ... but now it does
  // Calls `then` when the socket is ready, unless the connection was closed meanwhile.
  template <class F>
  void when_ready(boost::asio::ip::tcp::socket::wait_type what, F then);
  void fail();  // removes it from the table

  std::shared_ptr<ConnectionTable> table_;
  ByteStream stream_;
  Flow flow_;

 private:
  friend class ConnectionTable;
  void shake_hands();
  bool is_believed() const;
  void begin();

  Flow wanted_;  // as the message that opened it asked for, for reports until it is open
  std::string domain_;
  std::vector<Flow> keys_;  // by which the table finds it: its remote, and aliases
  TimePoint idle_at_ = never;
  TimePoint first_by_ = never;    // handshakes, then the first message of an accepted stream
  TimePoint whole_by_ = never;    // the message that has begun
  TimePoint written_by_ = never;  // what is queued
  Duration ping_every_{};
  TimePoint ping_at_ = never;
  TimePoint pong_by_ = never;
  State state_ = State::connecting;
  const bool accepted_;
  bool must_verify_ = false;
  bool dirty_ = false;  // stands in the table's list of those to flush
};

using ConnectionPtr = std::shared_ptr<Connection>;

template <class F>
void Connection::when_ready(boost::asio::ip::tcp::socket::wait_type what, F then) {
  stream_.socket().async_wait(what, [self = shared_from_this(), then](auto ec) {
    if (!ec && !self->is_closed()) then();
  });
}

}  // namespace sip::net
