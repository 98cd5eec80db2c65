#include "sip/invite_session.hpp"

#include <algorithm>

namespace sip {

InviteSession InviteSession::outgoing(const Timers& timers, Duration answer_within) {
  InviteSession s(timers, true, State::calling);
  s.answer_within_ = answer_within;
  return s;
}

InviteSession InviteSession::incoming(const Timers& timers, Reliability reliability,
                                      TimePoint accept_by, int unanswered) {
  InviteSession s(timers, false, State::ringing);
  s.answer_by_ = accept_by;
  s.refusal_status_ = unanswered;
  s.reliable_ = reliability == Reliability::reliable;
  return s;
}

InviteSession InviteSession::forked(const Timers& timers) {
  return InviteSession(timers, true, State::established);
}

// --- calls that we make --------------------------------------------------------------------------

void InviteSession::on_response(int status, TimePoint now, CallActions& out) {
  if (status < 200) {
    on_provisional(status, now, out);
  } else if (status < 300) {
    on_2xx(now, out);
  } else if (state_ == State::calling || state_ == State::proceeding ||
             state_ == State::cancelling) {
    end(CallAction::failed, out);
  }
}

void InviteSession::on_provisional(int status, TimePoint now, CallActions& out) {
  if (state_ == State::cancelling && !provisional_) {
    out.push_back(CallAction::send_cancel);
    cancelled_by_ = now + 64 * timers_.t1;
  }
  if (state_ == State::calling) {
    state_ = State::proceeding;
    answer_by_ = now + answer_within_;
  }
  provisional_ = true;
  if (state_ == State::proceeding && status > 100) out.push_back(CallAction::progress);
}

void InviteSession::on_2xx(TimePoint, CallActions& out) {
  out.push_back(CallAction::send_ack);  // each time: the last one was lost
  if (state_ == State::cancelling) return send_bye(out);
  if (state_ != State::calling && state_ != State::proceeding) return;
  state_ = State::established;
  answer_by_ = never;
  out.push_back(CallAction::answered);
}

void InviteSession::on_no_answer(CallActions& out) {
  if (state_ == State::calling || state_ == State::proceeding || state_ == State::cancelling)
    end(CallAction::failed, out);
}

// CANCEL may only follow a provisional answer; without one the INVITE's own timer B ends the wait.
void InviteSession::give_up(TimePoint now, CallActions& out) {
  gave_up_ = true;
  state_ = State::cancelling;
  answer_by_ = never;
  if (!provisional_) return;
  cancelled_by_ = now + 64 * timers_.t1;
  out.push_back(CallAction::send_cancel);
}

// --- calls that come to us -----------------------------------------------------------------------

void InviteSession::on_cancel(CallActions& out) {
  if (state_ != State::ringing) return;  // 9.2: too late, no effect
  refusal_status_ = 487;
  out.push_back(CallAction::refuse);
  end(CallAction::ended_by_cancel, out);
}

bool InviteSession::accept(TimePoint now) {
  if (state_ != State::ringing) return false;
  state_ = State::accepted;
  answer_by_ = never;
  repeat_gap_ = timers_.t1;
  if (!reliable_) repeat_at_ = now + repeat_gap_;
  ack_by_ = now + 64 * timers_.t1;
  return true;
}

bool InviteSession::refuse() {
  if (state_ != State::ringing) return false;
  state_ = State::ended;
  answer_by_ = never;
  return true;
}

void InviteSession::on_no_prack(CallActions& out) {
  if (state_ != State::ringing) return;
  refusal_status_ = 504;
  out.push_back(CallAction::refuse);
  end(CallAction::ended_no_ack, out);
}

void InviteSession::on_ack(TimePoint, CallActions& out) {
  if (state_ != State::accepted) return;
  state_ = State::established;
  repeat_at_ = ack_by_ = never;
  out.push_back(CallAction::confirmed);
  if (bye_wanted_) send_bye(out);
}

// --- both ----------------------------------------------------------------------------------------

void InviteSession::hang_up(TimePoint now, CallActions& out) {
  switch (state_) {
    case State::calling:
    case State::proceeding:
      return give_up(now, out);
    case State::ringing:
      refusal_status_ = 603;
      out.push_back(CallAction::refuse);
      return end(CallAction::ended_locally, out);
    case State::accepted:
      bye_wanted_ = true;  // 15: not before ACK has come, or is given up
      return;
    case State::established:
      return send_bye(out);
    case State::cancelling:
    case State::ending:
    case State::ended:
      return;
  }
}

void InviteSession::send_bye(CallActions& out) {
  state_ = State::ending;
  answer_by_ = cancelled_by_ = never;
  out.push_back(CallAction::send_bye);
}

bool InviteSession::on_bye(CallActions& out) {
  switch (state_) {
    case State::calling:
    case State::proceeding:
    case State::cancelling:
    case State::ended:
      return false;
    case State::ringing:  // 15: the caller may end an early dialog so
      refusal_status_ = 487;
      out.push_back(CallAction::refuse);
      break;
    case State::ending:
      end(gave_up_ ? CallAction::failed : CallAction::ended_locally, out);
      return true;
    case State::accepted:
    case State::established:
      break;
  }
  end(CallAction::ended_by_bye, out);
  return true;
}

void InviteSession::lose(CallAction how, CallActions& out) {
  if (!in_dialog()) return;
  out.push_back(CallAction::send_bye);
  end(how, out);
}

void InviteSession::on_bye_done(CallActions& out) {
  if (state_ != State::ending) return;
  // Before the answer reached the user it was a call that never came about.
  end(gave_up_ ? CallAction::failed : CallAction::ended_locally, out);
}

void InviteSession::on_deadline(TimePoint now, CallActions& out) {
  if (now >= ack_by_) {
    out.push_back(CallAction::send_bye);
    end(bye_wanted_ ? CallAction::ended_locally : CallAction::ended_no_ack, out);
  } else if (now >= cancelled_by_) {
    end(CallAction::failed, out);
  } else if (now >= answer_by_ && outgoing_) {
    timed_out_ = true;
    give_up(now, out);
  } else if (now >= answer_by_) {
    out.push_back(CallAction::refuse);
    end(CallAction::ended_no_answer, out);
  } else if (now >= repeat_at_) {
    repeat_gap_ = std::min(2 * repeat_gap_, timers_.t2);
    repeat_at_ = now + repeat_gap_;
    out.push_back(CallAction::repeat_2xx);
  }
}

TimePoint InviteSession::next_deadline() const {
  return std::min({answer_by_, cancelled_by_, repeat_at_, ack_by_});
}

void InviteSession::end(CallAction how, CallActions& out) {
  state_ = State::ended;
  answer_by_ = cancelled_by_ = repeat_at_ = ack_by_ = never;
  out.push_back(how);
}

}  // namespace sip
