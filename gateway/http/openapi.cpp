#include "gateway/http/openapi.hpp"

#include <boost/json/array.hpp>
#include <boost/json/value.hpp>
#include <cctype>
#include <string>

namespace gateway::http {
namespace {

namespace json = boost::json;

constexpr Schema table[] = {
    {"Error", "error:ErrorDetail"},
    {"ErrorDetail", "status:integer reason:string detail:string"},
    {"Health", "status:string detail:string"},
    {"Version",
     "version:string sip_id:string sip_domain:string sip_port:integer rtsp_port:integer "
     "started:time"},
    {"Shard", "index:integer busy_ratio:number streams:integer viewers:integer"},
    {"ShardList", "items:Shard[]"},
    {"Device",
     "id:string name:string manufacturer:string model:string firmware:string online:boolean "
     "offline_reason:string transport:string remote_address:string gb_version:string "
     "registered_until:time? last_seen:time? keepalive_interval_s:integer channels:integer"},
    {"DevicePage", "items:Device[] total:integer offset:integer limit:integer"},
    {"Channel",
     "id:string name:string manufacturer:string model:string address:string parent_id:string "
     "civil_code:string online:boolean ptz_type:integer longitude_deg:number? "
     "latitude_deg:number? rtsp:string"},
    {"ChannelPage", "items:Channel[] total:integer offset:integer limit:integer"},
    {"Track",
     "codec:string ssrc:integer payload_type:integer clock_rate_hz:integer width:integer "
     "height:integer fps:number channels:integer"},
    {"Viewer",
     "id:string remote_address:string user_agent:string transport:string since:time "
     "packets:integer bytes:integer skips:integer skipped_units:integer queue_age_ms:integer"},
    {"DepartedViewer",
     "id:string remote_address:string user_agent:string transport:string since:time until:time "
     "packets:integer bytes:integer skips:integer skipped_units:integer queue_age_ms:integer "
     "too_slow:boolean reason:string"},
    {"Source",
     "transport:string remote_address:string local_address:string ssrc:integer packets:integer "
     "bytes:integer lost:integer reordered:integer duplicates:integer invalid:integer "
     "payload:string refused:integer dropped:integer damaged_units:integer "
     "timestamp_jumps:integer resyncs:integer skipped_bytes:integer receiver_reports:integer "
     "jitter_ms:number bitrate_bps:integer"},
    {"Stream",
     "name:string state:string rtsp:string device_id:string channel_id:string since:time? "
     "tracks:Track[] source:Source key_frame_requests:integer key_frames_on_request:string "
     "viewers:Viewer[] departed:DepartedViewer[]"},
    {"StreamPage", "items:Stream[] total:integer offset:integer limit:integer"},
    {"StreamStart", "name:string keep=:boolean"},
    {"StreamStarted", "name:string rtsp:string already_running:boolean"},
    {"IngestRequest", "name:string transport:string ssrc=:integer remote=:string"},
    {"Ingest",
     "id:string name:string transport:string host:string port:integer ssrc:integer? "
     "remote:string rtsp:string state:string"},
    {"IngestPage", "items:Ingest[] total:integer offset:integer limit:integer"},
    {"SipTraceStart", "peer=:string device=:string call_id=:string lasts_s=:integer"},
    {"SipTrace",
     "id:string peer:string device:string call_id:string started:time ends:time running:boolean "
     "messages:integer bytes:integer dropped:integer"},
    {"SipTracePage", "items:SipTrace[] total:integer offset:integer limit:integer"},
    {"SipTransaction",
     "core:string kind:string method:string state:string transport:string remote_address:string "
     "age_ms:integer"},
    {"SipTransactionPage", "items:SipTransaction[] total:integer offset:integer limit:integer"},
    {"SipDialog",
     "kind:string state:string call_id:string local_uri:string remote_uri:string "
     "transport:string remote_address:string detail:string age_ms:integer"},
    {"SipDialogPage", "items:SipDialog[] total:integer offset:integer limit:integer"},
    {"SipBinding",
     "aor:string contact:string q:number expires:time call_id:string path:string instance:string "
     "user_agent:string transport:string remote_address:string"},
    {"SipBindingPage", "items:SipBinding[] total:integer next:string"},
};

// Cuts the first word off a line of words.
std::string_view take_word(std::string_view& words) {
  const std::string_view word = words.substr(0, words.find(' '));
  words.remove_prefix(word.size() == words.size() ? word.size() : word.size() + 1);
  return word;
}

json::object reference(std::string_view schema) {
  return {{"$ref", "#/components/schemas/" + std::string(schema)}};
}

json::object type_schema(std::string_view type) {
  if (type.ends_with("[]"))
    return {{"type", "array"}, {"items", type_schema(type.substr(0, type.size() - 2))}};
  const bool nullable = type.ends_with('?');
  if (nullable) type.remove_suffix(1);
  if (std::isupper(static_cast<unsigned char>(type[0]))) return reference(type);
  json::object schema;
  const std::string_view base = type == "time" ? "string" : type;
  if (nullable)
    schema["type"] = json::array{json::string(base), "null"};
  else
    schema["type"] = json::string(base);
  if (type == "time") schema["format"] = "date-time";
  return schema;
}

json::object object_schema(std::string_view members) {
  json::object properties;
  json::array required;
  while (!members.empty()) {
    const std::string_view member = take_word(members);
    const std::size_t colon = member.find(':');
    std::string_view name = member.substr(0, colon);
    if (name.ends_with('='))
      name.remove_suffix(1);
    else
      required.push_back(json::string(name));
    properties[name] = type_schema(member.substr(colon + 1));
  }
  return {{"type", "object"},
          {"properties", std::move(properties)},
          {"required", std::move(required)},
          {"additionalProperties", false}};
}

json::object content(std::string_view schema) {
  return {{"application/json", json::object{{"schema", reference(schema)}}}};
}

json::object parameter(std::string_view name, std::string_view in, std::string_view type) {
  return {{"name", name},
          {"in", in},
          {"required", in == "path"},
          {"schema", json::object{{"type", type}}}};
}

std::string_view query_type(std::string_view name) {
  if (name == "offset" || name == "limit") return "integer";
  return name == "online" ? "boolean" : "string";
}

json::array parameters(const Route& route) {
  json::array list;
  std::string_view pattern = route.pattern;
  for (auto open = pattern.find('{'); open != pattern.npos; open = pattern.find('{', open + 1)) {
    const std::string_view name =
        pattern.substr(open + 1, pattern.find_first_of(".}", open) - open - 1);
    list.push_back(parameter(name, "path", "string"));
  }
  std::string_view query = route.query;
  while (!query.empty()) {
    const std::string_view name = take_word(query);
    list.push_back(parameter(name, "query", query_type(name)));
  }
  return list;
}

json::object operation(const Route& route) {
  json::object good{{"description", "OK"}};
  if (!route.response.empty()) good["content"] = content(route.response);
  json::object refused{{"description", "Refused, with the reason"}, {"content", content("Error")}};
  json::object op{{"summary", route.summary},
                  {"parameters", parameters(route)},
                  {"responses", json::object{{std::to_string(route.status), std::move(good)},
                                             {"default", std::move(refused)}}}};
  if (!route.request.empty())
    op["requestBody"] = json::object{{"required", true}, {"content", content(route.request)}};
  if (route.access == Access::anyone) op["security"] = json::array{};
  return op;
}

// "/a/{name...}" is "/a/{name}" to OpenAPI.
std::string path_of(std::string_view pattern) {
  std::string path(pattern);
  if (auto dots = path.find("..."); dots != path.npos) path.erase(dots, 3);
  return path;
}

std::string lower(std::string_view word) {
  std::string out(word);
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

}  // namespace

json::object openapi(std::span<const Route> routes, std::string_view version) {
  json::object paths;
  for (const Route& route : routes) {
    json::value& path = paths[path_of(route.pattern)];
    if (!path.is_object()) path = json::object{};
    const auto verb = boost::beast::http::to_string(route.verb);
    path.get_object()[lower(std::string_view(verb.data(), verb.size()))] = operation(route);
  }
  json::object components;
  for (const Schema& schema : table) components[schema.name] = object_schema(schema.members);
  json::object bearer{{"type", "http"}, {"scheme", "bearer"}};
  return {{"openapi", "3.1.0"},
          {"info", json::object{{"title", "gbgate"}, {"version", version}}},
          {"security", json::array{json::object{{"token", json::array{}}}}},
          {"paths", std::move(paths)},
          {"components",
           json::object{{"schemas", std::move(components)},
                        {"securitySchemes", json::object{{"token", std::move(bearer)}}}}}};
}

std::span<const Schema> schemas() {
  return table;
}

}  // namespace gateway::http
