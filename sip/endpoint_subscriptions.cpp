// Endpoint: subscriptions of ours (RFC 6665 4.1), REFER among them (RFC 3515), and the table of
// all.
#include <algorithm>

#include "sip/endpoint_impl.hpp"
#include "sip/scan.hpp"

namespace sip {
namespace {

constexpr std::size_t same_call_id_limit = 16;

// 6665 8.2.1: package and id decide.
bool same_event(std::string_view ours, const EventPackage& theirs, bool refer) {
  const auto parsed = parse_event(ours);
  if (!parsed || !scan::iequals(parsed->package, theirs.package)) return false;
  // The first REFER of a dialog may be named without an id (RFC 3515 2.4.6).
  return parsed->id == theirs.id || (refer && theirs.id.empty());
}

SoftState::Reply reply_of(const Outcome& outcome) {
  SoftState::Reply reply{outcome.cause, outcome.status, {}, {}, {}};
  if (!outcome.message) return reply;
  if (const auto n = outcome.message->expires()) reply.expires = *n;
  if (const auto n = outcome.message->number(HeaderId::min_expires)) reply.min_expires = *n;
  if (const auto n = outcome.message->number(HeaderId::retry_after)) reply.retry_after = *n;
  return reply;
}

}  // namespace

// --- ours ----------------------------------------------------------------------------------------

SubscriptionId Endpoint::Impl::subscribe(const SubscribeSpec& spec, CallId call_id, TimePoint now,
                                         Output& out) {
  auto* call = call_id ? calls.find(call_id) : nullptr;
  auto* shared = call ? dialog_of(*call) : nullptr;
  const auto& request = spec.request;
  const bool possible = call_id ? shared != nullptr
                                : !request.request_uri.empty() && parse_name_addr(request.from) &&
                                      parse_name_addr(request.to);
  if (!possible || full() || subscriptions.size() >= config.limits.subscriptions) {
    const SubscriptionId id{~std::uint32_t{0}, ++dead_ids_};
    out.events.push_back(event::SubscriptionEnded{id,
                                                  possible ? Cause::overloaded : Cause::invalid,
                                                  possible ? 503 : 400,
                                                  nullptr,
                                                  {},
                                                  0,
                                                  request.user_data});
    return id;
  }
  const auto id = take_subscription(
      shared
          ? shared->call_id
          : (request.call_id.empty() ? writer.make_call_id(request.destination) : request.call_id),
      now);
  auto& s = subscriptions.at(id.index);
  s.spec = std::make_unique<SubscribeSpec>(spec);
  if (!request.persistence.credentials.username.empty()) s.login = std::make_unique<Login>();
  s.refer = request.method == "REFER";
  s.event = s.refer ? "refer" : spec.event;
  s.user_data = request.user_data;
  s.soft.emplace(SoftState::Terms{spec.expires, std::chrono::seconds(5), std::chrono::minutes(5)});
  if (shared) {
    s.call = call_id;
    s.confirmed = true;
    call->shares_dialog = true;
    s.dialog.local_tag = shared->local_tag;
  } else {
    s.dialog.local = writer.with_tag(request.from);
    if (const auto from = parse_name_addr(s.dialog.local)) s.dialog.local_tag = from->tag();
    s.dialog.remote = request.to;
    s.dialog.remote_target = request.request_uri;
    s.dialog.flow = request.destination;
    s.dialog.local_cseq = request.cseq == 0 ? 0 : request.cseq - 1;
  }
  send_subscribe(id, s, now, out);
  return id;
}

bool Endpoint::Impl::unsubscribe(SubscriptionId id, TimePoint now, Output& out) {
  auto* s = subscriptions.find(id);
  if (!s) return false;
  if (s->notifier) {
    NotifySpec last;
    last.phase = SubscriptionPhase::terminated;
    last.reason = "deactivated";
    return notify(id, last, now, out);
  }
  if (s->soft->removing()) return true;
  s->soft->remove();
  if (s->soft->in_flight()) return true;  // when that is answered
  send_subscribe(id, *s, now, out);
  return true;
}

void Endpoint::Impl::send_subscribe(SubscriptionId id, Subscription& s, TimePoint now,
                                    Output& out) {
  auto& dialog = dialog_of(s);
  const bool refer = s.refer && !s.confirmed;
  const auto& request = s.spec->request;
  const bool first_refer = s.refer && (refer || (s.call && s.state == Subscription::State::asking));
  InCallRequestSpec spec{first_refer ? "REFER" : "SUBSCRIBE", request.headers, request.content_type,
                         request.body, 0};
  s.soft->asking();
  if (!first_refer) {
    spec.headers.push_back({"Event", s.event});
    spec.headers.push_back({"Expires", std::to_string(s.soft->expires().count())});
    if (!s.spec->accept.empty()) spec.headers.push_back({"Accept", s.spec->accept});
  }
  const auto cseq = dialog.next_cseq();
  // RFC 3515 2.4.6: several REFERs in one dialog are told apart by their CSeq.
  if (first_refer && s.call) s.event = "refer;id=" + std::to_string(cseq);
  const Owner owner{Purpose::subscribe, owner_id(id), 0};
  add_credentials(spec.headers, login_of(owner), spec.method, spec.body, dialog.remote_target);
  const auto local = parse_name_addr(dialog.local);
  const bool own = request.contact.empty();
  const auto contact = own ? writer.contact_for(local ? local->uri.user : std::string_view(),
                                                dialog.flow, dialog.is_secure())
                           : request.contact;
  writer.write_in_dialog(dialog, spec.method, cseq, spec, contact);
  // 6665 4.1.2.4: NOTIFY must have come within 64*T1 (timer N).
  if (s.state == Subscription::State::asking || s.soft->removing())
    s.ends_at = now + 64 * config.timers.t1;
  start_in_dialog(dialog, spec.method, owner, request.persistence, own, now, out);
  arm(id);
}

void Endpoint::Impl::on_subscribe_done(SubscriptionId id, const Outcome& outcome, Turn& turn) {
  auto* s = subscriptions.find(id);
  if (!s) return;
  const bool success = outcome.cause == Cause::answered && outcome.status < 300;
  if (success && !s->confirmed) {
    s->confirmed = true;
    s->dialog.confirm(*outcome.message);
    aim(s->dialog);
  } else if (success && !s->call) {
    s->dialog.refresh_target(*outcome.message);
    aim(s->dialog);
  }
  if (const auto* m = outcome.message; m && !s->call)
    if (const auto cseq = m->cseq())
      s->dialog.local_cseq = std::max(s->dialog.local_cseq, cseq->number);
  if (success && s->soft->removing() && s->soft->expires() == std::chrono::seconds(0)) {
    s->soft->on_reply(reply_of(outcome), 0, turn.now);
    if (s->ends_at == never) s->ends_at = turn.now + 64 * config.timers.t1;
    return arm(id);  // the last NOTIFY ends it
  }
  const bool want_out = s->soft->removing();
  const auto reply = reply_of(outcome);
  const auto next = s->soft->on_reply(reply, chance(), turn.now);
  if (want_out && success) return send_subscribe(id, *s, turn.now, turn.out);
  if (next == SoftState::Next::ask_again) return send_subscribe(id, *s, turn.now, turn.out);
  // 6665 4.1.2.2: a refresh that fails otherwise than 481 leaves the subscription until it expires.
  const bool stands = s->state != Subscription::State::asking && outcome.status != 481 &&
                      next == SoftState::Next::waiting;
  if (!success && !stands)
    return end_subscription(id, outcome, {}, reply.retry_after.value_or(0), turn);
  if (success) {
    const auto lasts = reply.expires.value_or(
        static_cast<std::uint32_t>(s->refer ? 60 : s->soft->expires().count()));
    if (s->state != Subscription::State::asking)
      s->ends_at = turn.now + std::chrono::seconds(lasts);
    turn.out.events.push_back(
        event::SubscriptionAccepted{id, outcome.message, lasts, s->user_data});
  }
  if (subscriptions.find(id)) arm(id);
}

// --- what notifiers say --------------------------------------------------------------------------

bool Endpoint::Impl::on_notify(TransactionId id, Turn& turn) {
  const auto event = view.event();
  if (!event) return false;
  const auto [begin, end] = subscriptions_by_call_id.equal_range(view.call_id());
  const auto to = view.to();
  const auto from = view.from();
  if (!to || !from) return false;
  SubscriptionId ours, sibling;
  std::size_t candidates = 0;
  for (auto i = begin; i != end; ++i, ++candidates) {
    auto& s = subscriptions.at(i->second.index);
    if (s.notifier || !same_event(s.event, *event, s.refer)) continue;
    const auto& dialog = dialog_of(s);
    if (dialog.local_tag != to->tag()) continue;
    if (!s.confirmed || dialog.remote_tag == from->tag()) {
      ours = i->second;
      break;
    }
    sibling = i->second;
  }
  if (!ours && sibling && candidates < same_call_id_limit &&
      subscriptions.size() < config.limits.subscriptions)
    ours = fork_subscription(sibling, turn);
  if (!ours) {
    if (begin == end) return false;
    respond_plainly(id, 481, turn);
    return true;
  }
  on_notified(ours, id, turn);
  return true;
}

SubscriptionId Endpoint::Impl::fork_subscription(SubscriptionId original, Turn& turn) {
  const auto id = take_subscription(view.call_id(), turn.now);
  const auto& first = subscriptions.at(original.index);
  auto& fork = subscriptions.at(id.index);
  fork.refer = first.refer;
  fork.event = first.event;
  fork.user_data = first.user_data;
  fork.dialog = first.dialog;
  fork.dialog.remote_cseq = 0;
  fork.spec = std::make_unique<SubscribeSpec>(*first.spec);
  fork.soft.emplace(
      SoftState::Terms{first.spec->expires, std::chrono::seconds(5), std::chrono::minutes(5)});
  turn.out.events.push_back(event::SubscriptionForked{id, original, fork.user_data});
  return id;
}

void Endpoint::Impl::on_notified(SubscriptionId id, TransactionId transaction, Turn& turn) {
  auto& s = subscriptions.at(id.index);
  auto& dialog = dialog_of(s);
  if (!s.confirmed) {
    s.confirmed = true;
    dialog.confirm_by(view);
  } else {
    if (!dialog.take_cseq(view.cseq()->number)) return respond_plainly(transaction, 500, turn);
    dialog.refresh_target(view);
  }
  if (!config.follow_targets) dialog.flow = turn.flow;
  aim(dialog);
  const auto said = view.subscription_state();
  if (!said) return respond_plainly(transaction, 400, turn);  // 6665 4.1.3
  respond_plainly(transaction, 200, turn);
  using State = SubscriptionState::State;
  turn.out.events.push_back(event::Notified{id, &view, said->state, s.user_data});
  if (said->state == State::terminated) {
    const Outcome over{Cause::answered, 200, &view};
    return end_subscription(id, over, said->reason, said->retry_after.value_or(0), turn);
  }
  s.state =
      said->state == State::pending ? Subscription::State::pending : Subscription::State::active;
  if (!s.soft->removing()) {
    // 6665 4.1.3: what it says here may shorten what the 2xx granted.
    const auto lasts = said->expires.value_or(
        static_cast<std::uint32_t>(s.refer ? 60 : s.soft->expires().count()));
    s.ends_at = turn.now + std::chrono::seconds(lasts);
    if (!s.soft->in_flight()) s.soft->on_reply({Cause::answered, 200, lasts, {}, {}}, 0, turn.now);
  }
  arm(id);
}

// --- time, ends, the table -----------------------------------------------------------------------

void Endpoint::Impl::on_subscription_deadlines(TimePoint now, Output& out) {
  Turn turn{now, out};
  while (subscription_deadlines.next() <= now) {
    const auto index = subscription_deadlines.first();
    const auto id = subscriptions.id_of(index);
    auto& s = subscriptions.at(index);
    if (s.ends_at <= now && s.notifier) {
      NotifySpec last;
      last.phase = SubscriptionPhase::terminated;
      last.reason = "timeout";
      s.ends_at = never;
      if (s.incoming) {
        respond_plainly(s.incoming, 480, turn);
        end_subscription(id, {Cause::timeout, 408, nullptr}, "timeout", 0, turn);
      } else {
        notify(id, last, now, out);
      }
    } else if (s.ends_at <= now) {
      const bool done = s.soft->removing();
      const Outcome over{done ? Cause::answered : Cause::timeout, done ? 200 : 408, nullptr};
      end_subscription(id, over, "timeout", 0, turn);
    } else if (!s.notifier && s.soft->next_deadline() <= now && !full()) {
      send_subscribe(id, s, now, out);
    } else {
      subscription_deadlines.set(index, now + std::chrono::seconds(1));  // no room: later
    }
  }
}

void Endpoint::Impl::end_subscription(SubscriptionId id, const Outcome& outcome,
                                      std::string_view reason, std::uint32_t retry_after,
                                      Turn& turn) {
  const auto user_data = subscriptions.at(id.index).user_data;
  turn.out.events.push_back(event::SubscriptionEnded{
      id, outcome.cause, outcome.status, outcome.message, reason, retry_after, user_data});
  release_subscription(id);
}

SubscriptionId Endpoint::Impl::take_subscription(std::string_view call_id, TimePoint now) {
  const auto id = subscriptions.take();
  auto& s = subscriptions.at(id.index);
  s = Subscription{};
  s.dialog.call_id = call_id;
  s.since = now;
  subscriptions_by_call_id.emplace(call_id, id);
  counters.subscriptions = subscriptions.size();
  return id;
}

// Of a request inside its dialog.
SubscriptionId Endpoint::Impl::find_subscription(const MessageView& request, bool notifier) {
  const auto event = request.event();
  const auto [begin, end] = subscriptions_by_call_id.equal_range(request.call_id());
  for (auto i = begin; i != end; ++i) {
    auto& s = subscriptions.at(i->second.index);
    if (s.notifier != notifier || !dialog_of(s).matches(request)) continue;
    if (event && same_event(s.event, *event, s.refer)) return i->second;
  }
  return {};
}

void Endpoint::Impl::release_subscription(SubscriptionId id) {
  auto& s = subscriptions.at(id.index);
  const auto [begin, end] = subscriptions_by_call_id.equal_range(dialog_of(s).call_id);
  for (auto i = begin; i != end; ++i) {
    if (i->second != id) continue;
    subscriptions_by_call_id.erase(i);
    break;
  }
  subscription_deadlines.remove(id.index);
  s.spec.reset();
  s.login.reset();
  subscriptions.release(id.index);
  counters.subscriptions = subscriptions.size();
}

void Endpoint::Impl::arm(SubscriptionId id) {
  const auto& s = subscriptions.at(id.index);
  const auto refresh = s.soft && !s.refer ? s.soft->next_deadline() : never;
  subscription_deadlines.set(id.index, std::min(s.ends_at, refresh));
}

Dialog& Endpoint::Impl::dialog_of(Subscription& s) {
  auto* call = s.call ? calls.find(s.call) : nullptr;
  if (!call) return s.dialog;
  auto* shared = dialog_of(*call);
  return shared ? *shared : call->dialog;
}

}  // namespace sip
