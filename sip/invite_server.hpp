// INVITE server transaction, RFC 3261 section 17.2.1 (figure 7) as corrected by RFC 6026 (Accepted
// state, timer L). Pure.
#pragma once

#include "sip/time.hpp"
#include "sip/transaction.hpp"

namespace sip {

class InviteServer {
 public:
  enum class State : std::uint8_t { proceeding, completed, accepted, confirmed, terminated };

  InviteServer(const Timers& timers, Reliability reliability);

  void start(TimePoint now);
  void on_request(Actions& out);  // the same INVITE once more
  // An ACK that matches: to a failure it is consumed, to a 2xx it is delivered.
  void on_ack(TimePoint now, Actions& out);
  // A 2xx may be given again: repeating it until ACK is the user's work (13.3.1.4). False when
  // the response comes too late; nothing happens then.
  bool respond(int status, TimePoint now, Actions& out);
  void on_transport_error(Actions& out);
  void on_deadline(TimePoint now, Actions& out);

  TimePoint next_deadline() const;
  State state() const { return state_; }
  bool terminated() const { return state_ == State::terminated; }

 private:
  void enter(State state);  // stops all timers
  bool respond_final(int status, TimePoint now, Actions& out);

  Timers timers_;
  Duration retransmit_gap_;
  TimePoint trying_ = never;   // say 100 if the user has said nothing
  TimePoint timer_g_ = never;  // repeat the failure
  TimePoint timer_h_ = never;  // give up waiting for ACK
  TimePoint timer_i_ = never;  // absorb repeated ACKs
  TimePoint timer_l_ = never;  // absorb repeated INVITEs after a 2xx
  Reliability reliability_;
  State state_ = State::proceeding;
  bool has_provisional_ = false;
};

}  // namespace sip
