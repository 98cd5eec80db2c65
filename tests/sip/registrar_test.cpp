// The registrar: each row some REGISTERs in their order, the answer to each and what is bound then.
#include "sip/registrar.hpp"

#include "tests/sip/registration_support.hpp"

namespace sip {
namespace {

using std::chrono::seconds;
using test::Register;

const TimePoint start = TimePoint{} + std::chrono::hours(100);
const WallTime wall = WallTime(seconds(1289690940));  // Sat, 13 Nov 2010 23:29:00 GMT

struct Step {
  Register request;
  int status;
  std::string contacts;  // of the answer
};

struct World {
  explicit World(RegistrarOptions options = {}, LocationLimits limits = {})
      : location(limits), registrar(with_domain(options), location) {}

  static RegistrarOptions with_domain(RegistrarOptions options) {
    options.domains = {"example.org", "[2001:db8::1]"};
    return options;
  }
  Registrar::Outcome send(const Register& request, std::string_view user = {}) {
    text = request.text();
    message = test::parsed(text);
    return registrar.on_register({message, flow, now, wall, user, "tag1"}, buffer);
  }
  std::string answer(const Register& request) { return std::string(send(request).response); }
  std::string bound(const std::string& aor = "sip:alice@example.org") const {
    std::string out;
    location.visit(aor, now, [&](const BindingView& b) { out.append(b.contact) += ' '; });
    return out;
  }

  Location location;
  Registrar registrar;
  TimePoint now = start;
  Flow flow{Transport::udp, *Address::parse("192.0.2.1:5060"), *Address::parse("192.0.2.9:5060"),
            ConnectionId::none};
  std::string text, buffer;
  MessageView message;
};

std::string contact(const std::string& value) {
  return "Contact: " + value;
}

}  // namespace

TEST_CASE("registrar: sequences") {
  struct Case {
    const char* name;
    std::vector<Step> steps;
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

TEST_CASE("registrar: who may register whom") {
  struct Case {
    const char* name;
    std::string user;
    const char* to;
    bool third_party;
    int status;
  };
  const Case cases[] = {
      {"the user itself", "alice", "sip:alice@example.org", false, 200},
      {"with its domain", "alice@example.org", "sip:alice@example.org", false, 200},
      {"somebody else", "bob", "sip:alice@example.org", false, 403},
      {"of another domain", "alice@example.com", "sip:alice@example.org", false, 403},
      {"a beginning of the name", "ali", "sip:alice@example.org", false, 403},
      {"not authenticated, From is To", "", "sip:bob@example.org", false, 200},
      {"not authenticated, From is not To", "", "sip:alice@example.org", false, 403},
      {"not authenticated, allowed", "", "sip:alice@example.org", true, 200},
      {"authenticated, the policy does not matter", "bob", "sip:alice@example.org", true, 403},
  };
  for (const auto& c : cases) {
    CAPTURE(c.name);
    World world({.third_party = c.third_party});
    const Register request{
        .to = c.to, .from = "sip:bob@example.org", .headers = {contact("<sip:a@h>")}};
    CHECK(world.send(request, c.user).status == c.status);
    CHECK(world.location.bindings() == (c.status == 200 ? 1 : 0));
  }
}

TEST_CASE("registrar: accounts decide for whom somebody acts") {
  struct Reception : Accounts {
    bool find(std::string_view, std::string_view, Secret&) const override { return true; }
    bool may_act_for(std::string_view user, std::string_view aor) const override {
      return user == "reception" || owns(user, aor);
    }
  } accounts;
  Location location;
  Registrar registrar({}, location, &accounts);
  const auto text = Register{.headers = {contact("<sip:a@h>")}}.text();
  const auto message = test::parsed(text);
  std::string buffer;
  const Flow flow;
  for (const auto& [user, status] : {std::pair("reception", 200), {"alice", 200}, {"bob", 403}})
    CHECK(registrar.on_register({message, flow, start, wall, user, "t"}, buffer).status == status);
}

TEST_CASE("registrar: limits") {
  const Register two{.headers = {contact("<sip:a@h>, <sip:b@h>")}};
  SUBCASE("of an address") {
    World world({}, {.bindings_per_aor = 2});
    CHECK(world.send(two).status == 200);
    const auto outcome = world.send({.cseq = 2, .headers = {contact("<sip:c@h>")}});
    CHECK(outcome.status == 500);
    CHECK(world.bound() == "sip:b@h sip:a@h ");
    CHECK(world.send({.cseq = 3, .headers = {contact("<sip:c@h>, <sip:a@h>;expires=0")}}).status ==
          200);
    CHECK(world.bound() == "sip:c@h sip:b@h ");
  }
  SUBCASE("of all") {
    World world({}, {.bindings = 3});
    CHECK(world.send(two).status == 200);
    const auto refused =
        world.answer({.to = "sip:bob@example.org", .headers = {contact("<sip:a@h>, <sip:b@h>")}});
    CHECK(test::values(refused, "Retry-After") == "60");
    CHECK(test::parsed(refused).status() == 503);
    CHECK(world.location.bindings() == 2);
    CHECK(world.send({.cseq = 2, .headers = two.headers}).status == 200);
  }
  SUBCASE("of a request") {
    World world({.contacts = 1, .path_hops = 1});
    CHECK(world.send(two).status == 400);
    CHECK(world.send({.headers = {"Path: <sip:a;lr>, <sip:b;lr>"}}).status == 400);
  }
  SUBCASE("of texts") {
    World world({}, {.text_bytes = 100});
    CHECK(world.send({.headers = {contact("<sip:" + std::string(100, 'a') + "@h>")}}).status ==
          400);
  }
}

TEST_CASE("registrar: policies") {
  CHECK(World({.strict_path = true})
            .send({.headers = {"Path: <sip:p;lr>", contact("<sip:a@h>")}})
            .status == 420);
  World no_outbound({.outbound = false});
  CHECK(no_outbound.send({.headers = {"Require: outbound"}}).status == 420);
  CHECK(no_outbound
            .answer({.headers = {contact("<sip:a@h>;+sip.instance=\"<i>\";reg-id=1"),
                                 "Supported: outbound"}})
            .find("reg-id") == std::string::npos);
  World long_minimum({.min_expires = seconds(7200)});  // an hour is always enough
  CHECK(long_minimum.send({.headers = {contact("<sip:a@h>;expires=3600")}}).status == 200);
  CHECK(long_minimum.send({.cseq = 2, .headers = {contact("<sip:a@h>;expires=3599")}}).status ==
        423);
}

TEST_CASE("registrar: what an outcome counts") {
  World world;
  auto counts = [&](const Register& request) {
    const auto o = world.send(request);
    CHECK(o.aor == "sip:alice@example.org");
    return std::to_string(o.added) + std::to_string(o.refreshed) + std::to_string(o.removed);
  };
  CHECK(counts({.cseq = 1, .headers = {contact("<sip:a@h>, <sip:b@h>")}}) == "200");
  CHECK(counts({.cseq = 2, .headers = {contact("<sip:a@h>, <sip:c@h>, <sip:b@h>;expires=0")}}) ==
        "111");
  CHECK(counts({.cseq = 2, .headers = {contact("<sip:a@h>")}}) == "000");
  CHECK(counts({.cseq = 3, .headers = {contact("*"), "Expires: 0"}}) == "002");
}

}  // namespace sip
