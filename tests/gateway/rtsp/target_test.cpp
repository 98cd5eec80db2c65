#include "gateway/rtsp/target.hpp"

#include <doctest/doctest.h>

using namespace gateway::rtsp;

TEST_CASE("what a URI names") {
  const struct {
    const char* uri;
    const char* expected;  // path ? query # track
  } cases[] = {
      {"*", "server"},
      {"rtsp://h", "server"},
      {"rtsp://h:8554/", "server"},
      {"rtsp://h:8554/a/b", "a/b"},
      {"rtsp://h:8554/a/b/", "a/b"},
      {"RTSP://user:secret@h:8554/a", "a"},
      {"rtsps://h/a", "a"},
      {"/a/b", "a/b"},
      {"rtsp://h/a/trackID=1", "a#1"},
      {"rtsp://h/a/TrackID=1", "a#1"},
      {"rtsp://h/a/trackID=x", "a/trackID=x"},
      {"rtsp://h/a?x=1&y=2", "a?x=1&y=2"},
      {"rtsp://h/a/?x=1", "a?x=1"},
      {"rtsp://h/a/trackID=1?x=1", "a?x=1#1"},
      {"rtsp://h/a?x=1/trackID=1", "a?x=1#1"},
      {"rtsp://h/a/?x=1/trackID=1", "a?x=1#1"},
      {"rtsp://h/a?x=1/", "a?x=1"},
      {"rtsp://h/%61%2Fb", "a/b"},
      {"rtsp://h/stream=12", "stream=12@12"},
      {"rtsp://h/a%0d%0aEvil", "none"},
      {"rtsp://h/a%2", "none"},
      {"rtsp://h/a%zz", "none"},
      {"http://h/a", "none"},
      {"rtsp:///a", "none"},
      {"a/b", "none"},
      {"", "none"},
  };
  for (const auto& c : cases) {
    CAPTURE(c.uri);
    const auto target = parse_target(c.uri);
    std::string found = "none";
    if (target) {
      found = target->server ? "server" : target->path;
      if (!target->query.empty()) found += "?" + target->query;
      if (target->track) found += "#" + std::to_string(*target->track);
      if (target->stream_id) found += "@" + std::to_string(*target->stream_id);
    }
    CHECK(found == c.expected);
  }
}

TEST_CASE("URLs come back as the client wrote them, without the password") {
  const auto target = parse_target("rtsp://user:secret@h:1/a%20b/?q=1/trackID=3");
  REQUIRE(target.has_value());
  CHECK(target->presentation_url() == "rtsp://h:1/a%20b?q=1");
  CHECK(target->track_url(2) == "rtsp://h:1/a%20b/trackID=2?q=1");
  CHECK(parse_target(target->track_url(2))->track == 2);
}
