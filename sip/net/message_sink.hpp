// Where the transports put what they receive: the driver of the endpoint.
#pragma once

#include <string_view>

#include "sip/address.hpp"

namespace sip::net {

class MessageSink {
 public:
  // All that comes between the two is flushed together.
  virtual void begin_batch() = 0;
  virtual void end_batch() = 0;
  // One datagram or one framed message, inside a batch; `bytes` lives during the call.
  virtual void on_message(std::string_view bytes, const Flow& from) = 0;
  // As Core::on_backlog(); inside a batch.
  virtual void on_backlog(unsigned percent) = 0;
  virtual void on_send_failed(const Flow& flow) = 0;
  virtual void on_connection_closed(const Flow& flow) = 0;

 protected:
  ~MessageSink() = default;
};

}  // namespace sip::net
