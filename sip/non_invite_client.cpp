#include "sip/non_invite_client.hpp"

#include <algorithm>

namespace sip {

void NonInviteClient::start(TimePoint now, Actions& out) {
  ends_at_ = now + 64 * timers_->t1;
  if (reliability_ == Reliability::unreliable) retransmit_at_ = now + timers_->t1;
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
  retransmit_at_ = never;
  ends_at_ = now + timers_->t4;
}

void NonInviteClient::on_transport_error(Actions& out) {
  if (state_ == State::trying || state_ == State::proceeding)
    out.push_back(Action::transport_error);
  terminate();
}

void NonInviteClient::on_deadline(TimePoint now, Actions& out) {
  if (now >= ends_at_) {
    if (state_ != State::completed) out.push_back(Action::timeout);
    terminate();
  } else if (now >= retransmit_at_) {
    if (doublings_ < 8) ++doublings_;
    const auto doubled = std::min(timers_->t1 * (1 << doublings_), timers_->t2);
    retransmit_at_ = now + (state_ == State::proceeding ? timers_->t2 : doubled);
    out.push_back(Action::resend);
  }
}

void NonInviteClient::terminate() {
  state_ = State::terminated;
  retransmit_at_ = ends_at_ = never;
}

}  // namespace sip
