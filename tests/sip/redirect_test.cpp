// The redirect server: what is asked for, what is registered, what is answered.
#include "sip/redirect.hpp"

#include "tests/sip/registration_support.hpp"

namespace sip {

using std::chrono::seconds;

TEST_CASE("redirect") {
  const auto start = TimePoint{} + std::chrono::hours(100);
  Location location;
  auto bind = [&](const char* aor, const char* contact, int q, int lives) {
    Binding b;
    b.contact = contact;
    b.q_1000 = static_cast<std::uint16_t>(q);
    b.expires_at = start + seconds(lives);
    b.instance = "<urn:uuid:1>";
    REQUIRE(location.put(aor, b));
  };
  bind("sip:alice@example.org", "sip:alice@192.0.2.9", 500, 60);
  bind("sip:alice@example.org", "sips:alice@192.0.2.10;transport=tcp", 1000, 120);
  bind("sip:alice@example.org", "tel:+3585551", 0, 120);
  bind("sip:gone@example.org", "sip:gone@192.0.2.9", 1000, -1);
  bind("sip:loop@example.org", "sip:loop@EXAMPLE.org", 1000, 60);
  bind("sip:half@example.org", "sip:half@example.org", 1000, 60);
  bind("sip:half@example.org", "sip:half@192.0.2.9", 200, 60);

  struct Case {
    const char* name;
    const char* uri;
    int status;
    const char* contacts;
  };
  const Case cases[] = {
      {"all, best first", "sip:alice@example.org", 302,
       "<sips:alice@192.0.2.10;transport=tcp>;expires=120, <sip:alice@192.0.2.9>;expires=60;q=0.5, "
       "<tel:+3585551>;expires=120;q=0"},
      {"another spelling", "sips:%61lice@EXAMPLE.org:5061", 302,
       "<sips:alice@192.0.2.10;transport=tcp>;expires=120, <sip:alice@192.0.2.9>;expires=60;q=0.5, "
       "<tel:+3585551>;expires=120;q=0"},
      {"nobody", "sip:bob@example.org", 480, ""},
      {"expired", "sip:gone@example.org", 480, ""},
      {"only itself", "sip:loop@example.org", 480, ""},
      {"itself and another", "sip:half@example.org", 302, "<sip:half@192.0.2.9>;expires=60;q=0.2"},
      {"not our domain", "sip:alice@example.com", 404, ""},
      {"tel", "tel:+3585551", 416, ""},
      {"an unknown scheme", "news:sip", 416, ""},
  };
  Redirect redirect({.domains = {"example.org"}}, location);
  for (const auto& c : cases) {
    CAPTURE(c.name);
    const auto text =
        test::Register{.to = "sip:x@example.org", .method = "INVITE", .uri = c.uri}.text();
    std::string buffer;
    const auto request = test::parsed(text);
    const auto outcome = redirect.on_request(request, start, {.source = {}, .to_tag = "t"}, buffer);
    CHECK(outcome.status == c.status);
    CHECK(test::parsed(buffer).status() == c.status);
    CHECK(test::values(outcome.response, "Contact") == c.contacts);
    CHECK(test::values(outcome.response, "To") == "<sip:x@example.org>;tag=t");
  }
  Redirect one({.domains = {}, .contacts = 1}, location);
  const auto text = test::Register{.method = "INVITE", .uri = "sip:alice@example.org"}.text();
  std::string buffer;
  one.on_request(test::parsed(text), start, {}, buffer);
  CHECK(test::values(buffer, "Contact") == "<sips:alice@192.0.2.10;transport=tcp>;expires=120");
}

}  // namespace sip
