#include "sip/tracer.hpp"

#include <algorithm>

namespace sip {

std::uint32_t Tracer::start(TraceFilter filter, Duration lasts, TimePoint now, WallTime wall) {
  if (!make_room(now)) return 0;
  auto limits = limits_.trace;
  limits.lasts = std::min(lasts, limits.lasts);
  traces_.emplace(++last_id_, Trace(std::move(filter), limits, now, wall));
  return last_id_;
}

bool Tracer::make_room(TimePoint now) {
  if (traces_.size() < limits_.traces) return true;
  const auto stopped = std::find_if(traces_.begin(), traces_.end(), [now](const auto& entry) {
    return !entry.second.running(now);
  });
  if (stopped == traces_.end()) return false;
  traces_.erase(stopped);
  return true;
}

bool Tracer::stop(std::uint32_t id, TimePoint now) {
  const auto found = traces_.find(id);
  if (found == traces_.end()) return false;
  found->second.stop(now);
  return true;
}

const Trace* Tracer::find(std::uint32_t id) const {
  const auto found = traces_.find(id);
  return found == traces_.end() ? nullptr : &found->second;
}

bool Tracer::running(TimePoint now) const {
  return next_end(now) != never;
}

TimePoint Tracer::next_end(TimePoint now) const {
  auto end = never;
  for (const auto& [id, trace] : traces_)
    if (trace.running(now)) end = std::min(end, trace.ends());
  return end;
}

void Tracer::record(std::string_view bytes, bool sent, const Flow& flow, TimePoint now) {
  const MessageView* message = nullptr;
  bool parsed = false;
  for (auto& [id, trace] : traces_) {
    if (!trace.running(now)) continue;
    if (trace.filter().needs_message() && !parsed) {
      parsed = true;
      if (parse_message(bytes, view_)) message = &view_;
    }
    if (trace.filter().fits(flow, message)) trace.record(bytes, sent, flow, now);
  }
}

}  // namespace sip
