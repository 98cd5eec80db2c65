// State that a peer keeps for us for a while only: registrations, publications, subscriptions. When
// to ask again, before it runs out or after a failure (RFC 3261 10.2, RFC 3903 4.1, RFC 5626 4.5).
// Pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "sip/output.hpp"
#include "sip/time.hpp"

namespace sip {

class SoftState {
 public:
  struct Terms {
    std::chrono::seconds expires{3600};
    Duration retry_base = std::chrono::seconds(30);  // doubled on each failure
    Duration retry_max = std::chrono::minutes(30);
  };
  // What came of asking.
  struct Reply {
    Cause cause = Cause::answered;
    int status = 200;
    std::optional<std::uint32_t> expires;      // granted, seconds; absent: as asked
    std::optional<std::uint32_t> min_expires;  // of 423
    std::optional<std::uint32_t> retry_after;  // of 503 and the like
  };
  enum class Next : std::uint8_t {
    active,     // it stands
    ask_again,  // at once, with other terms (423, 412)
    waiting,    // for the next try
    refused,    // for good
    removed,
  };

  explicit SoftState(const Terms& terms) : terms_(terms) {}

  // What the next request must say; 0 when it removes.
  std::chrono::seconds expires() const {
    return removing_ ? std::chrono::seconds(0) : terms_.expires;
  }
  void asking() { asking_ = true, ask_at_ = never; }
  bool in_flight() const { return asking_; }
  // The next request removes it.
  void remove() { removing_ = true; }
  bool removing() const { return removing_; }

  // `jitter`: 0..1, so that many who lost one server do not come back at once.
  Next on_reply(const Reply& reply, double jitter, TimePoint now);
  // What it was granted over is gone: asked again after a while, as after a failure.
  void lost(double jitter, TimePoint now) { retry({}, jitter, now); }
  bool granted() const { return granted_; }

  // When to ask again.
  TimePoint next_deadline() const { return ask_at_; }

 private:
  Next retry(const Reply& reply, double jitter, TimePoint now);

  Terms terms_;
  TimePoint ask_at_ = never;
  unsigned failures_ = 0;
  unsigned corrections_ = 0;  // of the terms, in this exchange
  bool asking_ = false;
  bool removing_ = false;
  bool granted_ = false;
};

}  // namespace sip
