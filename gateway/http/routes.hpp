// The API's table of contents: every route, and the functions behind it.
#pragma once

#include <span>

#include "gateway/http/router.hpp"

namespace gateway::http {

std::span<const Route> routes();

// api_health.cpp
Awaitable<Response> get_healthz(Context& context, const Request& request);
Awaitable<Response> get_readyz(Context& context, const Request& request);
Awaitable<Response> get_version(Context& context, const Request& request);
Awaitable<Response> get_metrics(Context& context, const Request& request);
Awaitable<Response> get_index(Context& context, const Request& request);
Awaitable<Response> get_openapi(Context& context, const Request& request);
// api_devices.cpp
Awaitable<Response> get_devices(Context& context, const Request& request);
Awaitable<Response> get_device(Context& context, const Request& request);
Awaitable<Response> get_channels(Context& context, const Request& request);
Awaitable<Response> post_catalog(Context& context, const Request& request);
Awaitable<Response> post_key_frame(Context& context, const Request& request);
// api_streams.cpp
Awaitable<Response> get_streams(Context& context, const Request& request);
Awaitable<Response> get_stream(Context& context, const Request& request);
Awaitable<Response> post_stream(Context& context, const Request& request);
Awaitable<Response> delete_stream(Context& context, const Request& request);
// api_ingests.cpp
Awaitable<Response> get_ingests(Context& context, const Request& request);
Awaitable<Response> get_ingest(Context& context, const Request& request);
Awaitable<Response> post_ingest(Context& context, const Request& request);
Awaitable<Response> delete_ingest(Context& context, const Request& request);

}  // namespace gateway::http
