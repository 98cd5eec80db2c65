// The reg event (RFC 3680) of a Server in virtual time: who may watch, what is
// told, when.
#include <doctest/doctest.h>

#include <regex>

#include "sip/digest.hpp"
#include "tests/sip/server_scene.hpp"

using namespace sip;
using namespace sip::test;
using namespace std::chrono_literals;

namespace {

struct Users : Accounts {
  bool find(std::string_view user, std::string_view, Secret& secret) const override {
    if (user != "alice" && user != "bob") return false;
    secret = {};
    secret.password = "secret";
    return true;
  }
};

struct Subscribe {
  std::string_view uri = "sip:alice@example.org";
  std::string_view from = "<sip:alice@example.org>;tag=w1";
  std::string_view to_tag = {};
  std::string_view extra = "Event: reg\r\nExpires: 600\r\n";
  std::string_view call_id = "watch-1";
  int cseq = 1;
};

std::string subscribe(const Subscribe& s = {}) {
  auto to = "<sip:alice@example.org>" + std::string(s.to_tag.empty() ? "" : ";tag=");
  to += s.to_tag;
  const auto via = "SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bK-" + std::string(s.call_id) +
                   std::to_string(s.cseq);
  return request("SUBSCRIBE", s.uri,
                 {.from = s.from,
                  .to = to,
                  .via = via,
                  .call_id = s.call_id,
                  .cseq = s.cseq,
                  .extra = s.extra});
}

std::string registering(std::string_view contact, int expires, int cseq) {
  const auto aor = "<sip:alice@example.org>";
  const auto via = "SIP/2.0/UDP 192.0.2.20:5060;branch=z9hG4bK-r" + std::to_string(cseq);
  const auto line = "X: 1\r\nm: <" + std::string(contact) + ">;expires=" + std::to_string(expires);
  auto text = request("REGISTER", "sip:example.org",
                      {.from = std::string(aor) + ";tag=r",
                       .to = aor,
                       .via = via,
                       .call_id = "reg",
                       .cseq = cseq,
                       .extra = line + "\r\n"});
  const auto own = text.find("Contact: ");
  return text.erase(own, text.find("X: 1", own) - own);
}

std::string tag_in(const std::string& message) {
  const auto parsed = parse_message(message);
  return parsed ? std::string(parsed->to()->tag()) : "";
}

// "0 full +sip:bob@h active;expires=600": what the newest NOTIFY that alice got
// says.
std::string told(const Scene& s) {
  const auto notify = s.last("alice", "NOTIFY");
  std::smatch head;
  std::regex_search(notify, head, std::regex("version=\"(\\d+)\" state=\"(\\w+)\""));
  auto out = head[1].str() + " " + head[2].str();
  const std::regex contact("<contact[^>]* event=\"(\\w+)\"[^>]*><uri>([^<]*)");
  for (std::sregex_iterator i(notify.begin(), notify.end(), contact), end; i != end; ++i)
    out += " " + (*i)[1].str() + " " + (*i)[2].str();
  return out + " " + header_of(notify, "Subscription-State");
}

ServerConfig unasked() {
  auto config = open_proxy();
  config.authenticate_register = false;
  return config;
}

// `alice` watches and her NOTIFYs are answered.
struct Watching : Scene {
  explicit Watching(ServerConfig config = unasked()) : Scene(std::move(config)) {
    send("alice", subscribe());
    reply("alice", "NOTIFY", 200);
    CHECK(take() == "alice<200 alice<NOTIFY");
  }
  void change(std::string_view contact, int expires) {
    send("bob", registering(contact, expires, ++cseq));
    CHECK(last("bob", "200") != "");
  }
  int cseq = 0;
};

}  // namespace

TEST_CASE("reg event: who may, and how it must be asked") {
  const struct {
    const char* name;
    Subscribe what;
    const char* trace;
    const char* header;
    const char* value;
  } cases[] = {
      {"oneself", {}, "alice<200 alice<NOTIFY", "Expires", "600"},
      {"no time said", {.extra = "Event: reg\r\n"}, "alice<200 alice<NOTIFY", "Expires", "3761"},
      {"too long",
       {.extra = "Event: reg\r\nExpires: 99999999\r\n"},
       "alice<200 alice<NOTIFY",
       "Expires",
       "86400"},
      {"too short", {.extra = "Event: reg\r\nExpires: 59\r\n"}, "alice<423", "Min-Expires", "60"},
      {"another", {.from = "<sip:mallory@example.org>;tag=m"}, "alice<403", "", ""},
      {"another package, of the server",
       {.uri = "sip:example.org", .extra = "Event: presence\r\n"},
       "alice<489",
       "Allow-Events",
       "reg"},
      {"another package, of a user: the user's own business",
       {.extra = "Event: presence\r\n"},
       "bob2<SUBSCRIBE",
       "",
       ""},
      {"no package, of the server", {.uri = "sip:example.org", .extra = ""}, "alice<489", "", ""},
      {"of nobody", {.uri = "sip:example.org"}, "alice<404", "", ""},
      {"Accept suits",
       {.extra = "Event: reg\r\nAccept: text/plain, "
                 "application/reginfo+xml;q=1\r\n"},
       "alice<200 alice<NOTIFY",
       "Expires",
       "3761"},
      {"Accept does not",
       {.extra = "Event: reg\r\nAccept: text/plain\r\n"},
       "alice<406",
       "Accept",
       "application/reginfo+xml"},
      {"Require",
       {.extra = "Event: reg\r\nRequire: eventlist\r\n"},
       "alice<420",
       "Unsupported",
       "eventlist"},
      {"in a dialog that is not there",
       {.uri = "sip:192.0.2.1:5060", .to_tag = "nobody"},
       "alice<481",
       "",
       ""},
  };
  for (const auto& c : cases) {
    CAPTURE(c.name);
    Scene s(unasked());
    s.bind("alice", "sip:alice@192.0.2.21:5060", "bob2");
    s.send("alice", subscribe(c.what));
    CHECK(s.take() == c.trace);
    const std::string trace(c.trace);
    if (*c.header) CHECK(header_of(s.last("alice", trace.substr(6, 3)), c.header) == c.value);
  }
}

TEST_CASE("reg event: who is asked for a password, and 403 for other users") {
  Users users;
  const struct {
    const char* user;
    const char* trace;
  } cases[] = {{"alice", "alice<200 alice<NOTIFY"}, {"bob", "alice<403"}};
  for (const auto& c : cases) {
    CAPTURE(c.user);
    Scene s(open_proxy(), &users);
    s.send("alice", subscribe());
    CHECK(s.take() == "alice<401");
    DigestClient client(c.user, "secret");
    const auto challenge = header_of(s.last("alice", "401"), "WWW-Authenticate");
    const auto first = challenge.substr(0, challenge.find(" | "));
    REQUIRE(client.on_challenges({first}));
    const auto extra = "Event: reg\r\nAuthorization: " +
                       client.authorization({"SUBSCRIBE", {}}, "sip:alice@example.org", "c0ffee") +
                       "\r\n";
    s.send("alice", subscribe({.extra = extra, .cseq = 2}));
    CHECK(s.take() == c.trace);
  }
}

TEST_CASE("reg event: what is told, and when") {
  Watching s;
  CHECK(told(s) == "0 full active;expires=600");
  CHECK(header_of(s.last("alice", "NOTIFY"), "Event") == "reg");
  CHECK(header_of(s.last("alice", "NOTIFY"), "Contact") == "<sip:192.0.2.1:5060>");
  CHECK(uri_of(s.last("alice", "NOTIFY")) == "sip:alice@192.0.2.10:5060");
  s.run_for(10s);
  s.change("sip:a@h1", 300);
  CHECK(s.take() == "bob<200 alice<NOTIFY");
  CHECK(told(s) == "1 partial registered sip:a@h1 active;expires=590");
  s.reply("alice", "NOTIFY", 200);
  SUBCASE("many changes in a second are one NOTIFY") {
    s.run_for(200ms);
    s.change("sip:a@h2", 300);
    s.change("sip:a@h3", 300);
    s.change("sip:a@h2", 0);
    CHECK(s.take() == "bob<200 bob<200 bob<200");
    s.run_for(799ms);
    CHECK(s.take() == "");
    s.run_for(1ms);
    CHECK(s.take() == "alice<NOTIFY");
    CHECK(told(s) == "2 partial registered sip:a@h3 active;expires=589");
  }
  SUBCASE("changes while a NOTIFY is under way wait for its answer") {
    s.run_for(5s);
    s.change("sip:a@h2", 300);
    CHECK(s.take() == "bob<200 alice<NOTIFY");
    s.run_for(100ms);
    s.change("sip:a@h3", 300);
    s.run_for(3s);
    CHECK(s.take() == "bob<200 alice<NOTIFY alice<NOTIFY");  // the first one, again
    s.reply("alice", "NOTIFY", 200);
    CHECK(s.take() == "alice<NOTIFY");
    CHECK(told(s) == "3 partial registered sip:a@h3 active;expires=582");
  }
  SUBCASE("expired") {
    s.run_for(300s + 400ms);
    CHECK(s.take() == "alice<NOTIFY");
    CHECK(told(s).starts_with("2 partial expired sip:a@h1 active;expires="));
  }
  SUBCASE("unregistered") {
    s.run_for(5s);
    s.change("sip:a@h1", 0);
    CHECK(s.take() == "bob<200 alice<NOTIFY");
    CHECK(told(s) == "2 partial unregistered sip:a@h1 active;expires=585");
  }
  SUBCASE("removed by somebody else, as an operator does") {
    s.run_for(5s);
    s.act([](Server& server, TimePoint now, Output& out) {
      CHECK(server.remove("sip:alice@example.org", "sip:a@h1", now, out));
      CHECK_FALSE(server.remove("sip:alice@example.org", "sip:a@h1", now, out));
    });
    CHECK(s.take() == "alice<NOTIFY");
    CHECK(told(s) == "2 partial deactivated sip:a@h1 active;expires=585");
  }
  SUBCASE("refreshed") {
    s.run_for(5s);
    s.change("sip:a@h1", 300);
    CHECK(s.take() == "bob<200 alice<NOTIFY");
    CHECK(told(s) == "2 partial refreshed sip:a@h1 active;expires=585");
  }
  SUBCASE("other people's registrations are not told") {
    auto other = registering("sip:b@h", 300, 50);
    for (auto at = other.find("alice@"); at != other.npos; at = other.find("alice@"))
      other.replace(at, 5, "carol");
    s.run_for(5s);
    s.send("bob", other);
    s.run_for(5s);
    CHECK(s.take() == "bob<200");
  }
}

TEST_CASE("reg event: refreshes are not told when nobody wants to know") {
  auto config = unasked();
  config.reg_event.tell_refreshes = false;
  Watching s(config);
  s.run_for(5s);
  s.change("sip:a@h1", 300);
  s.reply("alice", "NOTIFY", 200);
  s.run_for(5s);
  s.change("sip:a@h1", 300);
  s.run_for(5s);
  CHECK(s.take() == "bob<200 alice<NOTIFY bob<200");
}

TEST_CASE("reg event: a subscription's life") {
  Watching s;
  const auto tag = tag_in(s.last("alice", "200"));
  const auto again = [&](const char* extra, int cseq) {
    s.send("alice",
           subscribe({.uri = "sip:192.0.2.1:5060", .to_tag = tag, .extra = extra, .cseq = cseq}));
  };
  s.run_for(10s);
  SUBCASE("is refreshed: the whole state again") {
    again("Event: reg\r\nExpires: 900\r\n", 2);
    CHECK(s.take() == "alice<200 alice<NOTIFY");
    CHECK(told(s) == "1 full active;expires=900");
    CHECK(tag_in(s.last("alice", "200")) == tag);
  }
  SUBCASE("the same SUBSCRIBE again gets the same answer, and no NOTIFY") {
    s.send("alice", subscribe());
    CHECK(s.take() == "alice<200");
  }
  SUBCASE("an older CSeq") {
    again("Event: reg\r\nExpires: 900\r\n", 0);
    CHECK(s.take() == "alice<500");
  }
  SUBCASE("a refresh that is too short") {
    again("Event: reg\r\nExpires: 5\r\n", 2);
    CHECK(s.take() == "alice<423");
  }
  SUBCASE("is ended by its subscriber") {
    again("Event: reg\r\nExpires: 0\r\n", 2);
    CHECK(s.take() == "alice<200 alice<NOTIFY");
    CHECK(told(s) == "1 full terminated;reason=timeout");
    s.reply("alice", "NOTIFY", 200);
    again("Event: reg\r\nExpires: 0\r\n", 3);
    CHECK(s.take() == "alice<481");
  }
  SUBCASE("runs out") {
    s.run_for(589s);
    CHECK(s.take() == "");
    s.run_for(1s);
    CHECK(s.take() == "alice<NOTIFY");
    CHECK(told(s) == "1 full terminated;reason=timeout");
    s.reply("alice", "NOTIFY", 200);
  }
  SUBCASE("ends when the subscriber does not know it any more") {
    s.change("sip:a@h1", 300);
    s.reply("alice", "NOTIFY", 481);
    s.run_for(5s);
    s.change("sip:a@h2", 300);
    CHECK(s.take() == "bob<200 alice<NOTIFY bob<200");
  }
  SUBCASE("ends when nobody answers") {
    s.change("sip:a@h1", 300);
    s.run_for(33s);
    s.take();
    s.change("sip:a@h2", 300);
    CHECK(s.take() == "bob<200");
  }
  SUBCASE("ends when a NOTIFY cannot be sent") {
    s.change("sip:a@h1", 300);
    s.fail_sends_to("alice");
    s.run_for(5s);
    s.change("sip:a@h2", 300);
    CHECK(s.take() == "bob<200 alice<NOTIFY bob<200");
  }
  SUBCASE("outlives an error that may pass") {
    s.change("sip:a@h1", 300);
    s.reply("alice", "NOTIFY", 500);
    s.run_for(5s);
    s.change("sip:a@h2", 300);
    CHECK(s.take() == "bob<200 alice<NOTIFY bob<200 alice<NOTIFY");
  }
  s.run_for(700s);
  s.reply("alice", "NOTIFY", 200);
  s.run_for(700s);
  CHECK(s.server.counters().transactions == 0);
}

TEST_CASE("reg event: asked once") {
  Scene s(unasked());
  s.bind("alice", "sip:a@h", "bob");
  s.send("alice", subscribe({.extra = "Event: reg;id=7\r\nExpires: 0\r\n"}));
  CHECK(s.take() == "alice<200 alice<NOTIFY");
  CHECK(told(s) == "0 full registered sip:a@h terminated;reason=timeout");
  CHECK(header_of(s.last("alice", "NOTIFY"), "Event") == "reg;id=7");
  CHECK(s.server.counters().subscriptions == 0);
}

TEST_CASE("reg event: a lost connection") {
  Scene s(unasked());
  const auto browser = flow_between("192.0.2.1:8080", "192.0.2.40:40000", Transport::ws, 5);
  s.peer("browser", browser);
  s.bind("alice", "sip:a@x.invalid;transport=ws", "browser");
  s.send("alice", subscribe());
  s.reply("alice", "NOTIFY", 200);
  s.run_for(2s);
  s.take();
  s.server.on_connection_closed(browser, s.now, s.out);
  s.run_for(1ms);
  CHECK(s.take() == "alice<NOTIFY");
  CHECK(told(s) == "1 partial deactivated sip:a@x.invalid;transport=ws active;expires=598");
}

TEST_CASE("reg event: bounds") {
  auto config = unasked();
  config.reg_event.subscriptions = 3;
  config.reg_event.subscriptions_per_aor = 2;
  Scene s(config);
  const struct {
    const char* uri;
    const char* from;
    const char* call_id;
    const char* trace;
  } cases[] = {
      {"sip:alice@example.org", "<sip:alice@example.org>;tag=1", "1", "alice<200 alice<NOTIFY"},
      {"sip:alice@example.org", "<sip:alice@example.org>;tag=2", "2", "alice<200 alice<NOTIFY"},
      {"sip:alice@example.org", "<sip:alice@example.org>;tag=3", "3", "alice<503"},
      {"sip:bob@example.org", "<sip:bob@example.org>;tag=4", "4", "alice<200 alice<NOTIFY"},
      {"sip:carol@example.org", "<sip:carol@example.org>;tag=5", "5", "alice<503"},
  };
  for (const auto& c : cases) {
    s.send("alice", subscribe({.uri = c.uri, .from = c.from, .call_id = c.call_id}));
    CHECK(s.take() == c.trace);
  }
  const std::string long_header(5000, 'x');
  s.send("alice", subscribe({.extra = "Event: reg\r\nX: " + long_header + "\r\n", .call_id = "6"}));
  CHECK(s.take() == "alice<513");
  CHECK(s.server.counters().subscriptions == 3);
  s.run_for(700s);
  CHECK(s.server.counters().subscriptions == 0);
}
