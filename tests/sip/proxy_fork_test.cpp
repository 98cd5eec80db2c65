// Forking, the best answer, CANCEL and the timers of RFC 3261 16.7 to 16.10.
#include <doctest/doctest.h>

#include "tests/sip/server_scene.hpp"

using namespace sip;
using namespace sip::test;
using namespace std::chrono_literals;

namespace {

constexpr auto bob_uri = "sip:bob@example.org";

ServerConfig without_trying() {
  auto config = open_proxy();
  config.trying_at_once = false;
  return config;
}

// Bob has two telephones that ring at once.
struct Fork : Scene {
  explicit Fork(std::uint16_t q_of_second = 1000, ServerConfig config = without_trying())
      : Scene(std::move(config)) {
    bind("bob", "sip:bob@192.0.2.21:5060", "bob2", q_of_second);
    bind("bob", "sip:bob@192.0.2.20:5060", "bob");
  }
  void call(const RequestOptions& options = {}) {
    send("alice", request("INVITE", bob_uri, options));
  }
  void cancel() { send("alice", request("CANCEL", bob_uri, {})); }
  std::size_t left() {
    run_for(240s);
    take();
    return server.counters().transactions + server.server_counters().contexts;
  }
};

}  // namespace

TEST_CASE("fork: one answers, the other is cancelled") {
  Fork s;
  s.call();
  CHECK(s.take() == "bob<INVITE bob2<INVITE");
  CHECK(header_of(s.last("bob", "INVITE"), "Max-Breadth") == "30");
  CHECK(s.server.list(10).size() == 1);
  CHECK(s.server.list(10)[0].branches.size() == 2);
  s.reply("bob", "INVITE", 180);
  s.reply("bob2", "INVITE", 180);
  CHECK(s.take() == "alice<180 alice<180");
  s.reply("bob", "INVITE", 200);
  CHECK(s.take() == "alice<200 bob2<CANCEL");
  const auto invite = s.last("bob2", "INVITE");
  const auto cancel = s.last("bob2", "CANCEL");
  CHECK(header_of(invite, "Via").starts_with(header_of(cancel, "Via") + " | "));
  CHECK(header_of(cancel, "CSeq") == "1 CANCEL");
  s.reply("bob2", "CANCEL", 200);
  s.reply("bob2", "INVITE", 487);
  CHECK(s.take() == "bob2<ACK");
  CHECK(s.left() == 0);
}

TEST_CASE("fork: a CANCEL waits for a provisional answer") {
  Fork s;
  s.call();
  s.take();
  s.reply("bob", "INVITE", 200);
  CHECK(s.take() == "alice<200");
  s.reply("bob2", "INVITE", 180);
  CHECK(s.take() == "bob2<CANCEL");
  s.reply("bob2", "INVITE", 487);
  CHECK(s.left() == 0);
}

TEST_CASE("fork: both answer, and both answers go up; so do late ones") {
  Fork s;
  s.call();
  s.reply("bob", "INVITE", 200);
  s.reply("bob2", "INVITE", 200);
  CHECK(s.take() == "bob<INVITE bob2<INVITE alice<200 alice<200");
  CHECK(s.server.server_counters().contexts == 0);
  s.reply("bob2", "INVITE", 200);  // once more: its ACK was lost
  CHECK(s.take() == "alice<200");
  s.run_for(40s);
  s.take();
  s.reply("bob2", "INVITE", 200);  // RFC 6026: nothing is known of it any more
  CHECK(s.take() == "");
  CHECK(s.left() == 0);
}

TEST_CASE("fork: the best of several failures") {
  struct Case {
    const char* name;
    int first, second;
    const char* answer;
  };
  const Case cases[] = {
      {"a lower class wins", 404, 302, "302"},
      {"6xx wins over all", 302, 603, "603"},
      {"the first of a class", 404, 410, "404"},
      {"a challenge tells more", 404, 401, "401"},
      {"so does 407", 486, 407, "407"},
      {"415 tells more than 486", 486, 415, "415"},
      {"420 tells more than 404", 404, 420, "420"},
      {"484 tells more than 480", 480, 484, "484"},
      {"4xx before 5xx", 500, 486, "486"},
      {"503 is not passed on", 503, 503, "500"},
      {"503 is worse than 501", 503, 501, "501"},
      {"a timeout is worse than busy", 408, 486, "486"},
  };
  for (const auto& c : cases) {
    CAPTURE(c.name);
    auto config = without_trying();
    config.recurse_redirects = false;
    Fork s(1000, config);
    s.call();
    s.reply("bob", "INVITE", c.first);
    CHECK(s.take() == "bob<INVITE bob2<INVITE bob<ACK");
    s.reply("bob2", "INVITE", c.second);
    CHECK(s.take() == std::string("bob2<ACK alice<") + c.answer);
    CHECK(s.left() == 0);
  }
}

TEST_CASE("fork: challenges of all branches go up together") {
  Fork s;
  s.call();
  s.reply("bob", "INVITE", 401, {{"WWW-Authenticate", "Digest realm=\"one\", nonce=\"1\""}});
  s.reply("bob2", "INVITE", 407, {{"Proxy-Authenticate", "Digest realm=\"two\", nonce=\"2\""}});
  const auto answer = s.last("alice", "401");
  CHECK(header_of(answer, "WWW-Authenticate") == "Digest realm=\"one\", nonce=\"1\"");
  CHECK(header_of(answer, "Proxy-Authenticate") == "Digest realm=\"two\", nonce=\"2\"");
}

TEST_CASE("fork: 6xx ends the search; the others are cancelled first") {
  Fork s(500);
  s.bind("bob", "sip:bob@192.0.2.30:5060", "carol");
  s.call();
  CHECK(s.take() == "carol<INVITE bob<INVITE");
  s.reply("carol", "INVITE", 180);
  s.reply("bob", "INVITE", 603);
  CHECK(s.take() == "alice<180 bob<ACK carol<CANCEL");
  s.reply("carol", "INVITE", 487);
  CHECK(s.take() == "carol<ACK alice<603");
  CHECK(s.left() == 0);
}

TEST_CASE("fork: one after the other by q") {
  Fork s(500);
  s.call();
  CHECK(s.take() == "bob<INVITE");
  s.reply("bob", "INVITE", 486);
  CHECK(s.take() == "bob<ACK bob2<INVITE");
  CHECK(uri_of(s.last("bob2", "INVITE")) == "sip:bob@192.0.2.21:5060");
  CHECK(header_of(s.last("bob2", "INVITE"), "Max-Forwards") == "69");
  CHECK(header_of(s.last("bob2", "INVITE"), "Via") != header_of(s.last("bob", "INVITE"), "Via"));
  s.reply("bob2", "INVITE", 200);
  CHECK(s.take() == "alice<200");
  CHECK(s.left() == 0);
}

TEST_CASE("fork: little breadth makes it one after the other (RFC 5393)") {
  Fork s;
  s.call({.extra = "Max-Breadth: 1\r\n"});
  CHECK(s.take() == "bob<INVITE");
  CHECK(header_of(s.last("bob", "INVITE"), "Max-Breadth") == "1");
  s.reply("bob", "INVITE", 486);
  CHECK(s.take() == "bob<ACK bob2<INVITE");
}

TEST_CASE("cancel: what rings is cancelled, and 487 goes up") {
  Fork s;
  s.call();
  s.reply("bob", "INVITE", 180);
  s.reply("bob2", "INVITE", 100);
  s.take();
  s.cancel();
  CHECK(s.take() == "alice<200 bob<CANCEL bob2<CANCEL");
  CHECK(header_of(s.last("alice", "200"), "CSeq") == "1 CANCEL");
  s.reply("bob", "INVITE", 487);
  s.reply("bob2", "INVITE", 487);
  CHECK(s.take() == "bob<ACK bob2<ACK alice<487");
  CHECK(s.left() == 0);
}

TEST_CASE("cancel: crossing a 200, the call stands") {
  Fork s;
  s.call();
  s.reply("bob", "INVITE", 180);
  s.reply("bob2", "INVITE", 180);
  s.take();
  s.cancel();
  CHECK(s.take() == "alice<200 bob<CANCEL bob2<CANCEL");
  s.reply("bob", "INVITE", 200);
  CHECK(s.take() == "alice<200");
  CHECK(header_of(s.last("alice", "200"), "CSeq") == "1 INVITE");
  s.reply("bob2", "INVITE", 487);
  CHECK(s.take() == "bob2<ACK");
  CHECK(s.left() == 0);
}

TEST_CASE("cancel: no further target is tried, also not before anything was heard") {
  Fork s(500);
  s.call();
  s.take();
  s.cancel();
  CHECK(s.take() == "alice<200");
  s.reply("bob", "INVITE", 180);
  CHECK(s.take() == "bob<CANCEL alice<180");
  s.reply("bob", "INVITE", 487);
  CHECK(s.take() == "bob<ACK alice<487");
  CHECK(s.left() == 0);
}

TEST_CASE("cancel: who never answers the CANCEL is forgotten after 64*T1") {
  Fork s(500);
  s.call();
  s.reply("bob", "INVITE", 180);
  s.cancel();
  s.take();
  s.run_for(31s);
  CHECK(s.server.server_counters().contexts == 1);
  s.take();
  s.run_for(1100ms);
  CHECK(s.take() == "bob<CANCEL alice<487");
  CHECK(s.server.server_counters().contexts == 0);
  CHECK(s.left() == 0);
}

TEST_CASE("cancel: after the answer it changes nothing; without an INVITE it is passed on") {
  Fork s;
  s.call();
  s.reply("bob", "INVITE", 200);
  s.take();
  s.cancel();
  CHECK(s.take() == "alice<200");
  Fork t;
  t.cancel();
  CHECK(t.take() == "bob<CANCEL");
  t.reply("bob", "CANCEL", 481);
  CHECK(t.take() == "alice<481");
}

TEST_CASE("timers: nobody answers") {
  Scene s(without_trying());
  s.timed = true;
  s.send("alice", request("INVITE", "sip:bob@192.0.2.20"));
  s.run_for(33s);
  CHECK(s.take().starts_with(
      "0:bob<INVITE 200:alice<100 500:bob<INVITE 1500:bob<INVITE 3500:bob<INVITE 7500:bob<INVITE "
      "15500:bob<INVITE 31500:bob<INVITE 32000:alice<408 32500:alice<408"));
  s.run_for(60s);
  CHECK(s.server.counters().transactions == 0);
}

TEST_CASE("timers: a request that is no INVITE ends in silence (RFC 4320)") {
  Scene s;
  s.send("alice", request("MESSAGE", "sip:bob@192.0.2.20"));
  s.run_for(33s);
  CHECK(s.take() ==
        "bob<MESSAGE bob<MESSAGE bob<MESSAGE bob<MESSAGE bob<MESSAGE bob<MESSAGE bob<MESSAGE "
        "bob<MESSAGE bob<MESSAGE bob<MESSAGE bob<MESSAGE");
  CHECK(s.server.counters().transactions == 0);
  CHECK(s.server.server_counters().contexts == 0);
}

TEST_CASE("timers: C ends what only rings, and a provisional answer holds it off") {
  Scene s(without_trying());
  s.timed = true;
  s.send("alice", request("INVITE", "sip:bob@192.0.2.20"));
  s.reply("bob", "INVITE", 180);
  s.run_for(100s);
  s.reply("bob", "INVITE", 183);
  CHECK(s.take() == "0:bob<INVITE 0:alice<180 100000:alice<183");
  s.run_for(184s);
  CHECK(s.take() == "");
  s.run_for(2s);
  CHECK(s.take() == "285000:bob<CANCEL 285500:bob<CANCEL");
  s.reply("bob", "CANCEL", 200);
  s.reply("bob", "INVITE", 487);
  CHECK(s.take() == "286000:bob<ACK 286000:alice<408");
  CHECK(s.server.server_counters().timer_c == 1);
}

TEST_CASE("failures: a target that cannot be reached counts as 503, and the next is tried") {
  Fork s(500);
  s.call();
  s.fail_sends_to("bob");
  CHECK(s.take() == "bob<INVITE bob2<INVITE");
  s.fail_sends_to("bob2");
  CHECK(s.take() == "alice<500");
  CHECK(s.left() == 0);
}

TEST_CASE("DNS: the addresses of a target are tried in turn (RFC 3263 4.3)") {
  Scene s(without_trying());
  s.send("alice", request("INVITE", "sip:carol@carol.example.com"));
  CHECK(s.take() == "?sip:carol@carol.example.com");
  s.resolve(0, {"bob", "bob2", "carol"});
  CHECK(s.take() == "bob<INVITE");
  s.fail_sends_to("bob");
  CHECK(s.take() == "bob2<INVITE");
  CHECK(header_of(s.last("bob", "INVITE"), "Via") != header_of(s.last("bob2", "INVITE"), "Via"));
  s.reply("bob2", "INVITE", 503);
  CHECK(s.take() == "bob2<ACK carol<INVITE");
  s.reply("carol", "INVITE", 486);
  CHECK(s.take() == "carol<ACK alice<486");
  CHECK(s.server.server_counters().failovers == 2);
}

TEST_CASE("DNS: nowhere to go, and a CANCEL while it is asked") {
  Scene s(without_trying());
  s.send("alice", request("INVITE", "sip:carol@carol.example.com"));
  s.resolve(0, {});
  CHECK(s.take() == "?sip:carol@carol.example.com alice<500");
  Scene t(without_trying());
  t.send("alice", request("INVITE", "sip:carol@carol.example.com"));
  t.send("alice", request("CANCEL", "sip:carol@carol.example.com"));
  CHECK(t.take() == "?sip:carol@carol.example.com alice<200 alice<487");
  t.resolve(0, {"bob"});
  CHECK(t.take() == "");
}

TEST_CASE("redirections of a target are followed, each once") {
  Scene s(without_trying());
  s.bind("bob", "sip:bob@192.0.2.20:5060", "bob");
  s.send("alice", request("INVITE", bob_uri, {.body = "v=0"}));
  s.reply("bob", "INVITE", 302,
          {{"Contact", "<sip:bob@192.0.2.21:5060>;q=0.5, <sip:bob@192.0.2.30:5060>;q=0.9"}});
  CHECK(s.take() == "bob<INVITE bob<ACK carol<INVITE");
  CHECK(uri_of(s.last("carol", "INVITE")) == "sip:bob@192.0.2.30:5060");
  CHECK(s.last("carol", "INVITE").ends_with("\r\n\r\nv=0"));
  s.reply("carol", "INVITE", 302, {{"Contact", "<sip:bob@192.0.2.20:5060>"}});  // back again
  CHECK(s.take() == "carol<ACK bob2<INVITE");
  s.reply("bob2", "INVITE", 486);
  CHECK(s.take() == "bob2<ACK alice<302");
}

TEST_CASE("repeated requests are not forwarded again") {
  Fork s(500);
  s.call();
  s.call();
  CHECK(s.take() == "bob<INVITE");
  s.reply("bob", "INVITE", 180);
  s.call();
  CHECK(s.take() == "alice<180 alice<180");
  Scene t;
  t.send("alice", request("MESSAGE", "sip:bob@192.0.2.20"));
  t.send("alice", request("MESSAGE", "sip:bob@192.0.2.20"));
  t.reply("bob", "MESSAGE", 200);
  t.send("alice", request("MESSAGE", "sip:bob@192.0.2.20"));
  CHECK(t.take() == "bob<MESSAGE alice<200 alice<200");
}

TEST_CASE("limits: more branches than allowed are not tried; full, it says when to come again") {
  auto config = without_trying();
  config.limits.branches = 1;
  Fork s(1000, config);
  s.call();
  CHECK(s.take() == "bob<INVITE");
  auto small = without_trying();
  small.limits.contexts = 1;
  Fork t(500, small);
  t.call();
  t.call({.via = "SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bK-a9", .call_id = "call-2"});
  CHECK(t.take() == "bob<INVITE alice<503");
  CHECK(std::stoi(header_of(t.last("alice", "503"), "Retry-After")) >= 5);
  CHECK(t.server.counters().refused_overload == 1);
}
