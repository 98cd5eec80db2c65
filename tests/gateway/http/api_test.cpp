// Each resource of the API over a fake gateway: what is asked of it, what comes back, and that the
// answers are what openapi.json says.
#include <doctest/doctest.h>

#include <set>
#include <string>

#include "gateway/http/openapi.hpp"
#include "gateway/http/routes.hpp"
#include "tests/gateway/http/running_server.hpp"

namespace gateway::http {
namespace {

namespace json = boost::json;

WallTime at_ms(std::int64_t ms) {
  return WallTime(std::chrono::milliseconds(ms));
}

void fill(FakeBackend& backend) {
  Device device;
  device.id = "34020000001320000001";
  device.name = "\xC3\xC5";  // GBK that nobody converted
  device.online = true;
  device.last_seen = at_ms(1795342496789);
  backend.devices = {device, device, device};
  backend.devices[1].id = "34020000001320000002";
  backend.devices[1].online = false;
  backend.devices[2].id = "34020000001320000003";
  Channel channel;
  channel.id = "34020000001310000001";
  channel.longitude_deg = 121.5;
  backend.channels = {channel};
  StreamInfo stream;
  stream.name = "34020000001320000001/34020000001310000001";
  stream.state = "live";
  stream.since = at_ms(1795342496789);
  StreamTrack track;
  track.codec = "h264";
  track.fps = 25;
  stream.tracks = {track};
  StreamViewer viewer;
  viewer.user_agent = "VLC";
  stream.viewers = {viewer};
  stream.source.jitter_ms = 0.5;
  stream.source.bytes = 1ULL << 40;
  backend.streams = {stream};
  backend.fake_sip.transactions = {
      {"endpoint", "client", "INVITE", "calling", "udp", "10.0.0.5:1", 7}};
  backend.fake_sip.dialogs.emplace_back();
  backend.fake_sip.bindings.emplace_back();
  backend.fake_sip.bindings[0].aor = "sip:bob@example.org";
}

const json::object& schema_named(const json::object& openapi, std::string_view reference) {
  const std::string_view name = reference.substr(reference.rfind('/') + 1);
  return openapi.at("components").at("schemas").at(name).as_object();
}

bool type_fits(const json::value& value, std::string_view type) {
  if (type == "string") return value.is_string();
  if (type == "boolean") return value.is_bool();
  if (type == "integer") return value.is_int64() || value.is_uint64();
  if (type == "number") return value.is_number();
  if (type == "null") return value.is_null();
  return false;
}

// Where a value departs from its schema; empty when it does not.
std::string mismatch(const json::value& value, const json::object& schema,
                     const json::object& openapi) {
  if (auto* reference = schema.if_contains("$ref"))
    return mismatch(value, schema_named(openapi, std::string_view(reference->as_string())),
                    openapi);
  const json::value& type = schema.at("type");
  if (type.is_array()) {
    for (const json::value& one : type.as_array())
      if (type_fits(value, std::string_view(one.as_string()))) return "";
    return "none of the types";
  }
  if (type.as_string() == "array") {
    if (!value.is_array()) return "not an array";
    for (const json::value& item : value.as_array())
      if (auto why = mismatch(item, schema.at("items").as_object(), openapi); !why.empty())
        return "[]" + why;
    return "";
  }
  if (type.as_string() != "object")
    return type_fits(value, std::string_view(type.as_string()))
               ? ""
               : " is not " + std::string(type.as_string());
  if (!value.is_object()) return "not an object";
  const json::object& properties = schema.at("properties").as_object();
  for (const json::value& name : schema.at("required").as_array())
    if (!value.as_object().contains(std::string_view(name.as_string())))
      return "." + std::string(name.as_string()) + " is missing";
  for (const auto& member : value.as_object()) {
    const json::value* expected = properties.if_contains(member.key());
    if (!expected) return "." + std::string(member.key()) + " is not described";
    if (auto why = mismatch(member.value(), expected->as_object(), openapi); !why.empty())
      return "." + std::string(member.key()) + why;
  }
  return "";
}

}  // namespace

TEST_CASE("http api: every answer is what openapi.json says of its route") {
  FakeBackend backend;
  fill(backend);
  RunningServer server(backend);
  Client client(server.port());
  const json::object api = client.ask(request("GET", "/api/v1/openapi.json")).json().as_object();
  const std::string device = "/api/v1/devices/34020000001320000001";
  struct {
    const char* verb;
    std::string target, body;
    int status;
  } const cases[] = {
      {"GET", "/", "", 200},
      {"GET", "/healthz", "", 200},
      {"GET", "/readyz", "", 200},
      {"GET", "/metrics", "", 200},
      {"GET", "/api/v1/openapi.json", "", 200},
      {"GET", "/api/v1/version", "", 200},
      {"GET", "/api/v1/shards", "", 200},
      {"GET", "/api/v1/devices", "", 200},
      {"GET", device, "", 200},
      {"GET", device + "/channels", "", 200},
      {"POST", device + "/catalog", "", 202},
      {"POST", device + "/channels/34020000001310000001/key-frame", "", 202},
      {"GET", "/api/v1/streams", "", 200},
      {"GET", "/api/v1/streams/34020000001320000001/34020000001310000001", "", 200},
      {"POST", "/api/v1/streams", "{\"name\":\"a/b\"}", 201},
      {"DELETE", "/api/v1/streams/34020000001320000001/34020000001310000001", "", 204},
      {"POST", "/api/v1/ingests", "{\"name\":\"x\",\"transport\":\"udp\"}", 201},
      {"GET", "/api/v1/ingests", "", 200},
      {"GET", "/api/v1/ingests/i1", "", 200},
      {"DELETE", "/api/v1/ingests/i1", "", 204},
      {"POST", "/api/v1/sip/traces", "{}", 201},
      {"GET", "/api/v1/sip/traces", "", 200},
      {"GET", "/api/v1/sip/traces/1", "", 200},
      {"GET", "/api/v1/sip/traces/1/ladder", "", 200},
      {"GET", "/api/v1/sip/traces/1/pcap", "", 200},
      {"POST", "/api/v1/sip/traces/1/stop", "", 200},
      {"DELETE", "/api/v1/sip/traces/1", "", 204},
      {"GET", "/api/v1/sip/transactions", "", 200},
      {"GET", "/api/v1/sip/dialogs", "", 200},
      {"GET", "/api/v1/sip/bindings", "", 200},
      {"DELETE", "/api/v1/sip/bindings/sip:bob@example.org", "", 204},
  };
  std::set<const Route*> tried;
  for (const auto& c : cases) {
    CAPTURE(c.verb);
    CAPTURE(c.target);
    const Verb verb = boost::beast::http::string_to_verb(c.verb);
    const Match found = match(routes(), verb, c.target);
    REQUIRE(found.route != nullptr);
    tried.insert(found.route);
    const Answer answer = client.ask(request(c.verb, c.target, c.body));
    CHECK(answer.status == c.status);
    CHECK(answer.status == found.route->status);
    if (found.route->response.empty()) continue;
    json::object reference{{"$ref", "#/x/" + std::string(found.route->response)}};
    CHECK(mismatch(answer.json(), reference, api) == "");
  }
  CHECK(tried.size() == routes().size());
  const Answer error = client.ask(request("GET", "/no"));
  CHECK(mismatch(error.json(), json::object{{"$ref", "#/x/Error"}}, api) == "");
}

TEST_CASE("http api: openapi.json has every route and no other, and every schema it names") {
  const json::object api = openapi(routes(), "1");
  std::set<std::string> described, known;
  for (const auto& path : api.at("paths").as_object())
    for (const auto& verb : path.value().as_object())
      described.insert(std::string(verb.key()) + " " + std::string(path.key()));
  for (const Route& route : routes()) {
    std::string path(route.pattern);
    if (auto dots = path.find("..."); dots != path.npos) path.erase(dots, 3);
    std::string verb(boost::beast::http::to_string(route.verb));
    for (char& c : verb) c = static_cast<char>(std::tolower(c));
    known.insert(verb + " " + path);
    for (std::string_view schema : {route.request, route.response})
      if (!schema.empty()) CHECK(api.at("components").at("schemas").as_object().contains(schema));
  }
  CHECK(described == known);
  const json::object& parameters =
      api.at("paths").at("/api/v1/streams/{name}").at("delete").as_object();
  CHECK(parameters.at("parameters").as_array().size() == 2);
}

TEST_CASE("http api: devices are filtered and paged") {
  FakeBackend backend;
  fill(backend);
  RunningServer server(backend);
  Client client(server.port());
  const auto page =
      client.ask(request("GET", "/api/v1/devices?text=%E9%97%A8&online=true&offset=1&limit=1"))
          .json();
  CHECK(page.at("total").as_int64() == 3);
  CHECK(page.at("offset").as_int64() == 1);
  REQUIRE(page.at("items").as_array().size() == 1);
  CHECK(page.at("items").at(0).at("id").as_string() == "34020000001320000002");
  CHECK(page.at("items").at(0).at("name").as_string() == "\xEF\xBF\xBD\xEF\xBF\xBD");
  CHECK(page.at("items").at(0).at("last_seen").as_string() == "2026-11-22T10:14:56.789Z");
  CHECK(page.at("items").at(0).at("registered_until").is_null());
  CHECK(backend.calls == "devices text=\xE9\x97\xA8 online=yes;");
  for (const char* query : {"limit=0", "limit=1001", "limit=x", "limit=", "offset=-1", "online=yes",
                            "offset=99999999999999999999"}) {
    CAPTURE(query);
    const Answer answer = client.ask(request("GET", std::string("/api/v1/devices?") + query));
    CHECK(answer.status == 400);
    CHECK(answer.has("query parameter"));
  }
}

TEST_CASE("http api: commands reach the gateway, refusals reach the caller") {
  FakeBackend backend;
  backend.ready = {false, "sip is not bound"};
  RunningServer server(backend);
  Client client(server.port());
  struct {
    const char* verb;
    const char* target;
    const char* body;
    int status;
    const char* answer;  // part of it
    const char* call;
  } const cases[] = {
      {"GET", "/readyz", "", 503, "sip is not bound", ""},
      {"POST", "/api/v1/devices/340/catalog", "", 503, "3 keepalives missed", "catalog 340;"},
      {"POST", "/api/v1/devices/340/channels/341/key-frame", "", 202, "", "key-frame 340 341;"},
      {"GET", "/api/v1/devices/340", "", 404, "there is no device 340", ""},
      {"GET", "/api/v1/devices/340/channels?parent=7", "", 404, "no device",
       "channels 340 parent=7;"},
      {"POST", "/api/v1/streams", "{\"name\":\"340/341\",\"keep\":true}", 201,
       "\"rtsp\":\"rtsp://localhost:8554/340/341\"", "start 340/341 keep;"},
      {"POST", "/api/v1/streams", "{\"name\":\"dead/1\"}", 504,
       "\"reason\":\"no_media\",\"detail\":\"device dead sent no RTP within 10 s\"",
       "start dead/1;"},
      {"POST", "/api/v1/streams", "{\"name\":7}", 400, "\\\"name\\\" must be text", ""},
      {"POST", "/api/v1/streams", "{}", 400, "\\\"name\\\" is missing", ""},
      {"POST", "/api/v1/streams", "{\"name\":\"\"}", 400, "must not be empty", ""},
      {"POST", "/api/v1/streams", "{\"name\":\"x\",\"keep\":1}", 400, "true or false", ""},
      {"POST", "/api/v1/streams", "name=x", 400, "not JSON at byte", ""},
      {"POST", "/api/v1/streams", "", 400, "not JSON", ""},
      {"DELETE", "/api/v1/streams/340/341?reason=night", "", 404, "there is no stream 340/341",
       "stop 340/341 because night;"},
      {"DELETE", "/api/v1/streams/x", "", 404, "", "stop x because stopped by the operator;"},
      {"GET", "/api/v1/ingests/none", "", 404, "no ingest", ""},
      {"DELETE", "/api/v1/ingests/none", "", 404, "no ingest", ""},
      {"POST", "/api/v1/sip/traces",
       "{\"peer\":\"10.0.0.5\",\"device\":\"bob\",\"call_id\":\"c\",\"lasts_s\":60}", 201,
       "\"running\":true", "trace 10.0.0.5|bob|c|60;"},
      {"POST", "/api/v1/sip/traces", "{\"peer\":\"here\"}", 400, "no address", "trace here|||600;"},
      {"POST", "/api/v1/sip/traces", "{\"lasts_s\":0}", 400, "1 to 3600", ""},
      {"POST", "/api/v1/sip/traces", "{\"lasts_s\":\"1\"}", 400, "1 to 3600", ""},
      {"POST", "/api/v1/sip/traces", "{\"peer\":1}", 400, "must be text", ""},
      {"POST", "/api/v1/sip/traces", "{\"pear\":\"x\"}", 400, "pear", ""},
      {"POST", "/api/v1/sip/traces/1/stop", "", 200, "\"running\":false", ""},
      {"GET", "/api/v1/sip/traces/1/ladder", "", 200, "text/plain", ""},
      {"GET", "/api/v1/sip/traces/1/pcap", "", 200, "filename=\"sip.pcap\"", ""},
      {"DELETE", "/api/v1/sip/traces/1", "", 204, "", ""},
      {"GET", "/api/v1/sip/traces/1/ladder", "", 404, "no trace", ""},
      {"GET", "/api/v1/sip/bindings?aor=sip:b@x&after=sip:a@x&limit=5", "", 200,
       "\"next\":\"sip:z@x\"", "bindings sip:b@x after sip:a@x 5;"},
      {"DELETE", "/api/v1/sip/bindings/sip:b@x?contact=sip:b@1", "", 404, "no binding",
       "unbind sip:b@x sip:b@1;"},
  };
  for (const auto& c : cases) {
    CAPTURE(c.target);
    CAPTURE(c.body);
    backend.calls.clear();
    const Answer answer = client.ask(request(c.verb, c.target, c.body));
    CHECK(answer.status == c.status);
    CHECK_MESSAGE(answer.has(c.answer), answer.body);
    CHECK(backend.calls == c.call);
  }
}

TEST_CASE("http api: ingests come and go") {
  FakeBackend backend;
  RunningServer server(backend);
  Client client(server.port());
  const Answer made = client.ask(request("POST", "/api/v1/ingests",
                                         "{\"name\":\"gate\",\"transport\":\"tcp-active\","
                                         "\"ssrc\":\"0200000001\",\"remote\":\"10.0.0.5:9000\"}"));
  CHECK(made.status == 201);
  CHECK(made.has("Location: /api/v1/ingests/i1\r\n"));
  CHECK(made.body ==
        "{\"id\":\"i1\",\"name\":\"gate\",\"transport\":\"tcp-active\",\"host\":\"127.0.0.1\","
        "\"port\":30000,\"ssrc\":200000001,\"remote\":\"10.0.0.5:9000\","
        "\"rtsp\":\"rtsp://localhost:8554/gate\",\"state\":\"waiting\"}\n");
  struct {
    const char* body;
    int status;
    const char* answer;
  } const cases[] = {
      {"{\"name\":\"gate\",\"transport\":\"udp\"}", 409, "name_taken"},
      {"{\"name\":\"a\"}", 400, "\\\"transport\\\" is missing"},
      {"{\"name\":\"a\",\"transport\":\"sctp\"}", 400, "must be \\\"udp\\\""},
      {"{\"name\":\"a\",\"transport\":\"tcp-active\"}", 400, "remote"},
      {"{\"name\":\"a\",\"transport\":\"udp\",\"ssrc\":-1}", 400, "ssrc"},
      {"{\"name\":\"a\",\"transport\":\"udp\",\"ssrc\":4294967296}", 400, "ssrc"},
      {"{\"name\":\"a\",\"transport\":\"udp\",\"ssrc\":1.5}", 400, "ssrc"},
      {"{\"name\":\"a\",\"transport\":\"udp\",\"ssrc\":\"12x\"}", 400, "ssrc"},
      {"{\"name\":\"a\",\"transport\":\"udp\",\"ssrc\":\"\"}", 400, "ssrc"},
      {"{\"name\":\"a\",\"transport\":\"udp\",\"port\":1}", 400, "unknown member \\\"port\\\""},
      {"{\"name\":\"a\",\"transport\":\"udp\",\"ssrc\":4294967295}", 201, "4294967295"},
      {"{\"name\":\"b\",\"transport\":\"tcp-passive\",\"ssrc\":null}", 201, "\"ssrc\":null"},
  };
  for (const auto& c : cases) {
    CAPTURE(c.body);
    const Answer answer = client.ask(request("POST", "/api/v1/ingests", c.body));
    CHECK(answer.status == c.status);
    CHECK_MESSAGE(answer.has(c.answer), answer.body);
  }
  backend.ingests[0].id = "north/gate 1";
  CHECK(client.ask(request("GET", "/api/v1/ingests/north/gate%201")).status == 200);
  backend.ingests[0].id = "i1";
  CHECK(client.ask(request("DELETE", "/api/v1/ingests/i1")).status == 204);
  CHECK(client.ask(request("GET", "/api/v1/ingests/i1")).status == 404);
  CHECK(client.ask(request("GET", "/api/v1/ingests")).json().at("total").as_int64() == 2);
}

TEST_CASE("http api: the first page links to what there is") {
  FakeBackend backend;
  RunningServer server(backend);
  Client client(server.port());
  const Answer page = client.ask(request("GET", "/"));
  CHECK(page.has("Content-Type: text/html; charset=utf-8\r\n"));
  for (const char* link : {"/metrics", "/api/v1/devices", "/api/v1/streams", "/healthz"})
    CHECK(page.has("<a href=\"" + std::string(link) + "\">"));
}

}  // namespace gateway::http
