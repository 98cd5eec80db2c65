// The registrar: who may register what, and how much of it.
#include "tests/sip/registrar_world.hpp"

namespace sip {

using namespace test;

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
