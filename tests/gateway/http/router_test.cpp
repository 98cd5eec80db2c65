#include "gateway/http/router.hpp"

#include <doctest/doctest.h>

#include <set>
#include <string>

#include "gateway/http/routes.hpp"

namespace gateway::http {
namespace {

// "pattern name=value ..." or "allow: ..." or "none".
std::string describe(const Match& match) {
  if (!match.route) return match.allow.empty() ? "none" : "allow: " + match.allow;
  std::string out(match.route->pattern);
  for (const auto& [name, value] : match.parameters) out += " " + std::string(name) + "=" + value;
  return out;
}

}  // namespace

TEST_CASE("http router: the API's routes") {
  struct {
    Verb verb;
    const char* path;
    const char* expected;
  } const cases[] = {
      {Verb::get, "/", "/"},
      {Verb::get, "/healthz", "/healthz"},
      {Verb::head, "/healthz", "/healthz"},
      {Verb::get, "/healthz/", "none"},
      {Verb::get, "/health", "none"},
      {Verb::get, "//", "none"},
      {Verb::get, "/api/v1/devices", "/api/v1/devices"},
      {Verb::get, "/api/v1/devices/", "none"},
      {Verb::get, "/api/v1/devices/340", "/api/v1/devices/{device} device=340"},
      {Verb::get, "/api/v1/devices/a%20b", "/api/v1/devices/{device} device=a b"},
      {Verb::get, "/api/v1/devices/340/channels", "/api/v1/devices/{device}/channels device=340"},
      {Verb::post, "/api/v1/devices/340/channels/341/key-frame",
       "/api/v1/devices/{device}/channels/{channel}/key-frame device=340 channel=341"},
      {Verb::get, "/api/v1/devices/340/channels/341/key-frame", "allow: POST"},
      {Verb::get, "/api/v1/streams/340/341", "/api/v1/streams/{name...} name=340/341"},
      {Verb::get, "/api/v1/streams/340%2F341", "/api/v1/streams/{name...} name=340/341"},
      {Verb::delete_, "/api/v1/streams/x", "/api/v1/streams/{name...} name=x"},
      {Verb::put, "/api/v1/streams/x", "allow: GET, HEAD, DELETE"},
      {Verb::put, "/api/v1/streams", "allow: GET, HEAD, POST"},
      {Verb::get, "/api/v1/streams/", "none"},
      {Verb::get, "/../etc/passwd", "none"},
  };
  for (const auto& c : cases) {
    CAPTURE(c.path);
    CHECK(describe(match(routes(), c.verb, c.path)) == c.expected);
  }
}

TEST_CASE("http router: no route hides another") {
  std::set<std::string> seen;
  for (const Route& route : routes()) {
    const std::string verb(boost::beast::http::to_string(route.verb));
    CAPTURE(route.pattern);
    CHECK(seen.insert(verb + " " + std::string(route.pattern)).second);
    CHECK(match(routes(), route.verb, route.pattern).route == &route);
  }
}

}  // namespace gateway::http
