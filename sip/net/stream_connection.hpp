// SIP messages in a byte stream, TCP or TLS (RFC 3261 18.3): cut out of large reads, gathered into
// one write a turn. Answers keep-alives (RFC 5626 4.4.1). Shell.
#pragma once

#include <string>
#include <string_view>

#include "sip/net/connection.hpp"
#include "sip/stream_framer.hpp"

namespace sip::net {

class StreamConnection final : public Connection {
 public:
  using Connection::Connection;

  void send(std::string_view message) override;
  void flush() override;
  void ping() override { send("\r\n\r\n"); }

 private:
  void opened() override;
  void wait();
  void receive();
  // What there is to read now, a few buffers at most. False: the connection is at its end.
  bool read();
  bool deliver();
  void wait_for_room();
  void note_alias(std::string_view message);

  StreamFramer framer_;
  std::string queued_;    // not given to the system yet
  std::size_t sent_ = 0;  // of queued_
  bool waiting_ = false;  // for room to write
  bool more_ = false;     // a turn ended before what there was to read
  bool first_ = true;     // no message was cut yet
};

}  // namespace sip::net
