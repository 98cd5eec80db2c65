// Non-INVITE server transaction, RFC 3261 section 17.2.2 (figure 8). Pure.
#pragma once

#include "sip/time.hpp"
#include "sip/transaction.hpp"

namespace sip {

class NonInviteServer {
 public:
  enum class State : std::uint8_t { trying, proceeding, completed, terminated };

  // `timers` must outlive it.
  NonInviteServer(const Timers& timers, Reliability reliability)
      : timers_(&timers), reliability_(reliability) {}

  void on_request(Actions& out);  // the same request once more
  // False when a final response is given already; nothing happens then.
  bool respond(int status, TimePoint now, Actions& out);
  void on_transport_error(Actions& out);
  void on_deadline(TimePoint now, Actions& out);

  TimePoint next_deadline() const { return timer_j_; }
  State state() const { return state_; }
  bool terminated() const { return state_ == State::terminated; }

 private:
  const Timers* timers_;
  TimePoint timer_j_ = never;  // absorb retransmitted requests
  Reliability reliability_;
  State state_ = State::trying;
};

}  // namespace sip
