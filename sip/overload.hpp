// When more comes than can be served: what is put off with 503, and until when each who asks is
// told to wait (RFC 3261 21.5.4). Work that others wait for goes on: calls, what is inside dialogs,
// what was begun; registrations, subscriptions and publications can wait, and come again by
// themselves.
//
// Two things say that there is too much: the transactions that live, and receive buffers that fill
// again and again. A burst fills a buffer, too: what is lost of it is repeated within seconds (T1
// to T2) and served sooner than after any Retry-After. Only when that does not end, it is better to
// say so before who asks gives up (64*T1). A transaction lives for half a minute: a table that is
// nearly full has seen that load already, and the rest of it is kept at once. Pure.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "sip/message.hpp"
#include "sip/time.hpp"

namespace sip {

struct OverloadLimits {
  // Of the table of transactions, alive: beyond, nothing that can wait is begun. The rest is for
  // what cannot.
  unsigned transactions_percent = 80;
  // Of the receive buffer, in use: who has not been challenged yet waits; at half way from there to
  // full everyone who can.
  unsigned backlog_percent = 80;
  // For so long before, the buffer was so full now and again, never free of it for `calm`: longer
  // than who asks waits before it repeats (T2).
  Duration sustained = std::chrono::seconds(10);
  Duration calm = std::chrono::seconds(5);
  // Named in Retry-After: from `wait` to `wait` + `spread`, the same for the same user, so that
  // those who came at once do not come back at once.
  std::chrono::seconds wait{5};
  std::chrono::seconds spread{25};
};

class Overload {
 public:
  // `table`: how many transactions may live.
  Overload(const OverloadLimits& limits, std::size_t table);

  // As Core::on_backlog().
  void on_backlog(unsigned percent) { backlog_percent_ = percent; }
  // Whether a request outside of any transaction is to be put off. `transactions`: alive now.
  [[nodiscard]] bool sheds(const MessageView& request, std::size_t transactions, TimePoint now) {
    if (transactions < transactions_ && backlog_percent_ < limits_.backlog_percent) return false;
    return can_wait(request) && is_overload(request, transactions, now);
  }
  [[nodiscard]] std::uint32_t retry_after(const MessageView& request) const;

 private:
  static bool can_wait(const MessageView& request);
  Duration full_for(TimePoint now);
  bool is_overload(const MessageView& request, std::size_t transactions, TimePoint now);

  OverloadLimits limits_;
  std::size_t transactions_;
  unsigned backlog_percent_ = 0;
  // When a request found the buffer nearly full: the first time since it was calm, and the last.
  std::optional<TimePoint> full_since_;
  TimePoint full_at_{};
};

}  // namespace sip
