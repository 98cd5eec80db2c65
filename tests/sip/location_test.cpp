// The location service: what is given out, what replaces what, deadlines, pages, changes.
#include "sip/location.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>

namespace sip {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

const TimePoint start = TimePoint{} + hours(100);
const std::string alice = "sip:alice@example.org";

Flow udp(const char* remote) {
  Flow flow;
  flow.local = *Address::parse("192.0.2.1:5060");
  flow.remote = *Address::parse(remote);
  return flow;
}

Flow stream(Transport transport, std::uint64_t connection) {
  auto flow = udp("[2001:db8::9]:40000");
  flow.transport = transport;
  flow.connection = ConnectionId(connection);
  return flow;
}

Binding binding(std::string contact, seconds lives = seconds(3600), std::uint16_t q = 1000) {
  Binding b;
  b.contact = std::move(contact);
  b.q_1000 = q;
  b.expires_at = start + lives;
  b.call_id = "call@192.0.2.9";
  b.cseq = 7;
  b.flow = udp("192.0.2.9:5060");
  return b;
}

Binding outbound(std::string contact, std::string instance, std::uint32_t reg_id) {
  auto b = binding(std::move(contact));
  b.instance = std::move(instance);
  b.reg_id = reg_id;
  return b;
}

std::string contacts(const Location& location, const std::string& aor, TimePoint now = start) {
  std::string out;
  location.visit(aor, now, [&](const BindingView& b) { out.append(b.contact) += ' '; });
  return out;
}

// What a store that keeps the changes holds.
class Mirror {
 public:
  void keep(Location& location, std::size_t at_most = SIZE_MAX) {
    location.take_changes(
        [this](std::string_view aor, std::span<const BindingView> all) {
          auto& kept = kept_[std::string(aor)];
          kept.clear();
          for (const auto& b : all) kept.push_back(value_of(b));
        },
        at_most);
  }
  // As after a restart.
  void restore(Location& location) const {
    for (const auto& [aor, all] : kept_)
      for (const auto& b : all) REQUIRE(location.put(aor, b));
  }

 private:
  std::map<std::string, std::vector<Binding>> kept_;
};

std::map<std::string, std::string> all_contacts(const Location& location) {
  std::map<std::string, std::string> out;
  for (const auto& [aor, b] : location.list("", SIZE_MAX, TimePoint::min()))
    out[aor] += b.contact + " " + b.call_id + " ";
  return out;
}

std::size_t changes(Location& location) {
  return location.take_changes([](std::string_view, std::span<const BindingView>) {});
}

}  // namespace

TEST_CASE("location: what is put comes back whole") {
  Location location;
  auto b = outbound("sip:alice@192.0.2.9:5060;transport=tcp", "<urn:uuid:1>", 2);
  b.q_1000 = 300;
  b.path = "<sip:p1;lr>, <sip:p2;lr>";
  b.user_agent = "phone/1.0";
  b.cseq = 4'000'000'000;
  b.expires_at = start + milliseconds(1234);
  b.flow = stream(Transport::tls, 0x1122334455667788);
  REQUIRE(location.put(alice, b));
  std::vector<Binding> found;
  CHECK(location.find(alice, start, found) == 1);
  CHECK(found == std::vector{b});
  CHECK(location.find("sip:bob@example.org", start, found) == 0);
}

TEST_CASE("location: order by q, then the newest; a refresh is the newest") {
  Location location;
  for (const auto& [contact, q] : {std::pair("sip:a@h", 500),
                                   {"sip:b@h", 1000},
                                   {"sip:c@h", 500},
                                   {"sip:d@h", 0},
                                   {"sip:e@h", 1000}})
    REQUIRE(location.put(alice, binding(contact, seconds(60), static_cast<std::uint16_t>(q))));
  CHECK(contacts(location, alice) == "sip:e@h sip:b@h sip:c@h sip:a@h sip:d@h ");
  REQUIRE(location.put(alice, binding("sip:b@h", seconds(60), 1000)));
  CHECK(contacts(location, alice) == "sip:b@h sip:e@h sip:c@h sip:a@h sip:d@h ");
  REQUIRE(location.put(alice, binding("sip:b@h", seconds(60), 100)));
  CHECK(contacts(location, alice) == "sip:e@h sip:c@h sip:a@h sip:b@h sip:d@h ");
}

TEST_CASE("location: what replaces what") {
  struct Case {
    const char* name;
    Binding old, fresh;
    bool replaces;
  };
  const std::string one = "<urn:uuid:1>", two = "<urn:uuid:2>";
  const Case cases[] = {
      {"the same text", binding("sip:a@h"), binding("sip:a@h"), true},
      {"host in another case", binding("sip:a@h.example"), binding("sip:a@H.Example"), true},
      {"an escape", binding("sip:a@h"), binding("sip:%61@h"), true},
      {"a port", binding("sip:a@h"), binding("sip:a@h:5060"), false},
      {"a transport", binding("sip:a@h"), binding("sip:a@h;transport=tcp"), false},
      {"a parameter of no account", binding("sip:a@h"), binding("sip:a@h;x=1"), true},
      {"user in another case", binding("sip:a@h"), binding("sip:A@h"), false},
      {"instance and reg-id", outbound("sip:a@h:1", one, 1), outbound("sip:a@h:2", one, 1), true},
      {"another reg-id", outbound("sip:a@h:1", one, 1), outbound("sip:a@h:1", one, 2), false},
      {"another instance", outbound("sip:a@h:1", one, 1), outbound("sip:a@h:1", two, 1), false},
      {"instance without reg-id", outbound("sip:a@h:1", one, 0), outbound("sip:a@h:2", one, 0),
       false},
      {"outbound after none", binding("sip:a@h"), outbound("sip:a@h", one, 1), true},
      {"none after outbound", outbound("sip:a@h", one, 1), binding("sip:a@h"), true},
      {"not a SIP URI", binding("mailto:a@h"), binding("mailto:a@h"), true},
  };
  for (const auto& c : cases) {
    CAPTURE(c.name);
    Location location;
    REQUIRE(location.put(alice, c.old));
    REQUIRE(location.put(alice, c.fresh));
    CHECK(location.bindings() == (c.replaces ? 1 : 2));
    CHECK(contacts(location, alice).starts_with(c.fresh.contact));
  }
}

TEST_CASE("location: one binding that replaces several") {
  Location location;
  REQUIRE(location.put(alice, outbound("sip:a@h", "<urn:uuid:1>", 1)));
  REQUIRE(location.put(alice, outbound("sip:a@h", "<urn:uuid:1>", 2)));
  REQUIRE(location.put(alice, binding("sip:a@h")));
  CHECK(location.bindings() == 1);
}

TEST_CASE("location: removing") {
  Location location;
  for (const auto* contact : {"sip:a@h", "sip:b@h", "sip:c@h"})
    REQUIRE(location.put(alice, binding(contact)));
  CHECK(location.remove(alice, "sip:b@H"));
  CHECK_FALSE(location.remove(alice, "sip:b@h"));
  CHECK_FALSE(location.remove("sip:nobody@h", "sip:b@h"));
  CHECK(contacts(location, alice) == "sip:c@h sip:a@h ");
  CHECK(location.remove_all(alice) == 2);
  CHECK(location.remove_all(alice) == 0);
  CHECK(location.bindings() == 0);
  CHECK(location.addresses() == 0);
  CHECK(location.put(alice, binding("sip:d@h")));
  CHECK(contacts(location, alice) == "sip:d@h ");
}

TEST_CASE("location: limits change nothing") {
  Location location({.bindings = 3, .bindings_per_aor = 2, .text_bytes = 100});
  CHECK(location.put(alice, binding("sip:a@h")));
  CHECK(location.put(alice, binding("sip:b@h")));
  CHECK_FALSE(location.put(alice, binding("sip:c@h")));
  CHECK(location.put(alice, binding("sip:a@h", seconds(9))));  // a refresh is always taken
  CHECK(location.put("sip:bob@h", binding("sip:a@h")));
  CHECK_FALSE(location.put("sip:carol@h", binding("sip:a@h")));
  CHECK_FALSE(location.put("sip:bob@h", binding("sip:" + std::string(100, 'x') + "@h")));
  CHECK(location.put("sip:bob@h", binding("sip:a@h")));
  CHECK(contacts(location, alice) == "sip:a@h sip:b@h ");
  CHECK(location.bindings() == 3);
  CHECK(location.addresses() == 2);
}

TEST_CASE("location: expiry") {
  Location location;
  REQUIRE(location.put(alice, binding("sip:a@h", seconds(10))));
  REQUIRE(location.put(alice, binding("sip:b@h", seconds(20))));
  CHECK(contacts(location, alice, start + milliseconds(9999)) == "sip:b@h sip:a@h ");
  CHECK(contacts(location, alice, start + seconds(10)) == "sip:b@h ");  // before it is dropped
  location.on_deadline(start);
  CHECK(location.next_deadline() == start + seconds(10));
  location.on_deadline(start + seconds(10));
  CHECK(location.bindings() == 1);
  REQUIRE(location.put(alice, binding("sip:b@h", hours(30))));
  location.on_deadline(start + seconds(20));
  CHECK(location.bindings() == 1);
  for (auto next = location.next_deadline(); next != never; next = location.next_deadline()) {
    REQUIRE(next <= start + hours(30));  // looked at now and then, far deadlines are not exact
    location.on_deadline(next);
  }
  CHECK(location.bindings() == 0);
  CHECK(location.addresses() == 0);
  CHECK(location.next_deadline() == never);
}

TEST_CASE("location: a deadline may come nearer, and the clock may jump") {
  Location location;
  location.on_deadline(start);
  REQUIRE(location.put(alice, binding("sip:a@h", seconds(1000))));
  REQUIRE(location.put(alice, binding("sip:a@h", seconds(5))));
  CHECK(location.next_deadline() == start + seconds(5));
  REQUIRE(location.put("sip:bob@h", binding("sip:b@h", seconds(2000))));
  location.on_deadline(start + hours(1000));
  CHECK(location.bindings() == 0);
  REQUIRE(location.put("sip:bob@h", binding("sip:b@h", hours(1001))));
  location.on_deadline(start);  // backwards: nothing goes
  CHECK(location.bindings() == 1);
}

TEST_CASE("location: many that expire at once are dropped in turns") {
  Location location;
  location.on_deadline(start);
  for (int i = 0; i < 5000; ++i)
    REQUIRE(location.put("sip:" + std::to_string(i) + "@h", binding("sip:a@h", seconds(60))));
  const auto end = start + seconds(60);
  location.on_deadline(end);
  CHECK(location.bindings() > 0);
  int turns = 1;
  for (; location.next_deadline() <= end; ++turns) location.on_deadline(end);
  CHECK(turns >= 5);
  CHECK(location.bindings() == 0);
}

TEST_CASE("location: a connection that closes") {
  struct Case {
    const char* name;
    Transport transport;
    std::uint32_t reg_id;
    bool stays;
  };
  const Case cases[] = {
      {"TCP, reached by its contact again", Transport::tcp, 0, true},
      {"TCP, a flow of outbound", Transport::tcp, 1, false},
      {"TLS", Transport::tls, 0, true},
      {"WebSocket", Transport::ws, 0, false},
      {"WebSocket over TLS", Transport::wss, 0, false},
  };
  for (const auto& c : cases) {
    CAPTURE(c.name);
    Location location;
    auto b = outbound("sip:a@h", "<urn:uuid:1>", c.reg_id);
    b.flow = stream(c.transport, 7);
    REQUIRE(location.put(alice, b));
    REQUIRE(location.put(alice, binding("sip:udp@h")));
    auto other = binding("sip:other@h");
    other.flow = stream(c.transport, 8);
    REQUIRE(location.put("sip:bob@h", other));
    location.on_connection_closed(stream(c.transport, 9));
    CHECK(location.bindings() == 3);
    location.on_connection_closed(b.flow);
    CHECK(contacts(location, alice) == (c.stays ? "sip:udp@h sip:a@h " : "sip:udp@h "));
    location.visit(alice, start,
                   [](const BindingView& v) { CHECK(v.flow.connection == ConnectionId::none); });
    CHECK(contacts(location, "sip:bob@h") == "sip:other@h ");
    location.on_connection_closed(b.flow);
  }
}

TEST_CASE("location: many registered over one connection") {
  Location location;
  auto b = binding("sip:a@h");
  for (int round = 0; round < 3; ++round)
    for (int i = 0; i < 300; ++i) {
      b.flow = stream(Transport::ws, static_cast<std::uint64_t>(1 + (i + round) % 2));
      REQUIRE(location.put("sip:" + std::to_string(i) + "@h", b));
    }
  location.on_connection_closed(stream(Transport::ws, 1));
  CHECK(location.bindings() == 150);
  location.on_connection_closed(stream(Transport::ws, 2));
  CHECK(location.bindings() == 0);
}

TEST_CASE("location: pages show each once, also while it grows and shrinks") {
  Location location({}, 42);
  std::set<std::string> stay;
  for (int i = 0; i < 10000; ++i) {
    const auto aor = "sip:" + std::to_string(i) + "@h";
    REQUIRE(location.put(aor, binding("sip:a@h")));
    if (i % 2 == 0) stay.insert(aor);
  }
  std::multiset<std::string> seen;
  std::string after;
  for (int n = 0;; ++n) {
    const auto page = location.list(after, 97, start);
    if (page.empty()) break;
    for (const auto& [aor, b] : page) seen.insert(aor);
    after = page.back().first;
    location.remove_all("sip:" + std::to_string(2 * n + 1) + "@h");
    location.remove_all(after);
    for (int i = 0; i < 200; ++i)
      REQUIRE(location.put("sip:new" + std::to_string(n * 200 + i) + "@h", binding("sip:a@h")));
  }
  for (const auto& aor : stay) CHECK(seen.count(aor) == 1);
  CHECK(std::ranges::all_of(seen, [&](const auto& aor) { return seen.count(aor) == 1; }));
}

TEST_CASE("location: what a store was told gives the same bindings, in the same order") {
  Location location;
  Mirror mirror;
  REQUIRE(location.put(alice, binding("sip:loaded@h")));
  location.keep_changes(true);
  CHECK(changes(location) == 0);
  std::mt19937 random(7);
  auto now = start;
  location.on_deadline(now);
  REQUIRE(location.put(alice, binding("sip:loaded@h")));
  for (int i = 0; i < 20000; ++i) {
    const auto aor = "sip:" + std::to_string(random() % 50) + "@h";
    const auto contact = "sip:c" + std::to_string(random() % 4) + "@h";
    auto b = random() % 3 ? binding(contact) : outbound(contact, "<i>", 1 + random() % 2);
    b.call_id = std::to_string(i);
    b.expires_at = now + seconds(1 + random() % 1000);
    if (random() % 2) b.flow = stream(Transport::ws, 1 + random() % 20);
    switch (random() % 8) {
      case 0:
        location.remove(aor, contact);
        break;
      case 1:
        location.remove_all(aor);
        break;
      case 2:
        location.on_connection_closed(stream(Transport::ws, 1 + random() % 20));
        break;
      case 3:
        now += milliseconds(random() % 20000);
        location.on_deadline(now);
        break;
      default:
        location.put(aor, b);
    }
    if (random() % 50 == 0) mirror.keep(location, random() % 4 ? 5 : SIZE_MAX);
  }
  mirror.keep(location);
  Location restored;
  mirror.restore(restored);
  CHECK(all_contacts(restored) == all_contacts(location));
  CHECK(restored.bindings() == location.bindings());
  CHECK(restored.bindings() > 20);
}

TEST_CASE("location: a walk in pieces gives all that stays, while others come and go") {
  Location location;
  const auto name = [](int i) { return "sip:" + std::to_string(i) + "@h"; };
  for (int i = 0; i < 5000; ++i) REQUIRE(location.put(name(i), binding("sip:a@h")));
  std::set<std::string> seen;
  std::size_t pieces = 0, most = 0;
  for (std::optional<std::uint32_t> place = 0; place; ++pieces) {
    std::size_t here = 0;
    place = location.walk(*place, 100, [&](std::string_view aor, std::span<const BindingView> all) {
      CHECK(all.size() == 1);
      seen.insert(std::string(aor));
      ++here;
    });
    most = std::max(most, here);
    for (int i = 0; i < 200; ++i)  // the table grows meanwhile
      REQUIRE(location.put(name(10'000 + static_cast<int>(pieces) * 200 + i), binding("sip:a@h")));
  }
  for (int i = 0; i < 5000; ++i) CHECK(seen.count(name(i)) == 1);
  CHECK(pieces >= 50);
  CHECK(most < 150);
}

TEST_CASE("location: the same hundred times is one change") {
  Location location;
  location.keep_changes(true);
  for (int i = 0; i < 100; ++i) REQUIRE(location.put(alice, binding("sip:a@h", seconds(i + 1))));
  std::vector<Binding> told;
  const auto tell = [&](std::string_view, std::span<const BindingView> all) {
    for (const auto& b : all) told.push_back(value_of(b));
  };
  CHECK(location.take_changes(tell) == 1);
  REQUIRE(told.size() == 1);
  CHECK(told[0].expires_at == start + seconds(100));
  CHECK(location.take_changes(tell) == 0);
}

TEST_CASE("canonical address of record") {
  struct Case {
    const char* uri;
    const char* aor;  // null: none
  };
  const Case cases[] = {
      {"sip:alice@example.org", "sip:alice@example.org"},
      {"sips:alice@Example.ORG", "sip:alice@example.org"},
      {"SIP:alice:secret@example.org:5070;transport=tcp?subject=x", "sip:alice@example.org"},
      {"sip:Alice@example.org", "sip:Alice@example.org"},
      {"sip:%61lice@example.org", "sip:alice@example.org"},
      {"sip:a%6c%69ce@example.org", "sip:alice@example.org"},
      {"sip:a%40b@example.org", "sip:a%40b@example.org"},
      {"sip:a%c3%a9@example.org", "sip:a%C3%A9@example.org"},
      {"sip:a\xc3\xa9@example.org", "sip:a%C3%A9@example.org"},
      {"sip:a%zz@example.org", "sip:a%25zz@example.org"},
      {"sip:+358-555;phone-context=x@example.org", "sip:+358-555;phone-context=x@example.org"},
      {"sip:34020000001320000001@3402000000", "sip:34020000001320000001@3402000000"},
      {"sip:alice@[2001:DB8::1]:5060", "sip:alice@[2001:db8::1]"},
      {"sip:example.org", "sip:example.org"},
      {"tel:+3585551", nullptr},
      {"mailto:alice@example.org", nullptr},
      {"alice", nullptr},
  };
  for (const auto& c : cases) {
    CAPTURE(c.uri);
    const auto aor = canonical_aor(c.uri);
    REQUIRE(aor.has_value() == (c.aor != nullptr));
    if (!aor) continue;
    CHECK(*aor == c.aor);
    CHECK(canonical_aor(*aor) == aor);  // stable
  }
}

}  // namespace sip
