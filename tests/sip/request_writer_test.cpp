// What an Endpoint calls itself: hosts and ports in Via and Contact.
#include "sip/request_writer.hpp"

#include <doctest/doctest.h>

#include "sip/endpoint.hpp"

using namespace sip;

namespace {

Flow flow(Transport transport, const char* local) {
  return {transport, *Address::parse(local), *Address::parse("203.0.113.7:5060"),
          ConnectionId::none};
}

}  // namespace

TEST_CASE("the announced address of the listener that a flow belongs to is named") {
  EndpointConfig config;
  Random random(Seed{1});
  RequestWriter writer(config, random);
  writer.announce({Transport::udp, *Address::parse("0.0.0.0:5060"), "sip.example.org", 15060});
  writer.announce({Transport::tcp, *Address::parse("192.0.2.1:5060"), "", 25060});
  writer.announce({Transport::udp, *Address::parse("192.0.2.1:5070"), "198.51.100.1", 0});
  const struct {
    const char* name;
    Flow flow;
    const char* contact;
  } cases[] = {
      {"host and port, all interfaces", flow(Transport::udp, "192.0.2.1:5060"),
       "<sip:u@sip.example.org:15060>"},
      {"port alone", flow(Transport::tcp, "192.0.2.1:5060"),
       "<sip:u@192.0.2.1:25060;transport=tcp>"},
      {"host alone", flow(Transport::udp, "192.0.2.1:5070"), "<sip:u@198.51.100.1:5070>"},
      {"another interface", flow(Transport::tcp, "192.0.2.9:5060"),
       "<sip:u@192.0.2.9:5060;transport=tcp>"},
      {"another port", flow(Transport::udp, "192.0.2.1:5090"), "<sip:u@192.0.2.1:5090>"},
      {"another family", flow(Transport::udp, "[2001:db8::1]:5060"), "<sip:u@[2001:db8::1]:5060>"},
  };
  for (const auto& c : cases) {
    CAPTURE(c.name);
    CHECK(writer.contact_for("u", c.flow) == c.contact);
  }
}

TEST_CASE("a sips Contact names no transport but a WebSocket (26.2.2, RFC 7118 5.2.2)") {
  EndpointConfig config;
  Random random(Seed{1});
  RequestWriter writer(config, random);
  CHECK(writer.contact_for("u", flow(Transport::tls, "192.0.2.1:5061"), true) ==
        "<sips:u@192.0.2.1:5061>");
  CHECK(writer.contact_for("u", flow(Transport::wss, "192.0.2.1:443"), true) ==
        "<sips:u@192.0.2.1:443;transport=ws>");
}

TEST_CASE("without an announcement the configured host is named; a new announcement replaces") {
  EndpointConfig config;
  config.host = "gw.example.org";
  Random random(Seed{1});
  RequestWriter writer(config, random);
  const auto at = flow(Transport::udp, "192.0.2.1:5060");
  CHECK(writer.contact_for("u", at) == "<sip:u@gw.example.org:5060>");
  writer.announce({Transport::udp, at.local, "198.51.100.1", 0});
  writer.announce({Transport::udp, at.local, "198.51.100.2", 0});
  CHECK(writer.contact_for("u", at) == "<sip:u@198.51.100.2:5060>");
}
