// A SIP trace: the messages that went by while it was switched on, newest kept, within limits of
// memory and time. Shown by sip/ladder.hpp, written by sip/pcap.hpp. Pure.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

#include "sip/address.hpp"
#include "sip/message.hpp"
#include "sip/time.hpp"

namespace sip {

// What to record: each message that fits any of what is set; all of them when nothing is.
struct TraceFilter {
  std::optional<IpAddress> peer;
  std::uint16_t peer_port = 0;  // 0: any port of `peer`
  std::string user;             // of From, To or Request-URI: a device id, a user's name
  std::string call_id;

  bool everything() const { return !peer && user.empty() && call_id.empty(); }
  bool needs_message() const { return !user.empty() || !call_id.empty(); }
  // `message` may be null when it could not be parsed.
  bool fits(const Flow& flow, const MessageView* message) const;
};

struct TraceLimits {
  std::size_t bytes = 4 * 1024 * 1024;  // beyond, the oldest messages go
  std::size_t messages = 20'000;
  Duration lasts = std::chrono::minutes(10);  // then it stops by itself and can still be read
};

struct TracedMessage {
  TimePoint at;
  bool sent = false;  // by us; else received
  Flow flow;
  std::string bytes;  // credentials masked
};

class Trace {
 public:
  // `now` and `wall` are the same instant.
  Trace(TraceFilter filter, const TraceLimits& limits, TimePoint now, WallTime wall);

  const TraceFilter& filter() const { return filter_; }
  void record(std::string_view bytes, bool sent, const Flow& flow, TimePoint now);
  void stop(TimePoint now) { ends_ = std::min(ends_, now); }

  bool running(TimePoint now) const { return now < ends_; }
  TimePoint started() const { return started_; }
  TimePoint ends() const { return ends_; }
  WallTime wall(TimePoint at) const;

  const std::deque<TracedMessage>& messages() const { return messages_; }  // oldest first
  std::uint64_t dropped() const { return dropped_; }                       // for want of room
  std::size_t bytes() const { return bytes_; }                             // what it holds

 private:
  void drop_oldest();

  TraceFilter filter_;
  TraceLimits limits_;
  TimePoint started_, ends_;
  WallTime wall_;
  std::deque<TracedMessage> messages_;
  std::uint64_t dropped_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace sip
