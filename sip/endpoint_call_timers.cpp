// Endpoint: what is due in calls that are up: changes without answer or ACK, and the session timer
// (RFC 4028).
#include <algorithm>

#include "sip/endpoint_impl.hpp"

namespace sip {

void Endpoint::Impl::on_change_deadline(CallId id, Call& call, Turn& turn) {
  if (!call.extra) return;
  auto& extra = *call.extra;
  if (turn.now >= extra.ours.retry_at) retry_after_glare(id, call, turn);
  if (!calls.find(id)) return;
  if (turn.now >= extra.ours.answer_by) give_up_change(id, extra.ours, turn);
  if (!calls.find(id)) return;
  auto& theirs = extra.theirs;
  if (turn.now >= theirs.ack_by) {
    theirs = TheirChange{};
    return lose_call(id, CallAction::ended_no_ack, turn);
  }
  if (turn.now >= theirs.answer_by) {
    theirs.answer_by = never;
    respond_plainly_to_change(theirs.transaction, id, 500, turn);
  }
  if (turn.now >= theirs.repeat_at) {
    theirs.gap = std::min(2 * theirs.gap, config.timers.t2);
    theirs.repeat_at = turn.now + theirs.gap;
    transactions.repeat_response(theirs.transaction, turn.out);
  }
  if (turn.now >= extra.acknowledge_by) {  // the user never answered the late offer
    extra.acknowledge_by = never;
    if (extra.ours.awaits_ack) acknowledge_change(id, call, {}, turn);
    lose_call(id, CallAction::ended_lost, turn);
  }
}

void Endpoint::Impl::on_timer_deadline(CallId id, Call& call, Turn& turn) {
  if (!call.extra || !call.extra->timer) return;
  auto& timer = *call.extra->timer;
  const auto due = timer.due(turn.now);
  if (due == SessionTimer::Due::expired) return lose_call(id, CallAction::ended_expired, turn);
  if (due != SessionTimer::Due::refresh) return;
  timer.refreshing();
  ChangeSpec refresh;
  refresh.method = call.peer_takes_update ? "UPDATE" : "INVITE";
  if (!call.peer_takes_update) {
    refresh.content_type = call.extra->local_type;
    refresh.body = call.extra->local_body;
  }
  // While another change is under way, that one refreshes.
  const auto events = turn.out.events.size();
  change(id, refresh, true, turn.now, turn.out);
  turn.out.events.resize(events, event::ConnectionClosed{});
}

void Endpoint::Impl::lose_call(CallId id, CallAction how, Turn& turn) {
  calls.at(id.index).session->lose(how, call_actions);
  perform(id, turn);
}

void Endpoint::Impl::add_timer_headers(std::vector<HeaderField>& headers,
                                       const SessionTimer& timer) const {
  if (auto value = timer.session_expires(); !value.empty())
    headers.push_back({"Session-Expires", std::move(value)});
  if (auto value = timer.min_se(); !value.empty()) headers.push_back({"Min-SE", std::move(value)});
}

// Kept only where a refresh may have to repeat it.
void Endpoint::Impl::remember_session(Call& call, std::string_view type, std::string_view local) {
  if (!call.extra || !call.extra->timer || local.empty()) return;
  call.extra->local_type = type;
  call.extra->local_body = local;
}

TimePoint Endpoint::Impl::deadline_of(const Call& call) const {
  auto at = call.session->next_deadline();
  if (!call.extra) return at;
  const auto& e = *call.extra;
  at = std::min({at, e.ours.retry_at, e.ours.answer_by, e.theirs.repeat_at, e.theirs.ack_by,
                 e.theirs.answer_by, e.acknowledge_by});
  if (e.reliable) at = std::min({at, e.reliable->repeat_at, e.reliable->give_up_at});
  if (e.timer && call.session->in_dialog()) at = std::min(at, e.timer->next_deadline());
  return at;
}

}  // namespace sip
