// SipApi: what is alive, as lists.
#include <fmt/format.h>

#include "gateway/sip_api.hpp"
#include "sip/transactions.hpp"

namespace gateway {
namespace {

std::string lower(std::string_view word) {
  std::string out(word);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return out;
}

std::int64_t age_ms(sip::TimePoint since) {
  const auto age = sip::Clock::now() - since;
  return std::chrono::duration_cast<std::chrono::milliseconds>(age).count();
}

http::WallTime wall_of(sip::TimePoint at) {
  const auto wall =
      std::chrono::system_clock::now() +
      std::chrono::duration_cast<std::chrono::system_clock::duration>(at - sip::Clock::now());
  return std::chrono::time_point_cast<std::chrono::milliseconds>(wall);
}

http::SipTransaction info_of(const sip::Transaction& t, const char* core) {
  http::SipTransaction info;
  info.core = core;
  info.kind = t.is_client() ? "client" : "server";
  info.method = to_string(t.method);
  info.state = lower(t.state_name());
  info.transport = lower(to_string(t.flow.transport));
  info.remote_address = to_string(t.flow.remote);
  info.age_ms = age_ms(t.started_at);
  return info;
}

template <class T>
void put(http::Page<T>& page, const http::Paging& paging, const auto& make) {
  if (page.total >= paging.offset && page.items.size() < paging.limit) page.items.push_back(make());
  ++page.total;
}

void list(const sip::Transactions& transactions, const char* core, const http::Paging& paging,
          http::Page<http::SipTransaction>& page) {
  transactions.walk(0, transactions.size(), [&](sip::TransactionId, const sip::Transaction& t) {
    put(page, paging, [&] { return info_of(t, core); });
  });
}

http::SipDialog dialog_at(const char* kind, const sip::Flow& flow) {
  http::SipDialog dialog;
  dialog.kind = kind;
  dialog.transport = lower(to_string(flow.transport));
  dialog.remote_address = to_string(flow.remote);
  return dialog;
}

http::SipDialog info_of(const sip::CallInfo& call) {
  auto dialog = dialog_at("call", call.flow);
  dialog.state = call.state;
  dialog.call_id = call.call_id;
  dialog.local_uri = call.local;
  dialog.remote_uri = call.remote;
  dialog.detail = call.outgoing ? "outgoing" : "incoming";
  dialog.age_ms = age_ms(call.since);
  return dialog;
}

http::SipDialog info_of(const sip::SubscriptionInfo& subscription) {
  auto dialog = dialog_at("subscription", subscription.flow);
  dialog.state = subscription.state;
  dialog.call_id = subscription.call_id;
  dialog.local_uri = subscription.local;
  dialog.remote_uri = subscription.remote;
  dialog.detail = fmt::format("{} {}", subscription.notifier ? "notifier of" : "subscriber to",
                              subscription.event);
  dialog.age_ms = age_ms(subscription.since);
  return dialog;
}

http::SipDialog info_of(const sip::ProxiedRequest& request) {
  auto dialog = dialog_at("proxied", request.source);
  dialog.state = "proceeding";
  dialog.call_id = request.call_id;
  dialog.local_uri = request.from;
  dialog.remote_uri = request.to;
  dialog.detail = request.method;
  for (const auto& branch : request.branches)
    dialog.detail += fmt::format("; {} {}{}", branch.target, branch.status,
                                 branch.cancelled ? " cancelled" : "");
  dialog.age_ms = age_ms(request.since);
  return dialog;
}

http::SipBinding info_of(const std::string& aor, const sip::Binding& binding) {
  http::SipBinding info;
  info.aor = aor;
  info.contact = binding.contact;
  info.q = binding.q_1000 / 1000.0;
  info.expires = wall_of(binding.expires_at);
  info.call_id = binding.call_id;
  info.path = binding.path;
  info.instance = binding.instance;
  info.user_agent = binding.user_agent;
  info.transport = lower(to_string(binding.flow.transport));
  info.remote_address = to_string(binding.flow.remote);
  return info;
}

constexpr std::size_t listed_at_most = 1'000'000;

}  // namespace

http::Awaitable<http::Page<http::SipTransaction>> SipApi::list_transactions(http::Paging paging) {
  http::Page<http::SipTransaction> page;
  list(stack_.endpoint().transactions(), "endpoint", paging, page);
  if (stack_.server()) list(stack_.server()->core().transactions(), "server", paging, page);
  co_return page;
}

http::Awaitable<http::Page<http::SipDialog>> SipApi::list_dialogs(http::Paging paging) {
  http::Page<http::SipDialog> page;
  const auto add = [&](const auto& all) {
    for (const auto& one : all) put(page, paging, [&] { return info_of(one); });
  };
  add(stack_.endpoint().list_calls({}, listed_at_most));
  add(stack_.endpoint().list_subscriptions({}, listed_at_most));
  if (stack_.server()) add(stack_.server()->core().list(listed_at_most));
  co_return page;
}

http::Awaitable<http::Reply<http::SipBindingPage>> SipApi::list_bindings(std::string aor,
                                                                         std::string after,
                                                                         std::size_t limit) {
  http::SipBindingPage page;
  if (!stack_.server()) co_return page;
  const auto& location = stack_.server()->location();
  page.total = location.bindings();
  const auto now = sip::Clock::now();
  if (aor.empty()) {
    const auto found = location.list(after, limit, now);
    for (const auto& [of, binding] : found) page.items.push_back(info_of(of, binding));
    if (found.size() >= limit) page.next = found.back().first;
    co_return page;
  }
  const auto canonical = sip::canonical_aor(aor);
  if (!canonical)
    co_return http::Refusal{400, "bad_request", "aor must be a SIP URI: sip:user@host"};
  std::vector<sip::Binding> found;
  location.find(*canonical, now, found);
  for (const auto& binding : found) page.items.push_back(info_of(*canonical, binding));
  co_return page;
}

http::Awaitable<http::Reply<void>> SipApi::delete_binding(std::string aor, std::string contact) {
  const auto canonical = sip::canonical_aor(aor);
  if (stack_.server() && canonical && stack_.remove_binding(*canonical, contact))
    co_return http::Reply<void>();
  co_return http::Refusal{
      404, "not_found",
      fmt::format("{} is not registered{}", aor, contact.empty() ? "" : " with that contact")};
}

}  // namespace gateway
