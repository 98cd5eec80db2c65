// The life of one call, from INVITE to its end, on either side (RFC 3261 9, 13, 15): which message
// is due when. Pure: what happened goes in, what must be done comes out; Dialog and transactions
// hold the rest.
#pragma once

#include <cstdint>
#include <vector>

#include "sip/time.hpp"
#include "sip/transaction.hpp"

namespace sip {

enum class CallAction : std::uint8_t {
  // messages
  send_cancel,
  send_ack,  // for the 2xx that just came
  send_bye,
  repeat_2xx,  // our answer, not acknowledged yet
  refuse,      // answer the INVITE with refusal_status()
  // news for the user; those from `failed` on end the session
  progress,
  answered,
  confirmed,
  failed,  // the peer's failure, or none of its own: see Failure
  ended_by_bye,
  ended_by_cancel,
  ended_locally,
  ended_no_answer,  // the user did not answer
  ended_no_ack,
  ended_expired,  // the session timer ran out
  ended_lost,     // the peer does not know the call any more
};
using CallActions = std::vector<CallAction>;

class InviteSession {
 public:
  enum class State : std::uint8_t {
    calling,     // INVITE sent, nothing heard
    proceeding,  // a provisional answer came
    cancelling,  // we gave up; CANCEL is sent, or waits for a provisional answer (9.1)
    ringing,     // a call came to us and is not answered
    accepted,    // our 2xx is sent, its ACK has not come
    established,
    ending,  // BYE sent
    ended,
  };

  // We call. `answer_within` counts from the first provisional answer.
  static InviteSession outgoing(const Timers& timers, Duration answer_within);
  // We are called; the user must answer by `accept_by`, else the caller hears `unanswered`.
  static InviteSession incoming(const Timers& timers, Reliability reliability, TimePoint accept_by,
                                int unanswered = 480);

  // Another branch of a fork of ours: it is answered already.
  static InviteSession forked(const Timers& timers);

  // Calls that we make: what the INVITE client transaction delivers.
  void on_response(int status, TimePoint now, CallActions& out);
  void on_no_answer(CallActions& out);  // timeout or transport error

  // Calls that come to us.
  void on_cancel(CallActions& out);
  void on_ack(TimePoint now, CallActions& out);
  // The user's 2xx is being sent. False when it is too late.
  bool accept(TimePoint now);
  bool refuse();  // the user's refusal is being sent
  // No PRACK came to our reliable provisional answer (RFC 3262 3).
  void on_no_prack(CallActions& out);

  // Both.
  void hang_up(TimePoint now, CallActions& out);
  // False when there is nothing that BYE could end: 481.
  bool on_bye(CallActions& out);
  // A call that is up is over for a reason of its own: BYE, and `how`.
  void lose(CallAction how, CallActions& out);
  void on_bye_done(CallActions& out);  // our BYE is answered, or given up
  void on_deadline(TimePoint now, CallActions& out);

  TimePoint next_deadline() const;
  State state() const { return state_; }
  bool is_outgoing() const { return outgoing_; }
  bool ended() const { return state_ == State::ended; }
  // A dialog exists: requests may be sent inside.
  bool in_dialog() const { return state_ == State::accepted || state_ == State::established; }
  bool gave_up() const { return gave_up_; }      // we cancelled, and why:
  bool timed_out() const { return timed_out_; }  // because nobody answered
  int refusal_status() const { return refusal_status_; }

 private:
  InviteSession(const Timers& timers, bool outgoing, State state)
      : timers_(timers), state_(state), outgoing_(outgoing) {}
  void end(CallAction how, CallActions& out);
  void give_up(TimePoint now, CallActions& out);
  void send_bye(CallActions& out);
  void on_2xx(TimePoint now, CallActions& out);
  void on_provisional(int status, TimePoint now, CallActions& out);

  Timers timers_;
  Duration answer_within_{};
  Duration repeat_gap_{};
  TimePoint answer_by_ = never;     // outgoing: else cancel. incoming: else refuse
  TimePoint cancelled_by_ = never;  // the INVITE must have its final answer (9.1)
  TimePoint repeat_at_ = never;     // our 2xx
  TimePoint ack_by_ = never;
  State state_;
  bool outgoing_;
  bool provisional_ = false;
  bool gave_up_ = false;
  bool timed_out_ = false;
  bool bye_wanted_ = false;  // the user hung up before ACK came (15)
  bool reliable_ = false;
  int refusal_status_ = 603;
};

}  // namespace sip
