#include "sip/invite_server.hpp"

#include <algorithm>

namespace sip {
namespace {

constexpr Duration user_may_think = std::chrono::milliseconds(200);  // 17.2.1

}  // namespace

InviteServer::InviteServer(const Timers& timers, Reliability reliability)
    : timers_(timers), retransmit_gap_(timers.t1), reliability_(reliability) {}

void InviteServer::start(TimePoint now) {
  trying_ = now + user_may_think;
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
  enter(State::confirmed);
  timer_i_ = now + timers_.t4;
}

bool InviteServer::respond(int status, TimePoint now, Actions& out) {
  if (state_ == State::accepted && status >= 200 && status < 300) {
    out.push_back(Action::resend);
    return true;
  }
  if (state_ != State::proceeding) return false;
  if (status >= 200) return respond_final(status, now, out);
  trying_ = never;
  has_provisional_ = true;
  out.push_back(Action::send);
  return true;
}

bool InviteServer::respond_final(int status, TimePoint now, Actions& out) {
  out.push_back(Action::send);
  enter(status < 300 ? State::accepted : State::completed);
  const auto gives_up = now + 64 * timers_.t1;
  if (state_ == State::accepted) {
    timer_l_ = gives_up;
    return true;
  }
  timer_h_ = gives_up;
  if (reliability_ == Reliability::unreliable) timer_g_ = now + retransmit_gap_;
  return true;
}

void InviteServer::on_transport_error(Actions& out) {
  if (state_ == State::proceeding || state_ == State::completed)
    out.push_back(Action::transport_error);
  enter(State::terminated);
}

void InviteServer::on_deadline(TimePoint now, Actions& out) {
  if (now >= timer_h_) {
    out.push_back(Action::timeout);
    enter(State::terminated);
  } else if (now >= timer_i_ || now >= timer_l_) {
    enter(State::terminated);
  } else if (now >= timer_g_) {
    retransmit_gap_ = std::min(2 * retransmit_gap_, timers_.t2);
    timer_g_ = now + retransmit_gap_;
    out.push_back(Action::resend);
  } else if (now >= trying_) {
    trying_ = never;
    has_provisional_ = true;
    out.push_back(Action::trying);
  }
}

TimePoint InviteServer::next_deadline() const {
  return std::min({trying_, timer_g_, timer_h_, timer_i_, timer_l_});
}

void InviteServer::enter(State state) {
  state_ = state;
  trying_ = timer_g_ = timer_h_ = timer_i_ = timer_l_ = never;
}

}  // namespace sip
