// INVITE client transaction, RFC 3261 section 17.1.1 (figure 5) as corrected by RFC 6026 (Accepted
// state, timer M). Pure.
#pragma once

#include "sip/time.hpp"
#include "sip/transaction.hpp"

namespace sip {

class InviteClient {
 public:
  enum class State : std::uint8_t { calling, proceeding, completed, accepted, terminated };

  // `timers` must outlive it.
  InviteClient(const Timers& timers, Reliability reliability)
      : timers_(&timers), reliability_(reliability) {}

  void start(TimePoint now, Actions& out);
  // Every 2xx is delivered, repeated or not: acknowledging it is the user's work (13.2.2.4).
  void on_response(int status, TimePoint now, Actions& out);
  void on_transport_error(Actions& out);
  void on_deadline(TimePoint now, Actions& out);

  // When on_deadline() is next due; `never` when no timer runs.
  TimePoint next_deadline() const { return retransmit_at_ < ends_at_ ? retransmit_at_ : ends_at_; }
  State state() const { return state_; }
  bool terminated() const { return state_ == State::terminated; }

 private:
  void enter(State state, TimePoint ends_at = never);  // stops all other timers
  void on_failure(TimePoint now, Actions& out);

  const Timers* timers_;
  TimePoint retransmit_at_ = never;  // timer A
  TimePoint ends_at_ = never;        // timer B while calling, D when completed, M when accepted
  std::uint8_t doublings_ = 0;       // of T1, in the present gap of timer A
  Reliability reliability_;
  State state_ = State::calling;
};

}  // namespace sip
