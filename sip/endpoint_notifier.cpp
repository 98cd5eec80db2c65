// Endpoint: subscriptions of peers with us (RFC 6665 4.2), REFER among them (RFC 3515).
#include <algorithm>

#include "sip/endpoint_impl.hpp"
#include "sip/scan.hpp"

namespace sip {
namespace {

bool lists_package(std::string_view list, std::string_view package) {
  while (!list.empty()) {
    const auto comma = std::min(list.find(','), list.size());
    if (scan::iequals(scan::trim(list.substr(0, comma)), package)) return true;
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return false;
}

std::string state_text(const NotifySpec& spec, TimePoint ends_at, TimePoint now) {
  if (spec.phase == SubscriptionPhase::terminated) {
    std::string text = "terminated;reason=";
    text += spec.reason.empty() ? "noresource" : spec.reason;
    if (spec.retry_after.count() > 0)
      text += ";retry-after=" + std::to_string(spec.retry_after.count());
    return text;
  }
  std::string text = spec.phase == SubscriptionPhase::active ? "active" : "pending";
  if (ends_at == never) return text;
  const auto left = std::chrono::ceil<std::chrono::seconds>(ends_at - now).count();
  return text + ";expires=" + std::to_string(std::max<std::int64_t>(left, 0));
}

// The reasons of RFC 6665 4.1.3, which outlive the user's text.
std::string_view lasting(std::string_view reason) {
  for (const std::string_view known :
       {"deactivated", "probation", "rejected", "timeout", "giveup", "noresource", "invariant"})
    if (reason == known) return known;
  return reason.empty() ? "noresource" : "";
}

}  // namespace

std::uint32_t Endpoint::Impl::granted_expires(const MessageView& request) const {
  const auto longest = static_cast<std::uint32_t>(config.max_subscription.count());
  if (request.method() == Method::refer) return std::min(longest, 180u);
  const auto asked = request.expires();
  return asked ? std::min(*asked, longest) : longest;
}

void Endpoint::Impl::on_subscribe(TransactionId id, Turn& turn) {
  const bool refer = view.method() == Method::refer;
  if (!refer && has_to_tag(view)) {
    if (const auto known = find_subscription(view, true))
      return on_subscription_refresh(known, id, turn);
    // A second usage of a call's dialog (RFC 5057) is not opened by SUBSCRIBE here.
    ++counters.stray_requests;
    return respond_plainly(id, 481, turn);
  }
  on_new_subscription(id, {}, turn);
}

void Endpoint::Impl::on_new_subscription(TransactionId id, CallId call_id, Turn& turn) {
  const bool refer = view.method() == Method::refer;
  const auto event = view.event();
  const auto package = refer   ? std::string_view("refer")
                       : event ? event->package
                               : std::string_view();
  if (!lists_package(config.event_packages, package)) {
    if (refer) return respond_plainly(id, 405, turn);
    return respond_with(id, 489, {"Allow-Events", config.event_packages}, turn);
  }
  if (refer && view.text(HeaderId::refer_to).empty()) return respond_plainly(id, 400, turn);
  const auto lasts = granted_expires(view);
  if (!refer && lasts != 0 && lasts < config.min_subscription.count())
    return respond_with(id, 423, {"Min-Expires", std::to_string(config.min_subscription.count())},
                        turn);
  if (subscriptions.size() >= config.limits.subscriptions) {
    ++counters.refused_overload;
    return respond_with(id, 503, {"Retry-After", std::to_string(config.limits.retry_after.count())},
                        turn);
  }
  const auto tag = writer.make_tag();
  const auto s_id = take_subscription(view.call_id(), turn.now);
  auto& s = subscriptions.at(s_id.index);
  s.notifier = true;
  s.refer = refer;
  s.confirmed = true;
  s.incoming = id;
  s.event = refer ? "refer" : view.text(HeaderId::event);
  // NOTIFYs of a REFER name its CSeq: a second one in the dialog must (3515 2.4.6).
  if (refer && call_id) s.event += ";id=" + std::to_string(view.cseq()->number);
  auto& transaction = *transactions.get(id);
  if (call_id) {
    s.call = call_id;
    calls.at(call_id.index).shares_dialog = true;
  } else {
    s.dialog = Dialog::as_callee(view, tag, turn.flow);
    aim(s.dialog);
    transaction.to_tag = tag;
  }
  transaction.owner = {Purpose::subscribe, owner_id(s_id), 0};
  s.ends_at = turn.now + config.limits.answer_within;
  arm(s_id);
  turn.out.events.push_back(event::IncomingSubscription{s_id, &view, turn.flow, call_id, lasts});
}

// 6665 4.2.1.3: each refresh wants a NOTIFY, which the user gives.
void Endpoint::Impl::on_subscription_refresh(SubscriptionId id, TransactionId transaction,
                                             Turn& turn) {
  auto& s = subscriptions.at(id.index);
  auto& dialog = dialog_of(s);
  if (!dialog.take_cseq(view.cseq()->number)) return respond_plainly(transaction, 500, turn);
  const auto lasts = granted_expires(view);
  if (lasts != 0 && lasts < config.min_subscription.count())
    return respond_with(transaction, 423,
                        {"Min-Expires", std::to_string(config.min_subscription.count())}, turn);
  dialog.refresh_target(view);
  if (!config.follow_targets) dialog.flow = turn.flow;
  aim(dialog);
  ResponseSpec ok;
  ok.headers.push_back({"Expires", std::to_string(lasts)});
  respond(transaction, ok, writer.contact_for(user_of_to(view), dialog.flow, dialog.is_secure()),
          turn.now, turn.out);
  s.ends_at = turn.now + std::chrono::seconds(lasts);
  arm(id);
  turn.out.events.push_back(event::SubscriptionRefreshed{id, &view, lasts, s.user_data});
}

bool Endpoint::Impl::answer_subscription(SubscriptionId id, const ResponseSpec& spec, TimePoint now,
                                         Output& out) {
  auto* s = subscriptions.find(id);
  if (!s || !s->notifier || !s->incoming) return false;
  const auto* request = request_of(s->incoming);
  if (!request) return false;
  auto& dialog = dialog_of(*s);
  auto full = spec;
  full.to_tag = dialog.local_tag;
  const bool accepted = spec.status >= 200 && spec.status < 300;
  std::string contact;
  std::uint32_t lasts = 0;
  if (accepted) {
    lasts = granted_expires(*request);
    if (!s->refer) full.headers.push_back({"Expires", std::to_string(lasts)});
    contact = writer.contact_for(user_of_to(*request), dialog.flow, dialog.is_secure());
  }
  const auto transaction = s->incoming;
  if (spec.status >= 200) s->incoming = {};
  respond(transaction, full, contact, now, out);
  if (accepted) {
    s->state = Subscription::State::pending;
    s->ends_at = now + std::chrono::seconds(lasts);
    arm(id);
  } else if (spec.status >= 300) {
    release_subscription(id);
  }
  return true;
}

bool Endpoint::Impl::notify(SubscriptionId id, const NotifySpec& spec, TimePoint now, Output& out) {
  auto* s = subscriptions.find(id);
  if (!s || !s->notifier || s->incoming) return false;
  auto& dialog = dialog_of(*s);
  InCallRequestSpec request{"NOTIFY", spec.headers, spec.content_type, spec.body, 0};
  request.headers.push_back({"Event", s->event});
  request.headers.push_back({"Subscription-State", state_text(spec, s->ends_at, now)});
  const auto local = parse_name_addr(dialog.local);
  writer.write_in_dialog(dialog, "NOTIFY", dialog.next_cseq(), request,
                         writer.contact_for(local ? local->uri.user : std::string_view(),
                                            dialog.flow, dialog.is_secure()));
  const bool last = spec.phase == SubscriptionPhase::terminated;
  if (full()) {
    out.send(dialog.flow, writer.text());  // once, without waiting for its answer
  } else {
    start_in_dialog(dialog, "NOTIFY", {Purpose::notify, owner_id(id), 0}, {}, true, now, out);
  }
  s->state = spec.phase == SubscriptionPhase::active ? Subscription::State::active
                                                     : Subscription::State::pending;
  if (!last) return true;
  Turn turn{now, out};
  end_subscription(id, {Cause::answered, 200, nullptr}, lasting(spec.reason), 0, turn);
  return true;
}

// 6665 4.2.2: 481, or nothing at all, and the subscriber is gone.
void Endpoint::Impl::on_notify_done(SubscriptionId id, const Outcome& outcome, Turn& turn) {
  if (!subscriptions.find(id)) return;
  const bool gone = outcome.cause != Cause::answered || outcome.status == 481 ||
                    outcome.status == 408 || outcome.status == 404 || outcome.status == 410 ||
                    outcome.status == 489;
  if (gone) end_subscription(id, outcome, {}, 0, turn);
}

}  // namespace sip
