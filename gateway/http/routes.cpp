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
};

}  // namespace

std::span<const Route> routes() {
  return table;
}

}  // namespace gateway::http
