// What is alive in SIP: transactions, dialogs, bindings.
#include "gateway/http/json.hpp"
#include "gateway/http/routes.hpp"

namespace gateway::http {
namespace {

json::object to_json(const SipTransaction& transaction) {
  return {{"core", text(transaction.core)},
          {"kind", text(transaction.kind)},
          {"method", text(transaction.method)},
          {"state", text(transaction.state)},
          {"transport", text(transaction.transport)},
          {"remote_address", text(transaction.remote_address)},
          {"age_ms", transaction.age_ms}};
}

json::object to_json(const SipDialog& dialog) {
  return {{"kind", text(dialog.kind)},
          {"state", text(dialog.state)},
          {"call_id", text(dialog.call_id)},
          {"local_uri", text(dialog.local_uri)},
          {"remote_uri", text(dialog.remote_uri)},
          {"transport", text(dialog.transport)},
          {"remote_address", text(dialog.remote_address)},
          {"detail", text(dialog.detail)},
          {"age_ms", dialog.age_ms}};
}

json::object to_json(const SipBinding& binding) {
  return {{"aor", text(binding.aor)},
          {"contact", text(binding.contact)},
          {"q", binding.q},
          {"expires", rfc3339(binding.expires)},
          {"call_id", text(binding.call_id)},
          {"path", text(binding.path)},
          {"instance", text(binding.instance)},
          {"user_agent", text(binding.user_agent)},
          {"transport", text(binding.transport)},
          {"remote_address", text(binding.remote_address)}};
}

}  // namespace

Awaitable<Response> get_sip_transactions(Context& context, const Request& request) {
  auto paging = read_paging(request);
  if (!paging) co_return refuse(paging.error());
  auto asked = context.backend.sip().list_transactions(*paging);
  const Page<SipTransaction> page = co_await std::move(asked);
  auto one = [](const SipTransaction& transaction) { return to_json(transaction); };
  co_return page_response(page, *paging, one);
}

Awaitable<Response> get_sip_dialogs(Context& context, const Request& request) {
  auto paging = read_paging(request);
  if (!paging) co_return refuse(paging.error());
  auto asked = context.backend.sip().list_dialogs(*paging);
  const Page<SipDialog> page = co_await std::move(asked);
  auto one = [](const SipDialog& dialog) { return to_json(dialog); };
  co_return page_response(page, *paging, one);
}

Awaitable<Response> get_sip_bindings(Context& context, const Request& request) {
  auto paging = read_paging(request);
  if (!paging) co_return refuse(paging.error());
  auto asked = context.backend.sip().list_bindings(read_text(request, "aor"),
                                                   read_text(request, "after"), paging->limit);
  const Reply<SipBindingPage> page = co_await std::move(asked);
  if (!page) co_return refuse(page.error());
  json::array items;
  for (const SipBinding& binding : page->items) items.push_back(to_json(binding));
  json::object body{
      {"items", std::move(items)}, {"total", page->total}, {"next", text(page->next)}};
  co_return json_response(std::move(body));
}

Awaitable<Response> delete_sip_binding(Context& context, const Request& request) {
  auto asked =
      context.backend.sip().delete_binding(request.parameter("aor"), read_text(request, "contact"));
  const Reply<void> done = co_await std::move(asked);
  co_return done ? no_content() : refuse(done.error());
}

}  // namespace gateway::http
