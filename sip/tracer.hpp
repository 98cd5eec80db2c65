// The traces that are switched on, fed with every message of a shell. While none runs, the shell
// has no observer at all: a trace that is off costs one null check a message.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>

#include "sip/message_observer.hpp"
#include "sip/trace.hpp"

namespace sip {

struct TracerLimits {
  std::size_t traces = 8;  // kept, running or not; for a new one the oldest stopped one goes
  TraceLimits trace;       // of each; `lasts` is the longest that may be asked for
};

class Tracer final : public MessageObserver {
 public:
  explicit Tracer(const TracerLimits& limits = {}) : limits_(limits) {}

  // 0 when as many run as may. `lasts` is cut to the limit.
  std::uint32_t start(TraceFilter filter, Duration lasts, TimePoint now, WallTime wall);
  bool stop(std::uint32_t id, TimePoint now);
  bool remove(std::uint32_t id) { return traces_.erase(id) > 0; }
  const Trace* find(std::uint32_t id) const;
  const std::map<std::uint32_t, Trace>& traces() const { return traces_; }

  // Whether there is anything to observe; and when to ask again.
  bool running(TimePoint now) const;
  TimePoint next_end(TimePoint now) const;
  const TracerLimits& limits() const { return limits_; }

  void on_received(std::string_view bytes, const Flow& from, TimePoint now) override {
    record(bytes, false, from, now);
  }
  void on_sent(std::string_view bytes, const Flow& to, TimePoint now) override {
    record(bytes, true, to, now);
  }

 private:
  void record(std::string_view bytes, bool sent, const Flow& flow, TimePoint now);
  bool make_room(TimePoint now);

  TracerLimits limits_;
  std::map<std::uint32_t, Trace> traces_;
  std::uint32_t last_id_ = 0;
  MessageView view_;
};

}  // namespace sip
