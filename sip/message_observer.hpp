// Who looks on at every message on the wire (sip/trace.hpp does). The shell tells it, so that what
// is seen is what was sent and received, whichever core it was for.
#pragma once

#include <string_view>

#include "sip/address.hpp"
#include "sip/time.hpp"

namespace sip {

class MessageObserver {
 public:
  // One datagram or one framed message, as it came: `bytes` lives during the call. Keep-alives too.
  virtual void on_received(std::string_view bytes, const Flow& from, TimePoint now) = 0;
  // Handed to the system, or queued on a connection; `to` as it was asked for.
  virtual void on_sent(std::string_view bytes, const Flow& to, TimePoint now) = 0;

 protected:
  ~MessageObserver() = default;
};

}  // namespace sip
