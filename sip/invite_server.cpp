#include "sip/invite_server.hpp"

#include <algorithm>

namespace sip {
namespace {

constexpr Duration user_may_think = std::chrono::milliseconds(200);  // 17.2.1

}  // namespace

void InviteServer::start(TimePoint now) {
  repeat_at_ = now + user_may_think;
}

void InviteServer::on_request(Actions& out) {
  const bool has_something =
      state_ == State::proceeding ? has_provisional_ : state_ == State::completed;
  if (has_something) out.push_back(Action::resend);
}

void InviteServer::on_ack(TimePoint now, Actions& out) {
  if (state_ == State::accepted) out.push_back(Action::deliver);
  if (state_ != State::completed) return;
  if (reliability_ == Reliability::reliable) return enter(State::terminated);
  enter(State::confirmed, now + timers_->t4);
}

bool InviteServer::respond(int status, TimePoint now, Actions& out) {
  if (state_ == State::accepted && status >= 200 && status < 300) {
    out.push_back(Action::resend);
    return true;
  }
  if (state_ != State::proceeding) return false;
  if (status >= 200) {
    respond_final(status, now, out);
    return true;
  }
  repeat_at_ = never;
  has_provisional_ = true;
  out.push_back(Action::send);
  return true;
}

void InviteServer::respond_final(int status, TimePoint now, Actions& out) {
  out.push_back(Action::send);
  enter(status < 300 ? State::accepted : State::completed, now + 64 * timers_->t1);
  if (state_ == State::completed && reliability_ == Reliability::unreliable)
    repeat_at_ = now + timers_->t1;
}

void InviteServer::on_transport_error(Actions& out) {
  if (state_ == State::proceeding || state_ == State::completed)
    out.push_back(Action::transport_error);
  enter(State::terminated);
}

void InviteServer::on_deadline(TimePoint now, Actions& out) {
  if (now >= ends_at_) {
    if (state_ == State::completed) out.push_back(Action::timeout);
    enter(State::terminated);
  } else if (now >= repeat_at_ && state_ == State::proceeding) {
    repeat_at_ = never;
    has_provisional_ = true;
    out.push_back(Action::trying);
  } else if (now >= repeat_at_) {
    if (doublings_ < 8) ++doublings_;
    repeat_at_ = now + std::min(timers_->t1 * (1 << doublings_), timers_->t2);
    out.push_back(Action::resend);
  }
}

void InviteServer::enter(State state, TimePoint ends_at) {
  state_ = state;
  repeat_at_ = never;
  ends_at_ = ends_at;
}

}  // namespace sip
