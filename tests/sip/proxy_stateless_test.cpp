// The stateless proxy of RFC 3261 16.11.
#include <doctest/doctest.h>

#include "tests/sip/server_scene.hpp"

using namespace sip;
using namespace sip::test;

namespace {

ServerConfig stateless() {
  auto config = open_proxy();
  config.proxying = Proxying::stateless;
  return config;
}

std::string top_via(const std::string& message) {
  const auto vias = header_of(message, "Via");
  return vias.substr(0, vias.find(" | "));
}

}  // namespace

TEST_CASE("stateless: a call passes through and leaves nothing") {
  Scene s(stateless());
  s.bind("bob", "sip:bob@192.0.2.20:5060", "bob");
  s.send("alice", request("INVITE", "sip:bob@example.org"));
  CHECK(s.take() == "bob<INVITE");
  for (const int status : {100, 180, 200}) s.reply("bob", "INVITE", status);
  CHECK(s.take() == "alice<100 alice<180 alice<200");
  CHECK(header_of(s.last("alice", "200"), "Via") ==
        "SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bK-a1");
  CHECK(s.server.counters().transactions == 0);
}

TEST_CASE("stateless: repetitions, CANCEL and ACK take the branch of their INVITE, others do not") {
  Scene s(stateless());
  s.send("alice", request("INVITE", "sip:bob@192.0.2.20"));
  const auto first = top_via(s.last("bob", "INVITE"));
  s.send("alice", request("INVITE", "sip:bob@192.0.2.20"));
  CHECK(top_via(s.last("bob", "INVITE")) == first);
  s.send("alice", request("CANCEL", "sip:bob@192.0.2.20"));
  CHECK(top_via(s.last("bob", "CANCEL")) == first);
  s.send("alice", request("ACK", "sip:bob@192.0.2.20", {.to = "<sip:bob@example.org>;tag=b"}));
  CHECK(top_via(s.last("bob", "ACK")) == first);
  s.send("alice", request("INVITE", "sip:bob@192.0.2.20",
                          {.via = "SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bK-a2"}));
  CHECK(top_via(s.last("bob", "INVITE")) != first);
  // An element of RFC 2543: no branch to go by.
  s.send("alice", request("INVITE", "sip:bob@192.0.2.20", {.via = "SIP/2.0/UDP 192.0.2.10:5060"}));
  const auto old = top_via(s.last("bob", "INVITE"));
  s.send("alice", request("INVITE", "sip:bob@192.0.2.20", {.via = "SIP/2.0/UDP 192.0.2.10:5060"}));
  CHECK(top_via(s.last("bob", "INVITE")) == old);
  s.send("alice", request("INVITE", "sip:bob@192.0.2.20",
                          {.via = "SIP/2.0/UDP 192.0.2.10:5060", .cseq = 2}));
  CHECK(top_via(s.last("bob", "INVITE")) != old);
}

TEST_CASE("stateless: answers go back by Via: received, rport, and the connection") {
  Scene s(stateless());
  s.peer("nat", flow_between("192.0.2.1:5060", "198.51.100.8:40001"));
  s.send("nat", request("MESSAGE", "sip:bob@192.0.2.20",
                        {.via = "SIP/2.0/UDP 10.0.0.5;rport;branch=z9hG4bK-1"}));
  s.reply("bob", "MESSAGE", 200);
  CHECK(s.take() == "bob<MESSAGE nat<200");
  s.peer("tcp", flow_between("192.0.2.1:5060", "192.0.2.40:40000", Transport::tcp, 5));
  s.send("tcp", request("MESSAGE", "sip:bob@192.0.2.20",
                        {.via = "SIP/2.0/TCP 192.0.2.40;rport;branch=z9hG4bK-2", .call_id = "2"}));
  s.reply("bob", "MESSAGE", 200);
  CHECK(s.take() == "bob<MESSAGE tcp<200");
  s.send("bob",
         "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK-other\r\n"
         "From: <sip:a@b>;tag=1\r\nTo: <sip:a@b>;tag=2\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\n\r\n");
  CHECK(s.take() == "");
  CHECK(s.server.counters().stray_responses == 1);
}

TEST_CASE("stateless: faults are answered, loops and hops seen, one target of many taken") {
  Scene s(stateless());
  s.bind("bob", "sip:bob@192.0.2.21:5060", "bob2", 300);
  s.bind("bob", "sip:bob@192.0.2.20:5060", "bob", 900);
  s.send("alice", request("INVITE", "sip:bob@example.org"));
  CHECK(s.take() == "bob<INVITE");
  s.send("alice", request("INVITE", "sip:bob@192.0.2.20"));
  s.take();
  s.send("bob", s.last("bob", "INVITE"));
  s.send("alice", request("INVITE", "sip:bob@example.org", {.max_forwards = "0"}));
  CHECK(s.take() == "bob<482 alice<483");
  s.send("alice", request("ACK", "sip:bob@192.0.2.20", {.max_forwards = "0"}));
  CHECK(s.take() == "");
}

TEST_CASE("stateless: DNS holds the request") {
  Scene s(stateless());
  s.send("alice", request("MESSAGE", "sip:carol@carol.example.com", {.body = "hello"}));
  CHECK(s.take() == "?sip:carol@carol.example.com");
  s.resolve(0, {"carol", "bob"});
  CHECK(s.take() == "carol<MESSAGE");
  CHECK(s.last("carol", "MESSAGE").ends_with("\r\n\r\nhello"));
  s.send("alice", request("MESSAGE", "sip:carol@nowhere.example.com"));
  s.resolve(1, {});
  CHECK(s.take() == "?sip:carol@nowhere.example.com alice<500");
}
