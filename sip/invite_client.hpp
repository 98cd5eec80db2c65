// INVITE client transaction, RFC 3261 section 17.1.1 (figure 5) as corrected by RFC 6026 (Accepted
// state, timer M). Pure.
#pragma once

#include "sip/time.hpp"
#include "sip/transaction.hpp"

namespace sip {

class InviteClient {
 public:
  enum class State : std::uint8_t { calling, proceeding, completed, accepted, terminated };

  InviteClient(const Timers& timers, Reliability reliability);

  void start(TimePoint now, Actions& out);
  // Every 2xx is delivered, repeated or not: acknowledging it is the user's work (13.2.2.4).
  void on_response(int status, TimePoint now, Actions& out);
  void on_transport_error(Actions& out);
  void on_deadline(TimePoint now, Actions& out);

  TimePoint next_deadline() const;
  State state() const { return state_; }
  bool terminated() const { return state_ == State::terminated; }

 private:
  void enter(State state);  // stops all timers
  void on_failure(TimePoint now, Actions& out);

  Timers timers_;
  Duration retransmit_gap_;
  TimePoint timer_a_ = never;  // retransmit the request
  TimePoint timer_b_ = never;  // give up: nobody answers
  TimePoint timer_d_ = never;  // acknowledge repeated failures
  TimePoint timer_m_ = never;  // hand repeated and forked 2xx up
  Reliability reliability_;
  State state_ = State::calling;
};

}  // namespace sip
