#include "sip/invite_client.hpp"

#include <algorithm>

namespace sip {
namespace {

// 17.1.1.2: timer D is at least 32 s for UDP, whatever T1 is.
constexpr Duration at_least_timer_d = std::chrono::seconds(32);

}  // namespace

void InviteClient::start(TimePoint now, Actions& out) {
  ends_at_ = now + 64 * timers_->t1;
  if (reliability_ == Reliability::unreliable) retransmit_at_ = now + timers_->t1;
  out.push_back(Action::send);
}

void InviteClient::on_response(int status, TimePoint now, Actions& out) {
  switch (state_) {
    case State::calling:
    case State::proceeding:
      if (status >= 300) return on_failure(now, out);
      out.push_back(Action::deliver);
      if (status < 200) return enter(State::proceeding);
      return enter(State::accepted, now + 64 * timers_->t1);
    case State::accepted:
      if (status >= 200 && status < 300) out.push_back(Action::deliver);
      return;
    case State::completed:
      if (status >= 300) out.push_back(Action::acknowledge);
      return;
    case State::terminated:
      return;
  }
}

void InviteClient::on_failure(TimePoint now, Actions& out) {
  out.push_back(Action::acknowledge);
  out.push_back(Action::deliver);
  if (reliability_ == Reliability::reliable) return enter(State::terminated);
  enter(State::completed, now + std::max(at_least_timer_d, 64 * timers_->t1));
}

void InviteClient::on_transport_error(Actions& out) {
  if (state_ == State::calling || state_ == State::proceeding)
    out.push_back(Action::transport_error);
  enter(State::terminated);
}

void InviteClient::on_deadline(TimePoint now, Actions& out) {
  if (now >= ends_at_) {
    if (state_ == State::calling) out.push_back(Action::timeout);
    enter(State::terminated);
  } else if (now >= retransmit_at_) {
    ++doublings_;  // unlike timer E, not limited by T2 (17.1.1.2); timer B ends it at the sixth
    retransmit_at_ = now + timers_->t1 * (1 << doublings_);
    out.push_back(Action::resend);
  }
}

void InviteClient::enter(State state, TimePoint ends_at) {
  state_ = state;
  retransmit_at_ = never;
  ends_at_ = ends_at;
}

}  // namespace sip
