// What the four transaction machines of RFC 3261 17 have in common: what they ask of their caller.
//
// Each machine is pure: events and time go in, actions come out. A machine is small, since very
// many live at once: it refers to the Timers of its caller, and keeps one deadline for
// retransmission and one for its end. The caller owns the Timers and the actions, keeps the message
// that `send` means (the request of a client, the last response of a server), and carries the
// actions out in order.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "sip/address.hpp"
#include "sip/time.hpp"

namespace sip {

enum class Reliability : std::uint8_t { unreliable, reliable };  // UDP; TCP or TLS

constexpr Reliability reliability_of(Transport t) {
  return is_reliable(t) ? Reliability::reliable : Reliability::unreliable;
}

enum class Action : std::uint8_t {
  send,             // the message as it stands now, for the first time
  resend,           // the same bytes once more
  acknowledge,      // INVITE client: ACK to the failure that just came (17.1.1.3)
  trying,           // INVITE server: the user is slow, answer 100 (17.2.1)
  deliver,          // the message that just came is news to the transaction user
  timeout,          // client: no final response; server: no ACK to our final response
  transport_error,  // it could not be sent
};

// What one event asks for, in order. No event asks for more than two things.
class Actions {
 public:
  void push_back(Action action) {
    if (size_ < actions_.size()) actions_[size_++] = action;
  }
  void clear() { size_ = 0; }
  bool empty() const { return size_ == 0; }
  std::size_t size() const { return size_; }
  const Action* begin() const { return actions_.data(); }
  const Action* end() const { return actions_.data() + size_; }

 private:
  std::array<Action, 4> actions_{};
  std::size_t size_ = 0;
};

}  // namespace sip
