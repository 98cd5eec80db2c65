#include "sip/non_invite_client.hpp"

#include <algorithm>

namespace sip {

NonInviteClient::NonInviteClient(const Timers& timers, Reliability reliability)
    : timers_(timers), retransmit_gap_(timers.t1), reliability_(reliability) {}

void NonInviteClient::start(TimePoint now, Actions& out) {
  timer_f_ = now + 64 * timers_.t1;
  if (reliability_ == Reliability::unreliable) timer_e_ = now + retransmit_gap_;
  out.push_back(Action::send);
}

void NonInviteClient::on_response(int status, TimePoint now, Actions& out) {
  if (state_ == State::completed || state_ == State::terminated) return;  // retransmission

  out.push_back(Action::deliver);
  if (status < 200) {
    state_ = State::proceeding;
    return;
  }
  if (reliability_ == Reliability::reliable) return terminate();
  state_ = State::completed;
  timer_e_ = timer_f_ = never;
  timer_k_ = now + timers_.t4;
}

void NonInviteClient::on_transport_error(Actions& out) {
  if (state_ == State::trying || state_ == State::proceeding)
    out.push_back(Action::transport_error);
  terminate();
}

void NonInviteClient::on_deadline(TimePoint now, Actions& out) {
  if (now >= timer_f_) {
    out.push_back(Action::timeout);
    terminate();
  } else if (now >= timer_k_) {
    terminate();
  } else if (now >= timer_e_) {
    retransmit_gap_ =
        state_ == State::proceeding ? timers_.t2 : std::min(2 * retransmit_gap_, timers_.t2);
    timer_e_ = now + retransmit_gap_;
    out.push_back(Action::resend);
  }
}

TimePoint NonInviteClient::next_deadline() const {
  return std::min({timer_e_, timer_f_, timer_k_});
}

void NonInviteClient::terminate() {
  state_ = State::terminated;
  timer_e_ = timer_f_ = timer_k_ = never;
}

}  // namespace sip
