// Non-INVITE client transaction, RFC 3261 section 17.1.2 (figure 6). Pure.
#pragma once

#include "sip/time.hpp"
#include "sip/transaction.hpp"

namespace sip {

class NonInviteClient {
 public:
  enum class State : std::uint8_t { trying, proceeding, completed, terminated };

  // `timers` must outlive it.
  NonInviteClient(const Timers& timers, Reliability reliability)
      : timers_(&timers), reliability_(reliability) {}

  void start(TimePoint now, Actions& out);
  void on_response(int status, TimePoint now, Actions& out);
  void on_transport_error(Actions& out);
  void on_deadline(TimePoint now, Actions& out);

  // When on_deadline() is next due; `never` when no timer runs.
  TimePoint next_deadline() const { return retransmit_at_ < ends_at_ ? retransmit_at_ : ends_at_; }
  State state() const { return state_; }
  bool terminated() const { return state_ == State::terminated; }

 private:
  void terminate();

  const Timers* timers_;
  TimePoint retransmit_at_ = never;  // timer E
  TimePoint ends_at_ = never;        // timer F (give up); when completed, timer K
  std::uint8_t doublings_ = 0;       // of T1, in the present gap of timer E
  Reliability reliability_;
  State state_ = State::trying;
};

}  // namespace sip
