#include "sip/non_invite_server.hpp"

namespace sip {

void NonInviteServer::on_request(Actions& out) {
  if (state_ == State::proceeding || state_ == State::completed) out.push_back(Action::resend);
}

bool NonInviteServer::respond(int status, TimePoint now, Actions& out) {
  if (state_ == State::completed || state_ == State::terminated) return false;
  out.push_back(Action::send);
  if (status < 200) {
    state_ = State::proceeding;
  } else if (reliability_ == Reliability::reliable) {
    state_ = State::terminated;
  } else {
    state_ = State::completed;
    timer_j_ = now + 64 * timers_->t1;
  }
  return true;
}

void NonInviteServer::on_transport_error(Actions&) {
  state_ = State::terminated;
  timer_j_ = never;
}

void NonInviteServer::on_deadline(TimePoint now, Actions&) {
  if (now < timer_j_) return;
  state_ = State::terminated;
  timer_j_ = never;
}

}  // namespace sip
