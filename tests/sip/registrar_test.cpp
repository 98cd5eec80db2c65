// The registrar: each row some REGISTERs in their order, the answer to each and what is bound then.
#include "tests/sip/registrar_world.hpp"

namespace sip {

using namespace test;

TEST_CASE("registrar: sequences") {
  struct Case {
    const char* name;
    std::vector<RegisterStep> steps;
  };
  const Case cases[] = {
      {"one contact, with the default expiry",
       {{{.headers = {contact("<sip:a@h>")}}, 200, "<sip:a@h>;expires=3600"}}},
      {"the Expires header",
       {{{.headers = {contact("<sip:a@h>"), "Expires: 600"}}, 200, "<sip:a@h>;expires=600"}}},
      {"the Contact's own expires wins",
       {{{.headers = {contact("<sip:a@h>;expires=700"), "Expires: 600"}},
         200,
         "<sip:a@h>;expires=700"}}},
      {"an expires that is no number counts as none",
       {{{.headers = {contact("<sip:a@h>;expires=soon")}}, 200, "<sip:a@h>;expires=3600"}}},
      {"too long is shortened",
       {{{.headers = {contact("<sip:a@h>"), "Expires: 4294967295"}},
         200,
         "<sip:a@h>;expires=86400"}}},
      {"too brief is refused, and nothing of it is done",
       {{{.headers = {contact("<sip:a@h>"), contact("<sip:b@h>;expires=59")}}, 423, ""},
        {{.call_id = "q"}, 200, ""}}},
      {"two contacts in one header, by q",
       {{{.headers = {contact("<sip:a@h>;q=0.25, <sip:b@h>;q=0.7")}},
         200,
         "<sip:b@h>;expires=3600;q=0.7 | <sip:a@h>;expires=3600;q=0.25"}}},
      {"q of 0 and of 1",
       {{{.headers = {contact("<sip:a@h>;q=0, <sip:b@h>;q=1.0")}},
         200,
         "<sip:b@h>;expires=3600 | <sip:a@h>;expires=3600;q=0"}}},
      {"a query shows what is there",
       {{{.headers = {contact("<sip:a@h>")}}, 200, "<sip:a@h>;expires=3600"},
        {{.call_id = "other"}, 200, "<sip:a@h>;expires=3600"}}},
      {"a query of nobody", {{{}, 200, ""}}},
      {"contact without brackets: parameters are the header's",
       {{{.headers = {contact("sip:a@h;expires=90")}}, 200, "<sip:a@h>;expires=90"}}},
      {"a refresh, with a higher CSeq",
       {{{.cseq = 1, .headers = {contact("<sip:a@h>;expires=600")}}, 200, "<sip:a@h>;expires=600"},
        {{.cseq = 2, .headers = {contact("<sip:a@h>;expires=900")}},
         200,
         "<sip:a@h>;expires=900"}}},
      {"an older CSeq of the same Call-ID is refused",
       {{{.cseq = 5, .headers = {contact("<sip:a@h>;expires=600")}}, 200, "<sip:a@h>;expires=600"},
        {{.cseq = 4, .headers = {contact("<sip:a@h>;expires=0")}}, 500, ""},
        {{.call_id = "q"}, 200, "<sip:a@h>;expires=600"}}},
      {"of another Call-ID it counts",
       {{{.cseq = 5, .headers = {contact("<sip:a@h>;expires=600")}}, 200, "<sip:a@h>;expires=600"},
        {{.call_id = "new", .cseq = 1, .headers = {contact("<sip:a@h>;expires=900")}},
         200,
         "<sip:a@h>;expires=900"}}},
      {"the same again is a retransmission: answered, not done",
       {{{.cseq = 5, .headers = {contact("<sip:a@h>;expires=600")}}, 200, "<sip:a@h>;expires=600"},
        {{.cseq = 5, .headers = {contact("<sip:a@h>;expires=900")}},
         200,
         "<sip:a@h>;expires=600"}}},
      {"one that is late undoes none of two",
       {{{.cseq = 5, .headers = {contact("<sip:a@h>;expires=600")}}, 200, "<sip:a@h>;expires=600"},
        {{.cseq = 4, .headers = {contact("<sip:b@h>, <sip:a@h>")}}, 500, ""},
        {{.call_id = "q"}, 200, "<sip:a@h>;expires=600"}}},
      {"removed by expires of 0",
       {{{.headers = {contact("<sip:a@h>"), contact("<sip:b@h>")}},
         200,
         "<sip:b@h>;expires=3600 | <sip:a@h>;expires=3600"},
        {{.cseq = 2, .headers = {contact("<sip:a@h>;expires=0")}}, 200, "<sip:b@h>;expires=3600"}}},
      {"removed by Expires: 0",
       {{{.headers = {contact("<sip:a@h>")}}, 200, "<sip:a@h>;expires=3600"},
        {{.cseq = 2, .headers = {contact("<sip:a@h>"), "Expires: 0"}}, 200, ""}}},
      {"one removed and one put by the same request",
       {{{.headers = {contact("<sip:a@h>")}}, 200, "<sip:a@h>;expires=3600"},
        {{.cseq = 2, .headers = {contact("<sip:a@h>;expires=0, <sip:b@h>")}},
         200,
         "<sip:b@h>;expires=3600"}}},
      {"removing what is not there", {{{.headers = {contact("<sip:a@h>;expires=0")}}, 200, ""}}},
      {"all removed",
       {{{.headers = {contact("<sip:a@h>"), contact("<sip:b@h>")}},
         200,
         "<sip:b@h>;expires=3600 | <sip:a@h>;expires=3600"},
        {{.cseq = 2, .headers = {contact("*"), "Expires: 0"}}, 200, ""}}},
      {"all of another Call-ID removed",
       {{{.cseq = 9, .headers = {contact("<sip:a@h>")}}, 200, "<sip:a@h>;expires=3600"},
        {{.call_id = "new", .cseq = 1, .headers = {contact("*"), "Expires: 0"}}, 200, ""}}},
      {"all removed by an older request",
       {{{.cseq = 9, .headers = {contact("<sip:a@h>")}}, 200, "<sip:a@h>;expires=3600"},
        {{.cseq = 8, .headers = {contact("*"), "Expires: 0"}}, 500, ""},
        {{.call_id = "q"}, 200, "<sip:a@h>;expires=3600"}}},
      {"* without Expires", {{{.headers = {contact("*")}}, 400, ""}}},
      {"* with another expiry", {{{.headers = {contact("*"), "Expires: 60"}}, 400, ""}}},
      {"* with another contact",
       {{{.headers = {contact("*"), contact("<sip:a@h>"), "Expires: 0"}}, 400, ""},
        {{.headers = {contact("<sip:a@h>"), contact("*"), "Expires: 0"}}, 400, ""}}},
      {"a contact that cannot be read",
       {{{.headers = {contact("<sip:a@h>"), contact("<sip:>")}}, 400, ""},
        {{.call_id = "q"}, 200, ""}}},
      {"equal by 19.1.4 is one",
       {{{.headers = {contact("<sip:a@H>")}}, 200, "<sip:a@H>;expires=3600"},
        {{.cseq = 2, .headers = {contact("<sip:%61@h>")}}, 200, "<sip:%61@h>;expires=3600"}}},
      {"sips and sip name the same person",
       {{{.to = "sips:alice@example.org", .headers = {contact("<sips:a@h>")}},
         200,
         "<sips:a@h>;expires=3600"},
        {{.call_id = "q"}, 200, "<sips:a@h>;expires=3600"}}},
      {"To in another spelling",
       {{{.to = "sip:%61lice@EXAMPLE.org:5060;x=1", .headers = {contact("<sip:a@h>")}},
         200,
         "<sip:a@h>;expires=3600"},
        {{.call_id = "q"}, 200, "<sip:a@h>;expires=3600"}}},
      {"a domain that is an address",
       {{{.to = "sip:alice@[2001:DB8::1]:5060", .headers = {contact("<sip:a@h>")}},
         200,
         "<sip:a@h>;expires=3600"}}},
      {"a domain that is not ours",
       {{{.to = "sip:alice@example.com", .headers = {contact("<sip:a@h>")}}, 404, ""}}},
      {"To without a domain", {{{.to = "tel:+3585551"}, 404, ""}}},
      {"somebody else",
       {{{.from = "sip:bob@example.org", .headers = {contact("<sip:a@h>")}}, 403, ""}}},
      {"instance and reg-id without the option tag: two contacts",
       {{{.headers = {contact("<sip:a@h>;+sip.instance=\"<urn:uuid:1>\";reg-id=1")}},
         200,
         "<sip:a@h>;expires=3600;+sip.instance=\"<urn:uuid:1>\""},
        {{.cseq = 2, .headers = {contact("<sip:b@h>;+sip.instance=\"<urn:uuid:1>\";reg-id=1")}},
         200,
         "<sip:b@h>;expires=3600;+sip.instance=\"<urn:uuid:1>\" | "
         "<sip:a@h>;expires=3600;+sip.instance=\"<urn:uuid:1>\""}}},
      {"outbound: the same instance and reg-id is one",
       {{{.headers = {contact("<sip:a@h>;+sip.instance=\"<urn:uuid:1>\";reg-id=1"),
                      "Supported: path, outbound"}},
         200,
         "<sip:a@h>;expires=3600;+sip.instance=\"<urn:uuid:1>\";reg-id=1"},
        {{.call_id = "rebooted",
          .headers = {contact("<sip:b@h>;+sip.instance=\"<urn:uuid:1>\";reg-id=1"),
                      "Supported: outbound"}},
         200,
         "<sip:b@h>;expires=3600;+sip.instance=\"<urn:uuid:1>\";reg-id=1"}}},
      {"outbound: a second flow of it",
       {{{.headers = {contact("<sip:a@h>;+sip.instance=\"<urn:uuid:1>\";reg-id=1"),
                      "Supported: outbound"}},
         200,
         "<sip:a@h>;expires=3600;+sip.instance=\"<urn:uuid:1>\";reg-id=1"},
        {{.call_id = "2",
          .headers = {contact("<sip:a@h>;+sip.instance=\"<urn:uuid:1>\";reg-id=2"),
                      "Supported: outbound"}},
         200,
         "<sip:a@h>;expires=3600;+sip.instance=\"<urn:uuid:1>\";reg-id=2 | "
         "<sip:a@h>;expires=3600;+sip.instance=\"<urn:uuid:1>\";reg-id=1"}}},
      {"outbound through a proxy that does not know it",
       {{{.headers = {contact("<sip:a@h>;+sip.instance=\"<urn:uuid:1>\";reg-id=1"),
                      "Supported: outbound", "Path: <sip:edge.example.org;lr>"}},
         439,
         ""},
        {{.headers = {contact("<sip:a@h>;+sip.instance=\"<urn:uuid:1>\";reg-id=1"),
                      "Supported: outbound"},
          .vias =
              "Via: SIP/2.0/UDP p:5060;branch=z9hG4bK2, SIP/2.0/UDP a:5060;branch=z9hG4bK1\r\n"},
         439,
         ""}}},
      {"outbound with two reg-ids",
       {{{.headers = {contact("<sip:a@h>;+sip.instance=\"<urn:uuid:1>\";reg-id=1"),
                      contact("<sip:b@h>;+sip.instance=\"<urn:uuid:1>\";reg-id=2"),
                      "Supported: outbound"}},
         400,
         ""}}},
  };
  for (const auto& c : cases) {
    CAPTURE(c.name);
    World world;
    int n = 0;
    for (const auto& step : c.steps) {
      CAPTURE(++n);
      const auto outcome = world.send(step.request);
      CHECK(outcome.status == step.status);
      CHECK(test::parsed(world.buffer).status() == step.status);
      CHECK(test::values(outcome.response, "Contact") == step.contacts);
      CHECK(test::values(outcome.response, "Date") == "Sat, 13 Nov 2010 23:29:00 GMT");
    }
  }
}

TEST_CASE("registrar: what the answers carry") {
  struct Case {
    const char* name;
    Register request;
    Transport transport;
    int status;
    const char* header;
    const char* value;
  };
  const auto outbound = contact("<sip:a@h>;+sip.instance=\"<urn:uuid:1>\";reg-id=1");
  const Case cases[] = {
      {"423",
       {.headers = {contact("<sip:a@h>;expires=1")}},
       Transport::udp,
       423,
       "Min-Expires",
       "60"},
      {"an unknown extension",
       {.headers = {"Require: gruu, path", "Require: x", contact("<sip:a@h>")}},
       Transport::udp,
       420,
       "Unsupported",
       "gruu, x"},
      {"an unknown extension for proxies",
       {.headers = {"Proxy-Require: x"}},
       Transport::udp,
       420,
       "Unsupported",
       "x"},
      {"known ones",
       {.headers = {"Require: path, outbound"}},
       Transport::udp,
       200,
       "Unsupported",
       ""},
      {"Expires of a single contact",
       {.headers = {contact("<sip:a@h>;expires=999999")}},
       Transport::udp,
       200,
       "Expires",
       "86400"},
      {"no Expires for two",
       {.headers = {contact("<sip:a@h>, <sip:b@h>")}},
       Transport::udp,
       200,
       "Expires",
       ""},
      {"Path when it is supported",
       {.headers = {"Path: <sip:p1;lr>,<sip:p2;lr;ob>", "Path: <sip:p3;lr>", "Supported: path",
                    contact("<sip:a@h>")}},
       Transport::udp,
       200,
       "Path",
       "<sip:p1;lr>, <sip:p2;lr;ob>, <sip:p3;lr>"},
      {"no Path when it is not",
       {.headers = {"Path: <sip:p1;lr>", contact("<sip:a@h>")}},
       Transport::udp,
       200,
       "Path",
       ""},
      {"a Path that cannot be read",
       {.headers = {"Path: <p1", contact("<sip:a@h>")}},
       Transport::udp,
       400,
       "Path",
       ""},
      {"outbound is said to be in use",
       {.headers = {outbound, "Supported: outbound"}},
       Transport::udp,
       200,
       "Require",
       "outbound"},
      {"not when it was not", {.headers = {outbound}}, Transport::udp, 200, "Require", ""},
      {"outbound through an edge proxy",
       {.headers = {outbound, "Supported: outbound", "Path: <sip:p1;lr>, <sip:edge;lr;ob>"}},
       Transport::udp,
       200,
       "Require",
       "outbound"},
      {"Flow-Timer over a stream",
       {.headers = {outbound, "Supported: outbound"}},
       Transport::tcp,
       200,
       "Flow-Timer",
       "120"},
      {"no Flow-Timer over UDP",
       {.headers = {outbound, "Supported: outbound"}},
       Transport::udp,
       200,
       "Flow-Timer",
       ""},
      {"To gets a tag", {}, Transport::udp, 200, "To", "<sip:alice@example.org>;tag=tag1"},
      {"Via says where it came from",
       {},
       Transport::udp,
       200,
       "Via",
       "SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bK1;received=192.0.2.9;rport=5060"},
  };
  for (const auto& c : cases) {
    CAPTURE(c.name);
    World world;
    world.flow.transport = c.transport;
    const auto outcome = world.send(c.request);
    CHECK(outcome.status == c.status);
    CHECK(test::values(outcome.response, c.header) == c.value);
  }
}

TEST_CASE("registrar: the binding keeps what is needed to reach it") {
  World world;
  world.flow.transport = Transport::tls;
  world.flow.connection = ConnectionId(77);
  world.send({.call_id = "c1",
              .cseq = 12,
              .headers = {contact("<sip:a@192.0.2.9:1234;transport=tls>;q=0.5;expires=90;"
                                  "+sip.instance=\"<urn:uuid:1>\";reg-id=3"),
                          "Path: <sip:p1;lr;ob>", "Supported: path, outbound",
                          "User-Agent: phone " + std::string(300, 'x')}});
  std::vector<Binding> found;
  REQUIRE(world.location.find("sip:alice@example.org", start, found) == 1);
  Binding expected;
  expected.contact = "sip:a@192.0.2.9:1234;transport=tls";
  expected.q_1000 = 500;
  expected.expires_at = start + seconds(90);
  expected.call_id = "c1";
  expected.cseq = 12;
  expected.path = "<sip:p1;lr;ob>";
  expected.instance = "<urn:uuid:1>";
  expected.reg_id = 3;
  expected.user_agent = "phone " + std::string(122, 'x');
  expected.flow = world.flow;
  CHECK(found[0] == expected);
}

TEST_CASE("registrar: a retransmission from elsewhere does not move the flow") {
  World world;
  const Register request{.headers = {contact("<sip:a@h>")}};
  world.send(request);
  world.flow.remote = *Address::parse("198.51.100.66:6666");
  CHECK(world.send(request).status == 200);
  world.location.visit("sip:alice@example.org", start, [](const BindingView& b) {
    CHECK(to_string(b.flow.remote) == "192.0.2.9:5060");
  });
}

TEST_CASE("registrar: time passes") {
  World world;
  const Register request{.headers = {contact("<sip:a@h>;expires=100")}};
  world.send(request);
  world.now += std::chrono::milliseconds(40100);
  CHECK(test::values(world.answer({.call_id = "q"}), "Contact") == "<sip:a@h>;expires=60");
  world.now = start + seconds(100);
  CHECK(test::values(world.answer({.call_id = "q"}), "Contact") == "");
  CHECK(test::values(world.answer(request), "Contact") == "<sip:a@h>;expires=100");
}

}  // namespace sip
