#include "gateway/http/target.hpp"

#include <doctest/doctest.h>

#include <string>

namespace gateway::http {
namespace {

// "path|name=value|..." or "none".
std::string describe(const std::optional<Target>& target) {
  if (!target) return "none";
  std::string out = target->path;
  for (const auto& [name, value] : target->query) out += "|" + name + "=" + value;
  return out;
}

}  // namespace

TEST_CASE("http target: path and query") {
  std::string many = "/?";
  for (int i = 0; i < 65; ++i) many += "a=1&";
  struct {
    std::string target, expected;
  } const cases[] = {
      {"/", "/"},
      {"/a/b", "/a/b"},
      {"/a?x=1", "/a|x=1"},
      {"/a?x=1&&y=&z", "/a|x=1|y=|z="},
      {"/a?text=front+door%21", "/a|text=front door!"},
      {"/a?text=%E9%97%A8", "/a|text=\xE9\x97\xA8"},
      {"/a?x=a=b", "/a|x=a=b"},
      {"/a%2Fb", "/a%2Fb"},  // decoded by segment, later
      {"", "none"},
      {"*", "none"},
      {"http://host/a", "none"},
      {"/a%2", "none"},
      {"/a%zz", "none"},
      {"/a%00", "none"},
      {"/a?x=%", "none"},
      {many, "none"},
  };
  for (const auto& c : cases) {
    CAPTURE(c.target);
    CHECK(describe(parse_target(c.target)) == c.expected);
  }
}

TEST_CASE("http target: what is encoded decodes to itself, and cannot leave its place") {
  CHECK(percent_encode_path("a/b-1._~") == "a/b-1._~");
  CHECK(percent_encode_path("x\r\nEvil: 1?") == "x%0D%0AEvil%3A%201%3F");
  for (const std::string text : {"\xE9\x97\xA8 %41", "a+b&c=d", "\x7f\x01"})
    CHECK(percent_decode(percent_encode_path(text)) == text);
}

TEST_CASE("http target: the host that a client used goes into the URLs it gets") {
  struct {
    const char* header;
    const char* url;
    const char* expected;
  } const cases[] = {
      {"10.0.0.5:8080", "rtsp://127.0.0.1:8554/a/b", "rtsp://10.0.0.5:8554/a/b"},
      {"gate.example", "rtsp://127.0.0.1:8554/a", "rtsp://gate.example:8554/a"},
      {"[::1]:8080", "rtsp://127.0.0.1:8554/a", "rtsp://[::1]:8554/a"},
      {"10.0.0.5", "rtsp://[::1]:8554/a", "rtsp://10.0.0.5:8554/a"},
      {"10.0.0.5", "rtsp://[::1]/a:1", "rtsp://10.0.0.5/a:1"},
      {"10.0.0.5", "rtsp://127.0.0.1", "rtsp://10.0.0.5"},
      {"", "rtsp://127.0.0.1:8554/a", "rtsp://127.0.0.1:8554/a"},
      {"evil/@x", "rtsp://127.0.0.1:8554/a", "rtsp://127.0.0.1:8554/a"},
      {"[::1", "rtsp://127.0.0.1:8554/a", "rtsp://127.0.0.1:8554/a"},
      {"x", "", ""},
  };
  for (const auto& c : cases) {
    CAPTURE(c.header);
    CHECK(with_host(c.url, host_part(c.header)) == c.expected);
  }
}

}  // namespace gateway::http
