// INVITE server transaction, RFC 3261 section 17.2.1 (figure 7) as corrected by RFC 6026 (Accepted
// state, timer L). Pure.
#pragma once

#include "sip/time.hpp"
#include "sip/transaction.hpp"

namespace sip {

class InviteServer {
 public:
  enum class State : std::uint8_t { proceeding, completed, accepted, confirmed, terminated };

  // `timers` must outlive it.
  InviteServer(const Timers& timers, Reliability reliability)
      : timers_(&timers), reliability_(reliability) {}

  void start(TimePoint now);
  void on_request(Actions& out);  // the same INVITE once more
  // An ACK that matches: to a failure it is consumed, to a 2xx it is delivered.
  void on_ack(TimePoint now, Actions& out);
  // A 2xx may be given again: repeating it until ACK is the user's work (13.3.1.4). False when
  // the response comes too late; nothing happens then.
  bool respond(int status, TimePoint now, Actions& out);
  void on_transport_error(Actions& out);
  void on_deadline(TimePoint now, Actions& out);

  // When on_deadline() is next due; `never` when no timer runs.
  TimePoint next_deadline() const { return repeat_at_ < ends_at_ ? repeat_at_ : ends_at_; }
  State state() const { return state_; }
  bool terminated() const { return state_ == State::terminated; }

 private:
  void enter(State state, TimePoint ends_at = never);  // stops all other timers
  void respond_final(int status, TimePoint now, Actions& out);

  const Timers* timers_;
  TimePoint repeat_at_ = never;  // proceeding: say 100 if the user has said nothing; then timer G
  TimePoint ends_at_ = never;    // timer H when completed, I when confirmed, L when accepted
  std::uint8_t doublings_ = 0;   // of T1, in the present gap of timer G
  Reliability reliability_;
  State state_ = State::proceeding;
  bool has_provisional_ = false;
};

}  // namespace sip
