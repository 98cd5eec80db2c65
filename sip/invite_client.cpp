#include "sip/invite_client.hpp"

#include <algorithm>

namespace sip {
namespace {

// 17.1.1.2: timer D is at least 32 s for UDP, whatever T1 is.
constexpr Duration at_least_timer_d = std::chrono::seconds(32);

}  // namespace

InviteClient::InviteClient(const Timers& timers, Reliability reliability)
    : timers_(timers), retransmit_gap_(timers.t1), reliability_(reliability) {}

void InviteClient::start(TimePoint now, Actions& out) {
  timer_b_ = now + 64 * timers_.t1;
  if (reliability_ == Reliability::unreliable) timer_a_ = now + retransmit_gap_;
  out.push_back(Action::send);
}

void InviteClient::on_response(int status, TimePoint now, Actions& out) {
  switch (state_) {
    case State::calling:
    case State::proceeding:
      if (status >= 300) return on_failure(now, out);
      out.push_back(Action::deliver);
      enter(status < 200 ? State::proceeding : State::accepted);
      if (state_ == State::accepted) timer_m_ = now + 64 * timers_.t1;
      return;
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
  enter(State::completed);
  timer_d_ = now + std::max(at_least_timer_d, 64 * timers_.t1);
}

void InviteClient::on_transport_error(Actions& out) {
  if (state_ == State::calling || state_ == State::proceeding)
    out.push_back(Action::transport_error);
  enter(State::terminated);
}

void InviteClient::on_deadline(TimePoint now, Actions& out) {
  if (now >= timer_b_) {
    out.push_back(Action::timeout);
    enter(State::terminated);
  } else if (now >= timer_d_ || now >= timer_m_) {
    enter(State::terminated);
  } else if (now >= timer_a_) {
    retransmit_gap_ *= 2;  // unlike timer E, not limited by T2 (17.1.1.2)
    timer_a_ = now + retransmit_gap_;
    out.push_back(Action::resend);
  }
}

TimePoint InviteClient::next_deadline() const {
  return std::min({timer_a_, timer_b_, timer_d_, timer_m_});
}

void InviteClient::enter(State state) {
  state_ = state;
  timer_a_ = timer_b_ = timer_d_ = timer_m_ = never;
}

}  // namespace sip
