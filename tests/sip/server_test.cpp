// The server itself: what it answers, registers, redirects, and whom it lets through.
#include <doctest/doctest.h>

#include "sip/digest.hpp"
#include "tests/sip/server_scene.hpp"

using namespace sip;
using namespace sip::test;

namespace {

struct Users : Accounts {
  bool find(std::string_view user, std::string_view, Secret& secret) const override {
    if (user != "alice" && user != "bob") return false;
    secret = {};
    secret.password = "secret";
    return true;
  }
};

std::string registering(std::string_view user, std::string_view extra = {}, int cseq = 1) {
  const auto aor = "<sip:" + std::string(user) + "@example.org>";
  return request("REGISTER", "sip:example.org",
                 {.from = aor + ";tag=r", .to = aor, .cseq = cseq, .extra = extra});
}

// The header that answers the newest challenge that alice got.
std::string credentials(const Scene& s, int status, std::string_view header,
                        std::string_view method, std::string_view uri) {
  const auto challenge = s.last("alice", std::to_string(status));
  const auto parsed = parse_message(challenge);
  if (!parsed) return {};
  std::vector<std::string_view> values;
  for (std::size_t i = 0; i < parsed->header_count(); ++i)
    if (parsed->header(i).id == HeaderId::www_authenticate ||
        parsed->header(i).id == HeaderId::proxy_authenticate)
      values.push_back(parsed->header(i).value);
  DigestClient client("alice", "secret");
  if (!client.on_challenges(values)) return {};
  return std::string(header) + ": " + client.authorization({method, {}}, uri, "c0ffee") + "\r\n";
}

}  // namespace

TEST_CASE("server: requests to itself") {
  struct Case {
    const char* method;
    const char* uri;
    const char* extra;
    const char* trace;
  };
  const Case cases[] = {
      {"OPTIONS", "sip:example.org", "", "alice<200"},
      {"OPTIONS", "sip:192.0.2.1:5060", "", "alice<200"},
      {"OPTIONS", "sip:platform@example.org", "", "alice<200"},
      {"OPTIONS", "sip:example.org:5060", "", "alice<200"},
      {"OPTIONS", "sip:nobody@example.org", "", "alice<480"},
      {"MESSAGE", "sip:platform@example.org", "", "alice<200"},
      {"MESSAGE", "sip:platform@example.org", "Require: magic\r\n", "alice<420"},
      {"INVITE", "sip:example.org", "", "alice<405"},
      {"BYE", "sip:example.org", "", "alice<481"},
      {"FROBNICATE", "sip:example.org", "", "alice<501"},
      {"CANCEL", "sip:192.0.2.1:5060", "", "alice<481"},
      {"ACK", "sip:192.0.2.1:5060", "", ""},
  };
  auto config = open_proxy();
  config.own_users = {"platform"};
  for (const auto& c : cases) {
    const std::string name = std::string(c.method) + " " + c.uri;
    CAPTURE(name);
    Scene s(config);
    s.send("alice", request(c.method, c.uri, {.extra = c.extra}));
    CHECK(s.take() == c.trace);
    CHECK(s.server.server_counters().forwarded_requests == 0);
  }
}

TEST_CASE(
    "server: the ACK to an answer given without state ends here; the same answer comes again") {
  Scene s;
  s.send("alice", request("INVITE", "sip:nobody@example.org"));
  const auto first = s.last("alice", "480");
  s.send("alice", request("INVITE", "sip:nobody@example.org"));
  CHECK(s.last("alice", "480") == first);
  CHECK(s.take() == "alice<480 alice<480");
  s.send("alice", request("ACK", "sip:nobody@example.org", {.to = header_of(first, "To")}));
  CHECK(s.take() == "");
  CHECK(s.server.counters().transactions == 0);
  CHECK(s.server.counters().stray_requests == 0);
}

TEST_CASE("server: a MESSAGE to itself is remembered, its repetition answered from memory") {
  auto config = open_proxy();
  config.own_users = {"platform"};
  Scene s(config);
  s.send("alice", request("MESSAGE", "sip:platform@example.org"));
  CHECK(s.server.counters().transactions == 1);
  s.send("alice", request("MESSAGE", "sip:platform@example.org"));
  CHECK(s.take() == "alice<200 alice<200");
  CHECK(s.server.counters().retransmissions_received == 1);
  s.run_for(std::chrono::seconds(33));
  CHECK(s.server.counters().transactions == 0);
}

TEST_CASE("server: who has registered can be called, until it ends") {
  Scene s;
  s.send("bob", request("REGISTER", "sip:example.org",
                        {.from = "<sip:bob@example.org>;tag=r",
                         .via = "SIP/2.0/UDP 192.0.2.20:5060;branch=z9hG4bK-r",
                         .extra = "Expires: 100\r\n"}));
  CHECK(s.take() == "bob<200");
  CHECK(s.server.server_counters().registrations == 1);
  s.send("alice", request("MESSAGE", "sip:bob@example.org", {.call_id = "2"}));
  // Its Contact (alice's, of the test's request) is elsewhere than where it came from.
  CHECK(s.take() == "alice<MESSAGE");
  s.run_for(std::chrono::seconds(101));
  s.take();
  s.send("alice", request("MESSAGE", "sip:bob@example.org", {.call_id = "3", .cseq = 3}));
  CHECK(s.take() == "alice<480");
}

TEST_CASE("server: 302 with all contacts in place of proxying") {
  auto config = open_proxy();
  config.redirect = true;
  Scene s(config);
  s.bind("bob", "sip:bob@192.0.2.20:5060", "bob", 900);
  s.bind("bob", "sip:bob@192.0.2.21:5060", "bob2", 300);
  s.send("alice", request("INVITE", "sip:bob@example.org"));
  CHECK(s.take() == "alice<302");
  const auto contacts = header_of(s.last("alice", "302"), "Contact");
  CHECK(contacts.find("<sip:bob@192.0.2.20:5060>") < contacts.find("<sip:bob@192.0.2.21:5060>"));
  CHECK(s.server.server_counters().redirections == 1);
  s.send("alice", request("INVITE", "sip:nobody@example.org", {.call_id = "2"}));
  CHECK(s.take() == "alice<480");
}

TEST_CASE("server: nobody's mail is carried for strangers") {
  struct Case {
    const char* name;
    RelayFor relay_for;
    const char* from;
    const char* trace;
  };
  const Case cases[] = {
      {"for nobody", RelayFor::nobody, "alice", "alice<403"},
      {"not for strangers", RelayFor::users, "alice", "alice<403"},
      {"for this machine, when there are no accounts", RelayFor::users, "local", "carol<MESSAGE"},
      {"for all, when told so", RelayFor::everyone, "alice", "carol<MESSAGE"},
  };
  for (const auto& c : cases) {
    CAPTURE(c.name);
    auto config = open_proxy();
    config.relay_for = c.relay_for;
    Scene s(config);
    s.peer("local", flow_between("192.0.2.1:5060", "127.0.0.1:5070"));
    s.send(c.from, request("MESSAGE", "sip:carol@192.0.2.30"));
    CHECK(s.take() == c.trace);
  }
}

TEST_CASE("server: digest for REGISTER and for calls of our users") {
  const Users users;
  auto config = open_proxy();
  config.relay_for = RelayFor::users;
  Scene s(config, &users);
  s.bind("bob", "sip:bob@192.0.2.20:5060", "bob");
  s.send("alice", registering("alice"));
  CHECK(s.take() == "alice<401");
  s.send(
      "alice",
      registering("alice", credentials(s, 401, "Authorization", "REGISTER", "sip:example.org"), 2));
  CHECK(s.take() == "alice<200");

  s.send("alice", request("INVITE", "sip:bob@example.org"));
  CHECK(s.take() == "alice<407");
  s.send("alice",
         request("ACK", "sip:bob@example.org", {.to = header_of(s.last("alice", "407"), "To")}));
  CHECK(s.take() == "");
  CHECK(s.server.counters().transactions == 0);
  const auto shown = credentials(s, 407, "Proxy-Authorization", "INVITE", "sip:bob@example.org");
  s.send(
      "alice",
      request("INVITE", "sip:bob@example.org",
              {.via = "SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bK-a3", .cseq = 2, .extra = shown}));
  CHECK(s.take() == "alice<100 bob<INVITE");
  CHECK(header_of(s.last("bob", "INVITE"), "Proxy-Authorization") == "");  // not for others to see
  const auto record = header_of(s.last("bob", "INVITE"), "Record-Route");

  // Inside the dialog nobody is asked again.
  const auto routed = "Route: " + record + "\r\n";
  s.send("alice", request("BYE", "sip:bob@192.0.2.20:5060",
                          {.to = "<sip:bob@example.org>;tag=tag-bob",
                           .via = "SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bK-a4",
                           .cseq = 3,
                           .extra = routed}));
  CHECK(s.take() == "bob<BYE");
  // Strangers may call our users, but not others through us.
  s.send("carol", request("INVITE", "sip:bob@example.org",
                          {.from = "<sip:carol@example.com>;tag=c",
                           .via = "SIP/2.0/UDP 192.0.2.30:5060;branch=z9hG4bK-c1",
                           .call_id = "c"}));
  CHECK(s.take() == "carol<100 bob<INVITE");
  s.send("carol", request("MESSAGE", "sip:dave@192.0.2.40",
                          {.from = "<sip:carol@example.com>;tag=c",
                           .via = "SIP/2.0/UDP 192.0.2.30:5060;branch=z9hG4bK-c2",
                           .call_id = "c2"}));
  CHECK(s.take() == "carol<407");
  // Nobody calls in alice's name with bob's password or none.
  s.send("carol",
         request("MESSAGE", "sip:bob@example.org",
                 {.via = "SIP/2.0/UDP 192.0.2.30:5060;branch=z9hG4bK-c3", .call_id = "c3"}));
  CHECK(s.take() == "carol<407");
  s.send("alice", request("MESSAGE", "sip:nobody@example.org",
                          {.from = "<sip:carol@example.com>;tag=c", .call_id = "c4"}));
  CHECK(s.take() == "alice<404");  // the accounts know that there is no such user
}

TEST_CASE("server: which messages concern it") {
  struct Case {
    std::string text;
    bool concerns;
  };
  Scene s;
  s.send("alice", request("MESSAGE", "sip:bob@192.0.2.20"));
  const auto via = header_of(s.last("bob", "MESSAGE"), "Via");
  const auto ours = via.substr(0, via.find(" | "));
  const auto response = [](const std::string& top) {
    return "SIP/2.0 200 OK\r\nVia: " + top +
           "\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>;tag=2\r\nCall-ID: 1\r\nCSeq: 1 "
           "INVITE\r\n\r\n";
  };
  const Case cases[] = {
      {request("REGISTER", "sip:example.org"), true},
      {request("INVITE", "sip:bob@example.org"), true},
      {request("INVITE", "sip:bob@EXAMPLE.org:5060"), true},
      {request("INVITE", "sip:bob@192.0.2.1"), true},
      {request("BYE", "sip:bob@192.0.2.20", {.extra = "Route: <sip:192.0.2.1:5060;lr>\r\n"}), true},
      {request("BYE", "sip:bob@192.0.2.20", {.to = "<sip:bob@192.0.2.20>;tag=1"}), false},
      {request("INVITE", "sip:bob@192.0.2.1:7777", {.to = "<sip:bob@example.com>"}), false},
      {response(ours), true},
      {response("SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK-mine"), false},
  };
  for (const auto& c : cases) {
    CAPTURE(c.text);
    const auto parsed = parse_message(c.text);
    CHECK(s.server.concerns(*parsed, s.flow("alice")) == c.concerns);
  }
}

TEST_CASE("server: junk is counted, what cannot be read is answered when it can be") {
  Scene s;
  s.send("alice", "\r\n\r\n");
  s.send("alice", "hello");
  CHECK(s.server.counters().junk == 2);
  s.send("alice", request("INVITE", "sip:bob@example.org", {.to = "<sip:bob@example"}));
  CHECK(s.take() == "alice<400");
}
