// Who decides what a core reports (sip/net/core_driver.hpp).
#pragma once

#include "sip/output.hpp"

namespace sip::net {

// One event at a time, in order; it may call CoreDriver::run() from inside. Views in the event are
// valid until on_event() returns.
class CoreUser {
 public:
  virtual void on_event(const Event& event) = 0;

 protected:
  ~CoreUser() = default;
};

}  // namespace sip::net
