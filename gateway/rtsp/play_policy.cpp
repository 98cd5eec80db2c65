#include "gateway/rtsp/play_policy.hpp"

namespace gateway::rtsp {

PlayPlan plan_play(const PlaySituation& at, const PlayTimes& times) {
  using From = PlayPlan::From;
  if (!at.video) return {From::live, false, 0};
  if (!at.key_age_ns) return {From::next_key, at.askable, 0};
  if (*at.key_age_ns <= times.fresh_ns || !at.askable) return {From::newest_key, false, 0};
  if (at.obedience != Obedience::obeys)
    return {From::newest_key, at.obedience == Obedience::unknown, 0};
  if (at.ask_in_ns > times.turn_ns) return {From::newest_key, false, 0};
  return {From::next_key, true, at.ask_in_ns + times.patience_ns};
}

}  // namespace gateway::rtsp
