// The stateful proxy of RFC 3261 16, as traces in virtual time.
#include <doctest/doctest.h>

#include "tests/sip/server_scene.hpp"

using namespace sip;
using namespace sip::test;
using namespace std::chrono_literals;

TEST_CASE("proxy: a call to a registered user, from INVITE to BYE") {
  Scene s;
  s.bind("bob", "sip:bob@192.0.2.20:5060", "bob");
  s.send("alice", request("INVITE", "sip:bob@example.org", {.body = "v=0"}));
  CHECK(s.take() == "alice<100 bob<INVITE");
  const auto invite = s.last("bob", "INVITE");
  CHECK(uri_of(invite) == "sip:bob@192.0.2.20:5060");
  CHECK(header_of(invite, "Max-Forwards") == "69");
  CHECK(header_of(invite, "Max-Breadth") == "60");
  CHECK(header_of(invite, "Record-Route").starts_with("<sip:"));
  CHECK(header_of(invite, "Record-Route").ends_with("@192.0.2.1:5060;lr>"));
  CHECK(invite.ends_with("\r\n\r\nv=0"));
  s.reply("bob", "INVITE", 100);
  CHECK(s.take() == "");
  s.reply("bob", "INVITE", 180);
  CHECK(s.take() == "alice<180");
  s.reply("bob", "INVITE", 200);
  CHECK(s.take() == "alice<200");
  const auto ok = s.last("alice", "200");
  CHECK(header_of(ok, "Via") == "SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bK-a1");
  const auto route = "Route: " + header_of(ok, "Record-Route") + "\r\n";
  CHECK(s.server.server_counters().contexts == 0);

  const RequestOptions ack{.to = "<sip:bob@example.org>;tag=tag-bob",
                           .via = "SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bK-a2",
                           .extra = route};
  s.send("alice", request("ACK", "sip:bob@192.0.2.20:5060", ack));
  CHECK(s.take() == "bob<ACK");
  CHECK(header_of(s.last("bob", "ACK"), "Route") == "");

  const RequestOptions bye{.from = "<sip:bob@example.org>;tag=tag-bob",
                           .to = "<sip:alice@example.org>;tag=a1",
                           .via = "SIP/2.0/UDP 192.0.2.20:5060;branch=z9hG4bK-b1",
                           .extra = route};
  s.send("bob", request("BYE", "sip:alice@192.0.2.10:5060", bye));
  CHECK(s.take() == "alice<BYE");
  s.reply("alice", "BYE", 200);
  CHECK(s.take() == "bob<200");
  s.run_for(40s);
  CHECK(s.take() == "");
  CHECK(s.server.counters().transactions == 0);
}

TEST_CASE("proxy: what 16.3 finds wrong with a request") {
  struct Case {
    const char* name;
    const char* uri;
    RequestOptions options;
    const char* trace;
  };
  const Case cases[] = {
      {"a scheme that we do not know", "http://example.org", {}, "alice<416"},
      {"no hop is left", "sip:bob@example.org", {.max_forwards = "0"}, "alice<483"},
      {"Max-Forwards is no number", "sip:bob@example.org", {.max_forwards = "many"}, "alice<400"},
      {"an extension is asked of proxies",
       "sip:bob@example.org",
       {.extra = "Proxy-Require: gazonk\r\n"},
       "alice<420"},
      {"no breadth is left", "sip:bob@example.org", {.extra = "Max-Breadth: 0\r\n"}, "alice<440"},
      {"nobody is registered", "sip:nobody@example.org", {}, "alice<480"},
      {"Max-Forwards is not there",
       "sip:bob@example.org",
       {.max_forwards = ""},
       "alice<100 bob<INVITE"},
  };
  for (const auto& c : cases) {
    CAPTURE(c.name);
    Scene s;
    s.bind("bob", "sip:bob@192.0.2.20:5060", "bob");
    s.send("alice", request("INVITE", c.uri, c.options));
    CHECK(s.take() == c.trace);
  }
}
