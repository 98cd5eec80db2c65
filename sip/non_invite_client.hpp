// Non-INVITE client transaction, RFC 3261 section 17.1.2 (figure 6). Pure.
#pragma once

#include "sip/time.hpp"
#include "sip/transaction.hpp"

namespace sip {

class NonInviteClient {
 public:
  enum class State : std::uint8_t { trying, proceeding, completed, terminated };

  NonInviteClient(const Timers& timers, Reliability reliability);

  void start(TimePoint now, Actions& out);
  void on_response(int status, TimePoint now, Actions& out);
  void on_transport_error(Actions& out);
  void on_deadline(TimePoint now, Actions& out);

  // When on_deadline() is next due; `never` when no timer runs.
  TimePoint next_deadline() const;
  State state() const { return state_; }
  bool terminated() const { return state_ == State::terminated; }

 private:
  void terminate();

  Timers timers_;
  Duration retransmit_gap_;
  TimePoint timer_e_ = never;  // retransmit the request
  TimePoint timer_f_ = never;  // give up
  TimePoint timer_k_ = never;  // absorb stray responses
  Reliability reliability_;
  State state_ = State::trying;
};

}  // namespace sip
