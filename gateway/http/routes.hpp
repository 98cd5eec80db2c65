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
Awaitable<Response> get_shards(Context& context, const Request& request);
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
// api_sip_traces.cpp
Awaitable<Response> get_sip_traces(Context& context, const Request& request);
Awaitable<Response> get_sip_trace(Context& context, const Request& request);
Awaitable<Response> post_sip_trace(Context& context, const Request& request);
Awaitable<Response> post_sip_trace_stop(Context& context, const Request& request);
Awaitable<Response> get_sip_ladder(Context& context, const Request& request);
Awaitable<Response> get_sip_pcap(Context& context, const Request& request);
Awaitable<Response> delete_sip_trace(Context& context, const Request& request);
// api_sip.cpp
Awaitable<Response> get_sip_transactions(Context& context, const Request& request);
Awaitable<Response> get_sip_dialogs(Context& context, const Request& request);
Awaitable<Response> get_sip_bindings(Context& context, const Request& request);
Awaitable<Response> delete_sip_binding(Context& context, const Request& request);

}  // namespace gateway::http
