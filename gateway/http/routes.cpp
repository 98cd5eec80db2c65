#include "gateway/http/routes.hpp"

namespace gateway::http {
namespace {

constexpr auto anyone = Access::anyone;
constexpr auto trusted = Access::trusted;

// verb, pattern, function, who | summary | query, body's schema, answer's schema, status
constexpr Route table[] = {
    {Verb::get, "/", get_index, trusted, "A page of links", "", "", "", 200},
    {Verb::get, "/healthz", get_healthz, anyone, "The process runs", "", "", "Health", 200},
    {Verb::get, "/readyz", get_readyz, anyone,
     "The process serves; 503 with what is missing otherwise", "", "", "Health", 200},
    {Verb::get, "/metrics", get_metrics, trusted, "Prometheus text", "", "", "", 200},
    {Verb::get, "/api/v1/openapi.json", get_openapi, trusted, "This description", "", "", "", 200},
    {Verb::get, "/api/v1/version", get_version, trusted, "What runs here, and since when", "", "",
     "Version", 200},
    {Verb::get, "/api/v1/shards", get_shards, trusted,
     "The threads that serve media, and how busy they are", "", "", "ShardList", 200},

    {Verb::get, "/api/v1/devices", get_devices, trusted, "Devices, ordered by id",
     "text online offset limit", "", "DevicePage", 200},
    {Verb::get, "/api/v1/devices/{device}", get_device, trusted, "One device", "", "", "Device",
     200},
    {Verb::get, "/api/v1/devices/{device}/channels", get_channels, trusted,
     "A device's channels, in the order of its catalog", "text online parent offset limit", "",
     "ChannelPage", 200},
    {Verb::post, "/api/v1/devices/{device}/catalog", post_catalog, trusted,
     "Ask the device for its catalog anew; its answers may take minutes", "", "", "", 202},
    {Verb::post, "/api/v1/devices/{device}/channels/{channel}/key-frame", post_key_frame, trusted,
     "Ask the device for a key frame", "", "", "", 202},

    {Verb::get, "/api/v1/streams", get_streams, trusted, "Streams that run, with their figures",
     "text offset limit", "", "StreamPage", 200},
    {Verb::get, "/api/v1/streams/{name...}", get_stream, trusted,
     "One stream; the name may hold slashes", "", "", "Stream", 200},
    {Verb::post, "/api/v1/streams", post_stream, trusted,
     "Start a stream; answers when its media flows", "", "StreamStart", "StreamStarted", 201},
    {Verb::delete_, "/api/v1/streams/{name...}", delete_stream, trusted,
     "Stop a stream for all its viewers, who are told the reason", "reason", "", "", 204},

    {Verb::get, "/api/v1/ingests", get_ingests, trusted, "Ingests", "offset limit", "",
     "IngestPage", 200},
    {Verb::get, "/api/v1/ingests/{id...}", get_ingest, trusted, "One ingest", "", "", "Ingest",
     200},
    {Verb::post, "/api/v1/ingests", post_ingest, trusted,
     "Open a port for RTP that is served at the name", "", "IngestRequest", "Ingest", 201},
    {Verb::delete_, "/api/v1/ingests/{id...}", delete_ingest, trusted, "Close an ingest", "", "",
     "", 204},

    {Verb::get, "/api/v1/sip/traces", get_sip_traces, trusted, "SIP traces, running or stopped",
     "offset limit", "", "SipTracePage", 200},
    {Verb::post, "/api/v1/sip/traces", post_sip_trace, trusted,
     "Record SIP messages of a peer, a device or user, or a call; of all when none is named. It "
     "stops by itself",
     "", "SipTraceStart", "SipTrace", 201},
    {Verb::get, "/api/v1/sip/traces/{id}", get_sip_trace, trusted, "One trace", "", "", "SipTrace",
     200},
    {Verb::post, "/api/v1/sip/traces/{id}/stop", post_sip_trace_stop, trusted,
     "Stop a trace; it can still be read", "", "", "SipTrace", 200},
    {Verb::get, "/api/v1/sip/traces/{id}/ladder", get_sip_ladder, trusted,
     "The trace as text: a column per peer, an arrow per message, why requests failed", "", "", "",
     200},
    {Verb::get, "/api/v1/sip/traces/{id}/pcap", get_sip_pcap, trusted,
     "The trace as a capture file for tshark and Wireshark", "", "", "", 200},
    {Verb::delete_, "/api/v1/sip/traces/{id}", delete_sip_trace, trusted,
     "Stop a trace and forget what it recorded", "", "", "", 204},

    {Verb::get, "/api/v1/sip/transactions", get_sip_transactions, trusted,
     "SIP transactions that are alive", "offset limit", "", "SipTransactionPage", 200},
    {Verb::get, "/api/v1/sip/dialogs", get_sip_dialogs, trusted,
     "Calls, subscriptions and what else goes on over several requests", "offset limit", "",
     "SipDialogPage", 200},
    {Verb::get, "/api/v1/sip/bindings", get_sip_bindings, trusted,
     "Registered contacts, of one address of record or of all, in no special order; the answer's "
     "next is the after of the next page",
     "aor after limit", "", "SipBindingPage", 200},
    {Verb::delete_, "/api/v1/sip/bindings/{aor...}", delete_sip_binding, trusted,
     "Forget a contact, or all of the address when none is named", "contact", "", "", 204},
};

}  // namespace

std::span<const Route> routes() {
  return table;
}

}  // namespace gateway::http
