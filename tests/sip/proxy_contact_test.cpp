// Where a registered user is reached: at the contact, or by the way that the REGISTER came.
#include <doctest/doctest.h>

#include "tests/sip/server_scene.hpp"

using namespace sip;
using namespace sip::test;

TEST_CASE("proxy: a contact is reached by its flow only where that leads to it") {
  struct Row {
    const char* what;
    const char* contact;
    const char* registered_from;
    const char* reached;
  };
  const Row rows[] = {
      {"the same address", "sip:bob@192.0.2.20:5060", "bob", "bob"},
      {"behind NAT", "sip:bob@192.168.1.9:5060", "nat", "nat"},
      {"its own name", "sip:bob@pc.home", "nat", "nat"},
      {"public, mapped by a NAT to another port", "sip:bob@198.51.100.7:5060", "nat", "nat"},
      {"sends from one port, listens at another", "sip:bob@10.0.0.20:5070", "sender", "listener"},
      {"on this machine", "sip:bob@127.0.0.1:5070", "local sender", "local listener"},
      {"registered by UDP, reached by TCP", "sip:bob@192.0.2.20:5060;transport=tcp", "bob",
       "bob by TCP"},
      {"registered by a third party", "sip:bob@192.0.2.20:5060", "carol", "bob"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.what);
    Scene s;
    s.peer("nat", flow_between("192.0.2.1:5060", "198.51.100.7:31234"));
    s.peer("sender", flow_between("192.0.2.1:5060", "10.0.0.20:41000"));
    s.peer("listener", flow_between("192.0.2.1:5060", "10.0.0.20:5070"));
    s.peer("local sender", flow_between("192.0.2.1:5060", "127.0.0.1:41000"));
    s.peer("local listener", flow_between("192.0.2.1:5060", "127.0.0.1:5070"));
    s.peer("bob by TCP", flow_between("192.0.2.1:5060", "192.0.2.20:5060", Transport::tcp));
    s.bind("bob", row.contact, row.registered_from);
    s.send("alice", request("MESSAGE", "sip:bob@example.org"));
    CHECK(s.take() == std::string(row.reached) + "<MESSAGE");
    CHECK(uri_of(s.last(row.reached, "MESSAGE")) == row.contact);
  }
}

TEST_CASE("server: users of its bare address register and are reached") {
  Scene s;
  const auto sign_up = [](std::string_view to) {
    return request("REGISTER", "sip:192.0.2.1:5060", {.from = to, .to = to});
  };
  s.send("alice", sign_up("<sip:bob@192.0.2.1:5060>"));
  CHECK(s.take() == "alice<200");
  s.send("carol", request("MESSAGE", "sip:bob@192.0.2.1:5060"));
  CHECK(s.take() == "alice<MESSAGE");
  s.send("alice", sign_up("<sip:bob@192.0.2.9>"));
  CHECK(s.take() == "alice<404");
}
