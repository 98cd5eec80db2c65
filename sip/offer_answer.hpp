// Who may offer a session description when (RFC 3264 4, RFC 3261 13.2.1, RFC 3311 5). Pure value;
// the descriptions themselves are opaque.
#pragma once

#include <cstdint>

namespace sip {

class OfferAnswer {
 public:
  enum class State : std::uint8_t {
    none,          // nothing was offered yet
    local_offer,   // ours waits for its answer
    remote_offer,  // the peer's waits for ours
    agreed,
  };

  State state() const { return state_; }
  bool may_offer() const { return state_ == State::none || state_ == State::agreed; }
  bool local_pending() const { return state_ == State::local_offer; }
  bool remote_pending() const { return state_ == State::remote_offer; }

  // A description left us, or came: an offer, or the answer to the pending one.
  void sent() { exchange(State::remote_offer, State::local_offer); }
  void received() { exchange(State::local_offer, State::remote_offer); }
  // The pending offer was refused or withdrawn: what held before holds (RFC 3261 14.1).
  void rolled_back() { state_ = agreed_before_ ? State::agreed : State::none; }

 private:
  void exchange(State answered, State offered) {
    if (state_ == answered) {
      state_ = State::agreed;
      agreed_before_ = true;
    } else if (may_offer()) {
      state_ = offered;
    }  // else it repeats the pending offer
  }

  State state_ = State::none;
  bool agreed_before_ = false;
};

}  // namespace sip
