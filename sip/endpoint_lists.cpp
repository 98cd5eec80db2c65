// Endpoint: what lives in it, for whoever wants to see it.
#include "sip/endpoint_impl.hpp"

namespace sip {
namespace {

std::string_view name_of(InviteSession::State state) {
  switch (state) {
    case InviteSession::State::calling:
      return "calling";
    case InviteSession::State::proceeding:
      return "proceeding";
    case InviteSession::State::cancelling:
      return "cancelling";
    case InviteSession::State::ringing:
      return "ringing";
    case InviteSession::State::accepted:
      return "accepted";
    case InviteSession::State::established:
      return "established";
    case InviteSession::State::ending:
      return "ending";
    case InviteSession::State::ended:
      return "ended";
  }
  return "?";
}

std::string_view name_of(Subscription::State state) {
  switch (state) {
    case Subscription::State::asking:
      return "asking";
    case Subscription::State::pending:
      return "pending";
    case Subscription::State::active:
      return "active";
  }
  return "?";
}

}  // namespace

std::vector<CallInfo> Endpoint::list_calls(CallId after, std::size_t at_most) const {
  std::vector<CallInfo> page;
  const auto& calls = impl_->calls;
  for (std::uint32_t i = after ? after.index + 1 : 0; i < calls.slot_count(); ++i) {
    if (page.size() == at_most) break;
    if (!calls.live(i)) continue;
    const auto& call = calls.at(i);
    const auto& d = call.dialog;
    page.push_back({calls.id_of(i), d.call_id, d.local, d.remote, d.local_tag, d.remote_tag,
                    call.session->is_outgoing(), name_of(call.session->state()), d.flow, call.since,
                    call.user_data});
  }
  return page;
}

std::vector<SubscriptionInfo> Endpoint::list_subscriptions(SubscriptionId after,
                                                           std::size_t at_most) const {
  std::vector<SubscriptionInfo> page;
  auto& all = impl_->subscriptions;
  for (std::uint32_t i = after ? after.index + 1 : 0; i < all.slot_count(); ++i) {
    if (page.size() == at_most) break;
    if (!all.live(i)) continue;
    auto& s = all.at(i);
    const auto& d = impl_->dialog_of(s);
    page.push_back({all.id_of(i), d.call_id, d.local, d.remote, s.event, s.notifier,
                    name_of(s.state), d.flow, s.since, s.ends_at, s.user_data});
  }
  return page;
}

}  // namespace sip
