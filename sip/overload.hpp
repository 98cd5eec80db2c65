// When more comes than can be served: what is put off with 503, and until when each who asks is
// told to wait (RFC 3261 21.5.4). Work that others wait for goes on: calls, what is inside dialogs,
// what was begun; registrations, subscriptions and publications can wait, and come again by
// themselves.
//
// Two things say that there is too much: the transactions that live, and how full the receive
// buffers of the sockets are. Pure.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "sip/message.hpp"

namespace sip {

struct OverloadLimits {
  // Alive: beyond, nothing that can wait is begun. The rest of the table is for what cannot.
  std::size_t transactions = 320'000;
  // Of the receive buffer, in use: who has not been challenged yet waits; at half way from there to
  // full everyone who can.
  unsigned backlog_percent = 80;
  // Named in Retry-After: from `wait` to `wait` + `spread`, the same for the same user, so that
  // those who came at once do not come back at once.
  std::chrono::seconds wait{5};
  std::chrono::seconds spread{25};
};

class Overload {
 public:
  explicit Overload(const OverloadLimits& limits = {}) : limits_(limits) {}

  // As Core::on_backlog().
  void on_backlog(unsigned percent) { backlog_percent_ = percent; }
  // Whether a request outside of any transaction is to be put off. `transactions`: alive now.
  [[nodiscard]] bool sheds(const MessageView& request, std::size_t transactions) const {
    if (transactions < limits_.transactions && backlog_percent_ < limits_.backlog_percent)
      return false;
    return can_wait(request, transactions);
  }
  [[nodiscard]] std::uint32_t retry_after(const MessageView& request) const;

 private:
  bool can_wait(const MessageView& request, std::size_t transactions) const;

  OverloadLimits limits_;
  unsigned backlog_percent_ = 0;
};

}  // namespace sip
