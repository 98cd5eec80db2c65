// The server's side of PUBLISH (RFC 3903 6), step by step.
#include "sip/event_state.hpp"

#include <doctest/doctest.h>

using namespace std::chrono_literals;
using namespace sip;

namespace {

struct Compositor {
  EventState state{{.packages = {"presence"}, .publications = 2, .body_bytes = 100}, Seed{1}};
  TimePoint now{};
  std::string etag;  // of the last success

  EventState::Decision publish(const std::string& match, const std::string& expires,
                               const std::string& body, const std::string& event = "presence",
                               const std::string& uri = "sip:alice@example.org") {
    std::string text = "PUBLISH " + uri +
                       " SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\n"
                       "From: <sip:a@b>;tag=1\r\nTo: <sip:a@b>\r\nCall-ID: 1\r\nCSeq: 1 PUBLISH\r\n"
                       "Event: " +
                       event + "\r\n";
    if (!match.empty()) text += "SIP-If-Match: " + match + "\r\n";
    if (!expires.empty()) text += "Expires: " + expires + "\r\n";
    text += "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
    const auto decision = state.on_publish(*parse_message(text), now);
    if (decision.answer.status == 200) etag = decision.answer.headers.at(0).value;
    return decision;
  }
};

}  // namespace

TEST_CASE("an entity-tag's life: published, refreshed, modified, removed") {
  Compositor c;
  using Change = EventState::Change;
  CHECK(c.publish("", "600", "<1/>").change == Change::published);
  const auto first = c.etag;
  c.now += 500s;
  CHECK(c.publish(c.etag, "600", "").change == Change::refreshed);
  CHECK(c.etag != first);
  CHECK(c.publish(first, "600", "").answer.status == 412);  // each tag serves once
  CHECK(c.publish(c.etag, "600", "<2/>").change == Change::modified);
  REQUIRE(c.state.find("sip:alice@example.org", "presence").size() == 1);
  CHECK(c.state.find("sip:alice@example.org", "presence")[0]->body == "<2/>");
  CHECK(c.state.find("sip:bob@example.org", "presence").empty());
  const auto gone = c.publish(c.etag, "0", "");
  CHECK(gone.change == Change::removed);
  CHECK(gone.resource == "sip:alice@example.org");
  CHECK(c.state.size() == 0);
  CHECK(c.state.next_deadline() == never);
}

TEST_CASE("refusals of PUBLISH") {
  Compositor c;
  c.publish("", "600", "<1/>");
  const auto etag = c.etag;
  const struct {
    const char* name;
    std::string match, expires, body, event, uri;
    int status;
    const char* header;
  } cases[] = {
      {"package", "", "600", "x", "dialog", "sip:alice@example.org", 489, "Allow-Events"},
      {"too short", "", "10", "x", "presence", "sip:alice@example.org", 423, "Min-Expires"},
      {"too large", "", "600", std::string(101, 'x'), "presence", "sip:alice@example.org", 413, ""},
      {"nothing to publish", "", "600", "", "presence", "sip:alice@example.org", 400, ""},
      {"unknown tag", "nix", "600", "x", "presence", "sip:alice@example.org", 412, ""},
      {"another's tag", etag, "600", "x", "presence", "sip:bob@example.org", 412, ""},
  };
  for (const auto& row : cases) {
    CAPTURE(row.name);
    const auto d = c.publish(row.match, row.expires, row.body, row.event, row.uri);
    CHECK(d.answer.status == row.status);
    CHECK((d.answer.headers.empty() ? "" : d.answer.headers[0].name) == row.header);
    CHECK(d.change == EventState::Change::none);
  }
  CHECK(c.publish("", "600", "<2/>").answer.status == 200);
  CHECK(c.publish("", "600", "<3/>").answer.status == 503);  // the limit
}

TEST_CASE("publications expire") {
  Compositor c;
  c.publish("", "100", "<1/>");
  c.publish("", "99999", "<2/>");  // cut to the longest: 3600
  std::vector<Publication> gone;
  CHECK(c.state.next_deadline() == TimePoint{} + 100s);
  c.state.on_deadline(TimePoint{} + 100s, gone);
  REQUIRE(gone.size() == 1);
  CHECK(gone[0].body == "<1/>");
  CHECK(c.state.next_deadline() == TimePoint{} + 3600s);
  c.now = TimePoint{} + 100s;
  CHECK(c.publish(gone[0].etag, "600", "").answer.status == 412);
}
