// Is it alive, is it ready, what is it, how much has it done; and the page at "/".
#include <fmt/format.h>

#include "gateway/http/json.hpp"
#include "gateway/http/openapi.hpp"
#include "gateway/http/routes.hpp"

namespace gateway::http {

Awaitable<Response> get_healthz(Context&, const Request&) {
  co_return json_response(json::object{{"status", "ok"}, {"detail", ""}});
}

Awaitable<Response> get_readyz(Context& context, const Request&) {
  const Readiness readiness = context.backend.readiness();
  json::object body{{"status", readiness.ready ? "ok" : "unavailable"},
                    {"detail", text(readiness.detail)}};
  co_return json_response(std::move(body), readiness.ready ? 200 : 503);
}

Awaitable<Response> get_version(Context& context, const Request&) {
  const Version version = context.backend.version();
  co_return json_response(json::object{{"version", text(version.version)},
                                       {"sip_id", text(version.sip_id)},
                                       {"sip_domain", text(version.sip_domain)},
                                       {"sip_port", version.sip_port},
                                       {"rtsp_port", version.rtsp_port},
                                       {"started", rfc3339(version.started)}});
}

Awaitable<Response> get_metrics(Context& context, const Request&) {
  Response response;
  response.content_type = "text/plain; version=0.0.4; charset=utf-8";
  auto page = context.metrics.sample();
  page.add(co_await context.backend.figures_elsewhere());
  response.body = page.text();
  co_return response;
}

Awaitable<Response> get_shards(Context& context, const Request&) {
  json::array items;
  for (const auto& shard : co_await context.backend.shards())
    items.push_back(json::object{{"index", shard.index},
                                 {"busy_ratio", shard.busy_ratio},
                                 {"streams", shard.streams},
                                 {"viewers", shard.viewers}});
  co_return json_response(json::object{{"items", std::move(items)}});
}

Awaitable<Response> get_openapi(Context& context, const Request&) {
  co_return json_response(openapi(routes(), context.backend.version().version));
}

Awaitable<Response> get_index(Context&, const Request&) {
  Response response;
  response.content_type = "text/html; charset=utf-8";
  response.body =
      "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>gbgate</title>"
      "<h1>gbgate</h1><ul>\n";
  for (const Route& route : routes()) {
    const bool link = route.verb == Verb::get && route.pattern.find('{') == route.pattern.npos;
    if (link && route.pattern != "/")
      response.body +=
          fmt::format("<li><a href=\"{0}\">{0}</a> {1}</li>\n", route.pattern, route.summary);
  }
  response.body += "</ul></html>\n";
  co_return response;
}

}  // namespace gateway::http
