#include "sip/reg_notifier.hpp"

#include <algorithm>

#include "sip/message_builder.hpp"
#include "sip/mixed_hash.hpp"
#include "sip/scan.hpp"

namespace sip {
namespace {

// Chains that an attacker makes long are bounded by the number of subscriptions of users.
constexpr std::uint64_t index_seed = 0x726567206e6f7469;

std::uint64_t key_of(std::string_view text) {
  return mixed_hash(text, index_seed);
}

// RFC 6665 4.2.2, RFC 5057 5.1: the subscription is not there any more, or never will be. Others
// may be better next time.
bool ends_subscription(int status) {
  switch (status) {
    case 404:
    case 405:
    case 408:
    case 410:
    case 416:
    case 480:
    case 481:
    case 482:
    case 483:
    case 484:
    case 485:
    case 489:
    case 501:
    case 604:
      return true;
    default:
      return false;
  }
}

}  // namespace

RegNotifier::RegNotifier(const RegEventOptions& options, Location& location)
    : options_(options), location_(location) {}

RegNotifier::Answer RegNotifier::grant(const MessageView& request) const {
  const auto asked = request.expires();
  const auto most = static_cast<std::uint32_t>(options_.max_expires.count());
  const auto expires =
      std::min(asked ? *asked : static_cast<std::uint32_t>(options_.default_expires.count()), most);
  if (expires != 0 && expires < options_.min_expires.count()) return {423};
  return {200, expires};
}

RegNotifier::Answer RegNotifier::subscribe(const MessageView& request, std::string_view aor,
                                           std::string_view tag, const Flow& flow, TimePoint now) {
  if (request.bytes().size() - request.body().size() > options_.request_bytes) return {513};
  if (!request.has(HeaderId::contact)) return {400};
  const auto answer = grant(request);
  if (answer.status != 200) return answer;
  const auto aor_key = key_of(aor);
  if (watchers_.size() >= options_.subscriptions ||
      by_aor_.count(aor_key) >= options_.subscriptions_per_aor)
    return {503};
  const auto id = watchers_.take();
  begin(watchers_.at(id.index), request, aor, tag, flow);
  by_aor_.emplace(aor_key, id);
  by_dialog_.emplace(key_of(request.call_id()), id);
  location_.keep_lapses(true);
  tell_all(id, answer.expires, now);
  return answer;
}

void RegNotifier::begin(Watcher& w, const MessageView& request, std::string_view aor,
                        std::string_view tag, const Flow& flow) {
  w = Watcher{};
  w.dialog = Dialog::as_callee(request, tag, flow);
  w.aor = aor;
  scan::append_unfolded(w.event, request.text(HeaderId::event));
}

WatcherId RegNotifier::find(const MessageView& request) const {
  const auto [begin, end] = by_dialog_.equal_range(key_of(request.call_id()));
  for (auto i = begin; i != end; ++i) {
    const auto& dialog = watchers_.at(i->second.index).dialog;
    if (dialog.call_id == request.call_id() && dialog.matches(request)) return i->second;
  }
  return {};
}

RegNotifier::Answer RegNotifier::refresh(WatcherId id, const MessageView& request, const Flow& flow,
                                         TimePoint now) {
  auto& w = watchers_.at(id.index);
  if (request.bytes().size() - request.body().size() > options_.request_bytes) return {513};
  if (!w.dialog.take_cseq(request.cseq()->number)) return {500};
  const auto answer = grant(request);
  if (answer.status != 200) return answer;
  w.dialog.refresh_target(request);
  w.dialog.flow = flow;
  tell_all(id, answer.expires, now);
  return answer;
}

// RFC 6665 4.2.1.2: each SUBSCRIBE is followed by the whole state.
void RegNotifier::tell_all(WatcherId id, std::uint32_t expires, TimePoint now) {
  auto& w = watchers_.at(id.index);
  w.ends_at = now + std::chrono::seconds(expires);
  w.full = true;
  tell(id, now);
}

void RegNotifier::tell(WatcherId id, TimePoint at) {
  auto& w = watchers_.at(id.index);
  if (w.under_way)
    w.changed = true;
  else
    w.tell_at = std::min(w.tell_at, at);
  arm(id);
}

void RegNotifier::arm(WatcherId id) {
  const auto& w = watchers_.at(id.index);
  deadlines_.set(id.index, std::min(w.tell_at, w.ends_at));
}

void RegNotifier::on_change(std::string_view aor, ReginfoHistory::Removal removal, TimePoint now) {
  if (watchers_.size() == 0) return;
  const auto [begin, end] = by_aor_.equal_range(key_of(aor));
  for (auto i = begin; i != end; ++i) {
    auto& w = watchers_.at(i->second.index);
    if (w.aor != aor) continue;
    w.removal = removal;
    tell(i->second, std::max(now, w.told_at + options_.min_gap));
  }
}

WatcherId RegNotifier::due(TimePoint now) {
  if (deadlines_.next() > now) return {};
  return watchers_.id_of(deadlines_.first());
}

bool RegNotifier::write(WatcherId id, std::string_view via, std::string_view contact, TimePoint now,
                        std::string& out) {
  auto& w = watchers_.at(id.index);
  const bool last = w.ends_at <= now;
  w.tell_at = never;
  if (w.full || last) {
    w.history.write_full(location_, w.aor, now, document_);
  } else if (!w.history.write_news(location_, w.aor, w.removal, now, document_)) {
    arm(id);
    return false;
  }
  w.full = w.changed = false;
  w.told_at = now;
  w.under_way = true;
  std::string state = "terminated;reason=timeout";
  if (!last)
    state = "active;expires=" +
            std::to_string(std::chrono::ceil<std::chrono::seconds>(w.ends_at - now).count());
  MessageBuilder message(out);
  w.dialog.write_request(message, "NOTIFY", via, w.dialog.next_cseq());
  message.header(HeaderId::contact, contact)
      .header(HeaderId::event, w.event)
      .header(HeaderId::subscription_state, state)
      .finish(reginfo_type, document_);
  if (last)
    release(id);
  else
    arm(id);
  return true;
}

void RegNotifier::on_answer(WatcherId id, int status, TimePoint now) {
  auto* const w = watchers_.find(id);
  if (!w) return;
  if (ends_subscription(status)) return release(id);
  w->under_way = false;
  if (w->changed) tell(id, w->full ? now : std::max(now, w->told_at + options_.min_gap));
}

void RegNotifier::on_lost(WatcherId id) {
  if (watchers_.find(id)) release(id);
}

void RegNotifier::release(WatcherId id) {
  auto& w = watchers_.at(id.index);
  erase(by_aor_, key_of(w.aor), id);
  erase(by_dialog_, key_of(w.dialog.call_id), id);
  deadlines_.remove(id.index);
  w = Watcher{};
  watchers_.release(id.index);
  if (watchers_.size() == 0) location_.keep_lapses(false);
}

void RegNotifier::erase(Index& index, std::uint64_t key, WatcherId id) {
  const auto [begin, end] = index.equal_range(key);
  const auto found =
      std::find_if(begin, end, [id](const auto& entry) { return entry.second == id; });
  if (found != end) index.erase(found);
}

}  // namespace sip
