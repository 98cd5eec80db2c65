// SIP traces: switched on while running, read as a ladder or a capture file.
#include <cctype>

#include "gateway/http/json.hpp"
#include "gateway/http/routes.hpp"

namespace gateway::http {
namespace {

constexpr std::int64_t longest_s = 3600;

json::object to_json(const SipTrace& trace) {
  return {{"id", text(trace.id)},
          {"peer", text(trace.peer)},
          {"device", text(trace.device)},
          {"call_id", text(trace.call_id)},
          {"started", rfc3339(trace.started)},
          {"ends", rfc3339(trace.ends)},
          {"running", trace.running},
          {"messages", trace.messages},
          {"bytes", trace.bytes},
          {"dropped", trace.dropped}};
}

Reply<SipTraceStart> read_start(const Request& request) {
  auto body = read_object(request, "peer device call_id lasts_s");
  if (!body) return body.error();
  SipTraceStart start;
  struct {
    const char* name;
    std::string& value;
  } const members[] = {{"peer", start.peer}, {"device", start.device}, {"call_id", start.call_id}};
  for (const auto& member : members) {
    auto value = read_member(*body, member.name, false);
    if (!value) return value.error();
    member.value = *value;
  }
  if (const json::value* lasts = body->if_contains("lasts_s")) {
    if (!lasts->is_int64() || lasts->get_int64() < 1 || lasts->get_int64() > longest_s)
      return Refusal{400, "bad_request", "\"lasts_s\" must be a number from 1 to 3600"};
    start.lasts = std::chrono::seconds(lasts->get_int64());
  }
  return start;
}

Response content(std::string type, std::string body) {
  Response response;
  response.content_type = std::move(type);
  response.body = std::move(body);
  return response;
}

}  // namespace

Awaitable<Response> get_sip_traces(Context& context, const Request& request) {
  auto paging = read_paging(request);
  if (!paging) co_return refuse(paging.error());
  auto asked = context.backend.sip().list_traces(*paging);
  const Page<SipTrace> page = co_await std::move(asked);
  auto one = [](const SipTrace& trace) { return to_json(trace); };
  co_return page_response(page, *paging, one);
}

Awaitable<Response> get_sip_trace(Context& context, const Request& request) {
  auto asked = context.backend.sip().trace(request.parameter("id"));
  const Reply<SipTrace> trace = co_await std::move(asked);
  if (!trace) co_return refuse(trace.error());
  co_return json_response(to_json(*trace));
}

Awaitable<Response> post_sip_trace(Context& context, const Request& request) {
  auto start = read_start(request);
  if (!start) co_return refuse(start.error());
  auto asked = context.backend.sip().start_trace(*start);
  const Reply<SipTrace> trace = co_await std::move(asked);
  if (!trace) co_return refuse(trace.error());
  Response response = json_response(to_json(*trace), 201);
  response.headers.emplace_back("Location", "/api/v1/sip/traces/" + percent_encode_path(trace->id));
  co_return response;
}

Awaitable<Response> post_sip_trace_stop(Context& context, const Request& request) {
  auto asked = context.backend.sip().stop_trace(request.parameter("id"));
  const Reply<SipTrace> trace = co_await std::move(asked);
  if (!trace) co_return refuse(trace.error());
  co_return json_response(to_json(*trace));
}

Awaitable<Response> delete_sip_trace(Context& context, const Request& request) {
  auto asked = context.backend.sip().delete_trace(request.parameter("id"));
  const Reply<void> done = co_await std::move(asked);
  co_return done ? no_content() : refuse(done.error());
}

Awaitable<Response> get_sip_ladder(Context& context, const Request& request) {
  auto asked = context.backend.sip().trace_ladder(request.parameter("id"));
  const Reply<std::string> ladder = co_await std::move(asked);
  if (!ladder) co_return refuse(ladder.error());
  co_return content("text/plain; charset=utf-8", *ladder);
}

Awaitable<Response> get_sip_pcap(Context& context, const Request& request) {
  auto asked = context.backend.sip().trace_pcap(request.parameter("id"));
  const Reply<std::string> pcap = co_await std::move(asked);
  if (!pcap) co_return refuse(pcap.error());
  Response response = content("application/vnd.tcpdump.pcap", *pcap);
  response.headers.emplace_back("Content-Disposition", "attachment; filename=\"sip.pcap\"");
  co_return response;
}

}  // namespace gateway::http
