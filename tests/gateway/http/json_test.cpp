#include "gateway/http/json.hpp"

#include <doctest/doctest.h>

#include <boost/json/serialize.hpp>

namespace gateway::http {
namespace {

std::string shown(const json::string& text) {
  return {text.data(), text.size()};
}

}  // namespace

TEST_CASE("http json: text from devices becomes UTF-8, whatever it was") {
  struct {
    const char* name;
    std::string bytes, expected;
  } const cases[] = {
      {"ASCII", "gate", "gate"},
      {"Chinese", "\xE9\x97\xA8", "\xE9\x97\xA8"},
      {"four bytes", "\xF0\x9F\x93\xB7", "\xF0\x9F\x93\xB7"},
      {"GBK", "\xC3\xC5", "\xEF\xBF\xBD\xEF\xBF\xBD"},
      {"cut short", "a\xE9\x97", "a\xEF\xBF\xBD\xEF\xBF\xBD"},
      {"overlong slash", "\xC0\xAF", "\xEF\xBF\xBD\xEF\xBF\xBD"},
      {"overlong in three", "\xE0\x80\xAF", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},
      {"surrogate", "\xED\xA0\x80", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},
      {"beyond Unicode", "\xF4\x90\x80\x80", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},
      {"lone continuation", "\x80z", "\xEF\xBF\xBDz"},
      {"empty", "", ""},
  };
  for (const auto& c : cases) {
    CAPTURE(c.name);
    CHECK(shown(text(c.bytes)) == c.expected);
  }
  CHECK(json::serialize(json::value(text("a\"b\\\n\x01"))) == "\"a\\\"b\\\\\\n\\u0001\"");
}

TEST_CASE("http json: times are RFC 3339 in UTC") {
  struct {
    std::int64_t ms;
    const char* expected;
  } const cases[] = {{0, "1970-01-01T00:00:00.000Z"},
                     {1795342496789, "2026-11-22T10:14:56.789Z"},
                     {951782400001, "2000-02-29T00:00:00.001Z"}};
  for (const auto& c : cases)
    CHECK(rfc3339(WallTime(std::chrono::milliseconds(c.ms))) == c.expected);
}

TEST_CASE("http json: a body is one object of known members") {
  struct {
    const char* body;
    const char* error;  // part of the detail; nullptr: accepted
  } const cases[] = {
      {"{\"name\":\"x\"}", nullptr},
      {" {\"name\":\"x\",\"keep\":true} ", nullptr},
      {"{}", nullptr},
      {"", "not JSON at byte 0"},
      {"{\"name\":", "not JSON"},
      {"{\"name\":}", "not JSON at byte 8"},
      {"{} x", "not JSON"},
      {"[1]", "must be a JSON object"},
      {"{\"nmae\":\"x\"}", "unknown member \"nmae\"; known are: name keep"},
      {"{\"name\":\"\xC3\xC5\"}", "not JSON"},
  };
  for (const auto& c : cases) {
    CAPTURE(c.body);
    Request request;
    request.body = c.body;
    auto object = read_object(request, "name keep");
    REQUIRE(object.has_value() == (c.error == nullptr));
    if (!c.error) continue;
    CHECK(object.error().status == 400);
    CHECK_MESSAGE(object.error().detail.find(c.error) != std::string::npos, object.error().detail);
  }
  Request deep;
  deep.body = std::string(100000, '[');
  CHECK(read_object(deep, "x").has_error());
}

}  // namespace gateway::http
