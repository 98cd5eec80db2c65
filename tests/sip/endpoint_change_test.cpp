// Calls that change while they are up: re-INVITE, UPDATE, glare, late offers, session timers.
#include <doctest/doctest.h>

#include <algorithm>

#include "tests/sip/pair.hpp"

using namespace std::chrono_literals;
using namespace sip;
using namespace sip::test;

namespace {

EndpointConfig changing() {
  EndpointConfig config;
  config.user_handles_changes = true;
  return config;
}

// A call that is up, seen from both sides; b answers what comes inside.
struct Up : Pair {
  explicit Up(EndpointConfig config = changing(), InviteSpec spec = {})
      : Pair({}, std::move(config)) {
    b.rule = a.rule = accept_calls;
    const auto usual = invite_to(a, b);
    spec.request_uri = usual.request_uri;
    spec.from = usual.from;
    spec.to = usual.to;
    spec.destination = usual.destination;
    if (!spec.late_offer) spec.body = usual.body;
    call = a.endpoint.invite(spec, now(), a.out);
    run_for(1s);
    wire.clear();
    a.heard.clear();
    b.heard.clear();
  }
  void change(Node& node, CallId which, std::string method, std::string body) {
    ChangeSpec spec;
    spec.method = std::move(method);
    spec.body = std::move(body);
    node.endpoint.change_call(which, spec, now(), node.out);
  }
  CallId call;
};

// The word that the last message of `node` with this start line would be.
std::string header_of(const std::string& bytes, const std::string& name) {
  const auto at = bytes.find("\r\n" + name + ": ");
  if (at == std::string::npos) return {};
  const auto begin = at + name.size() + 4;
  return bytes.substr(begin, bytes.find("\r\n", begin) - begin);
}

}  // namespace

TEST_CASE("re-INVITE, from either side") {
  Up up;
  SUBCASE("the caller's") {
    up.change(up.a, up.call, "INVITE", "v=0 second offer");
    up.run_for(1s);
    CHECK(up.wire == "a>INVITE b>200 a>ACK ");
    CHECK(up.a.log() == "done:200 ");
    CHECK(up.b.log() == "in-call:INVITE confirmed ");
    CHECK(up.b.bodies.back() == "v=0 second offer");
  }
  SUBCASE("the callee's") {
    up.change(up.b, up.b.call, "INVITE", "v=0 second offer");
    up.run_for(1s);
    CHECK(up.wire == "b>INVITE a>200 b>ACK ");
    CHECK(up.a.log() == "in-call:INVITE confirmed ");
    CHECK(up.b.log() == "done:200 ");
  }
  SUBCASE("UPDATE (RFC 3311)") {
    up.change(up.b, up.b.call, "UPDATE", "v=0 second offer");
    up.run_for(1s);
    CHECK(up.wire == "b>UPDATE a>200 ");
    CHECK(up.a.log() == "in-call:UPDATE ");
    CHECK(up.b.log() == "done:200 ");
  }
  SUBCASE("UPDATE without a body needs nobody") {
    up.change(up.b, up.b.call, "UPDATE", "");
    up.run_for(1s);
    CHECK(up.wire == "b>UPDATE a>200 ");
    CHECK(up.a.log() == "");
  }
  up.a.endpoint.hang_up(up.call, up.now(), up.a.out);
  up.run();
  CHECK(up.b.heard.back() == "ended:BYE from the peer");
  CHECK(up.a.endpoint.counters().transactions == 0);
  CHECK(up.b.endpoint.counters().transactions == 0);
}

TEST_CASE("a lost 200 or ACK of a re-INVITE is repaired") {
  Up up;
  int losses = 2;
  SUBCASE("200") {
    up.drop = [&](const std::string& word) { return word == "b>200" && losses-- > 0; };
  }
  SUBCASE("ACK") {
    up.drop = [&](const std::string& word) { return word == "a>ACK" && losses-- > 0; };
  }
  up.change(up.a, up.call, "INVITE", "v=0 second offer");
  up.run_for(10s);
  CHECK(up.a.log() == "done:200 ");
  CHECK(up.b.log() == "in-call:INVITE confirmed ");
}

TEST_CASE("no ACK to our 200 of a re-INVITE ends the call (14.2)") {
  Up up;
  up.drop = [](const std::string& word) { return word == "a>ACK"; };
  up.change(up.a, up.call, "INVITE", "v=0 second offer");
  up.run_for(40s);
  CHECK(up.b.log() == "in-call:INVITE ended:no ACK to our 200 ");
  CHECK(up.a.log() == "done:200 ended:BYE from the peer ");
}

TEST_CASE("a change that the user refuses, or that the endpoint refuses for it") {
  SUBCASE("the user: 488") {
    Up up;
    up.b.rule = [](Node& node, const Event& event) {
      const auto* e = std::get_if<event::IncomingRequest>(&event);
      if (!e) return;
      ResponseSpec no;
      no.status = 488;
      node.endpoint.respond(e->transaction, no, node.now, node.out);
    };
    up.change(up.a, up.call, "INVITE", "v=0 second offer");
    up.run_for(1s);
    CHECK(up.wire == "a>INVITE b>488 a>ACK ");
    CHECK(up.a.log() == "done:488 ");
    up.change(up.a, up.call, "UPDATE", "v=0 third offer");  // the call is as it was
    up.run_for(1s);
    CHECK(up.a.log() == "done:488 done:488 ");
  }
  SUBCASE("nobody asked: 488") {
    Up up{EndpointConfig{}};
    up.change(up.a, up.call, "INVITE", "v=0 second offer");
    up.run_for(1s);
    CHECK(up.a.log() == "done:488 ");
    CHECK(up.b.log() == "");
  }
  SUBCASE("the user is silent: 500") {
    auto config = changing();
    config.limits.answer_within = 3s;
    Up up{config};
    up.b.rule = [](Node&, const Event&) {};
    up.change(up.a, up.call, "INVITE", "v=0 second offer");
    up.run_for(10s);
    CHECK(up.a.log() == "done:500 ");
  }
  SUBCASE("481 ends the call (12.2.1.2)") {
    Up up;
    up.drop = [](const std::string& word) { return word == "b>BYE"; };
    up.b.endpoint.hang_up(up.b.call, up.now(), up.b.out);
    up.run_for(40s);  // b has given up
    up.drop = [](const std::string&) { return false; };
    up.a.heard.clear();
    up.change(up.a, up.call, "INVITE", "v=0 second offer");
    up.run_for(2s);
    CHECK(up.a.log() == "done:481 ended:the peer does not know the call any more ");
  }
}

TEST_CASE("glare: both offer at once, both are told 491, and one after the other succeeds (14.1)") {
  for (std::uint32_t round = 0; round < 5; ++round) {
    Up up;
    for (std::uint32_t i = 0; i < round; ++i) up.a.endpoint.random_token(3);
    up.change(up.a, up.call, "INVITE", "v=0 from a");
    up.change(up.b, up.b.call, "INVITE", "v=0 from b");
    up.run_for(200ms);
    CHECK(up.a.log() == "");
    CHECK(up.wire.find("a>491") != std::string::npos);
    CHECK(up.wire.find("b>491") != std::string::npos);
    up.run_for(1900ms);  // who does not own the Call-ID tries within 2 s
    CHECK(up.b.heard.back() == "done:200");
    CHECK(up.a.log() == "in-call:INVITE confirmed ");
    up.run_for(3s);  // who does between 2.1 and 4 s
    CAPTURE(up.wire);
    CHECK(up.a.heard.back() == "done:200");
  }
}

TEST_CASE("a change while another waits") {
  Up up;
  up.b.rule = [](Node&, const Event&) {};  // b thinks
  up.change(up.a, up.call, "INVITE", "v=0 second offer");
  up.run_for(100ms);
  SUBCASE("ours: refused here") {
    up.change(up.a, up.call, "UPDATE", "v=0 third offer");
    up.run_for(100ms);
    CHECK(up.a.log() == "done:491(impossible request) ");
  }
  SUBCASE("theirs is not answered: ours is refused here") {
    up.change(up.b, up.b.call, "UPDATE", "v=0 third offer");
    up.run_for(100ms);
    CHECK(up.b.log() == "in-call:INVITE done:491(impossible request) ");
  }
}

TEST_CASE("a second re-INVITE before the first is answered is 500 with Retry-After (14.2)") {
  Up up;
  up.b.rule = [](Node&, const Event&) {};
  std::string invite;
  up.change(up.a, up.call, "INVITE", "v=0 second offer");
  for (const auto& send : up.a.out.sends) invite = up.a.out.bytes(send);
  up.run_for(100ms);
  auto second = invite;
  second.replace(second.find("branch=z9hG4bK") + 14, 4, "XXXX");
  const auto cseq = second.find("CSeq: ");
  second.replace(cseq, second.find("\r\n", cseq) - cseq, "CSeq: 9 INVITE");
  Output out;
  up.b.endpoint.on_message(second, up.b.flow_to(up.a), up.now(), out);
  REQUIRE(out.sends.size() == 1);
  const std::string answer(out.bytes(out.sends[0]));
  CHECK(answer.starts_with("SIP/2.0 500 "));
  CHECK(!header_of(answer, "Retry-After").empty());
}

TEST_CASE("a new Contact in re-INVITE, UPDATE or their 2xx is the new target (12.2)") {
  Up up;
  std::string update;
  InCallRequestSpec info;
  up.change(up.a, up.call, "UPDATE", "");
  for (const auto& send : up.a.out.sends) update = up.a.out.bytes(send);
  REQUIRE(!header_of(update, "Contact").empty());
  const auto at = update.find("Contact: <sip:");
  update.replace(at, update.find("\r\n", at) - at, "Contact: <sip:moved@198.51.100.9:7060>");
  up.a.out.clear();
  up.b.endpoint.on_message(update, up.b.flow_to(up.a), up.now(), up.b.out);
  up.b.out.clear();
  up.b.endpoint.send_in_call(up.b.call, info, up.now(), up.b.out);
  REQUIRE(up.b.out.sends.size() == 1);
  CHECK(up.b.out.bytes(up.b.out.sends[0]).starts_with("INFO sip:moved@198.51.100.9:7060 SIP/2.0"));
  CHECK(up.b.out.sends[0].flow == up.b.flow_to(up.a));  // where its packets come from
}

TEST_CASE("late offer: the peer offers in its 200, our ACK answers (13.2.1)") {
  InviteSpec spec;
  spec.late_offer = true;
  Up up{changing(), spec};
  CHECK(up.wire == "");  // its 200 was repeated before wire was cleared; no ACK yet
  CHECK(up.b.endpoint.list_calls({}, 1).at(0).state == "accepted");
  InCallRequestSpec answer;
  answer.content_type = "application/sdp";
  answer.body = "v=0 late answer";
  std::string body;
  up.b.rule = [&](Node&, const Event& event) {
    if (const auto* e = std::get_if<event::CallConfirmed>(&event)) body = e->message->body();
  };
  CHECK(up.a.endpoint.acknowledge(up.call, answer, up.now(), up.a.out));
  CHECK_FALSE(up.a.endpoint.acknowledge(up.call, answer, up.now(), up.a.out));
  up.run_for(100ms);
  CHECK(body == "v=0 late answer");
  SUBCASE("then calls go on as others") {
    up.b.rule = accept_calls;
    up.change(up.a, up.call, "INVITE", "v=0 offer again");
    up.run_for(1s);
    CHECK(up.a.heard.back() == "done:200");
  }
  SUBCASE("re-INVITE asks for an offer too") {
    up.b.rule = accept_calls;
    ChangeSpec ask;
    ask.late_offer = true;
    up.a.rule = [&](Node& node, const Event& event) {
      if (std::holds_alternative<event::RequestDone>(event))
        node.endpoint.acknowledge(up.call, answer, node.now, node.out);
    };
    up.b.rule = [](Node& node, const Event& event) {
      const auto* e = std::get_if<event::IncomingRequest>(&event);
      if (!e) return;
      ResponseSpec offer;
      offer.content_type = "application/sdp";
      offer.body = "v=0 offer in 200";
      node.endpoint.respond(e->transaction, offer, node.now, node.out);
    };
    up.wire.clear();
    up.a.endpoint.change_call(up.call, ask, up.now(), up.a.out);
    up.run_for(1s);
    CHECK(up.wire == "a>INVITE b>200 a>ACK ");
    CHECK(up.b.heard.back() == "confirmed");
  }
}

TEST_CASE("a late offer that the user never answers: ACK and BYE") {
  InviteSpec spec;
  spec.late_offer = true;
  auto config = changing();
  config.limits.accept_within = 10s;
  Up up{config, spec};
  up.run_for(20s);
  CHECK(up.a.heard.back() == "ended:the peer does not know the call any more");
  CHECK(up.b.heard.back() == "ended:BYE from the peer");
}

// --- session timers ------------------------------------------------------------------------------

TEST_CASE("session timer: refreshed at half time by UPDATE, for as long as both live (RFC 4028)") {
  InviteSpec spec;
  spec.session_expires = 100s;
  Up up{changing(), spec};
  up.run_for(1001s);
  std::string updates;
  for (int i = 0; i < 20; ++i) updates += "a>UPDATE b>200 ";
  CHECK(up.wire == updates);
  CHECK(up.a.log() == "");
  CHECK(up.b.log() == "");
  SUBCASE("one who hears nothing any more hangs up, both do") {
    up.drop = [](const std::string&) { return true; };
    up.run_for(120s);
    CHECK(up.a.log() == "ended:the session timer ran out ");
    CHECK(up.b.log() == "ended:the session timer ran out ");
  }
}

TEST_CASE("session timer: by re-INVITE for a peer without UPDATE, with the offer as it was") {
  EndpointConfig config;
  config.allow = "INVITE, ACK, CANCEL, BYE";
  InviteSpec spec;
  spec.session_expires = 100s;
  Up up{config, spec};
  up.run_for(101s);
  CHECK(up.wire == "a>INVITE b>200 a>ACK a>INVITE b>200 a>ACK ");
  CHECK(up.b.log() == "confirmed confirmed ");  // nobody was asked
}

TEST_CASE("session timer: too short an interval is told 422 and asked for again (RFC 4028 6)") {
  EndpointConfig config;
  config.min_se = 300s;
  Pair pair({}, {});
  Endpoint strict(config, Seed{9});
  // b with a higher minimum than a
  Node b("192.0.2.2:5060", 2, config);
  Output out, back;
  auto spec = invite_to(pair.a, pair.b);
  spec.session_expires = 100s;
  Endpoint a({}, Seed{5});
  a.invite(spec, {}, out);
  const std::string first(out.bytes(out.sends.at(0)));
  CHECK(header_of(first, "Session-Expires") == "100");
  CHECK(header_of(first, "Supported") == "timer");
  strict.on_message(first, pair.b.flow_to(pair.a), {}, back);
  const std::string refusal(back.bytes(back.sends.at(0)));
  CHECK(refusal.starts_with("SIP/2.0 422 "));
  CHECK(header_of(refusal, "Min-SE") == "300");
  out.clear();
  a.on_message(refusal, pair.a.flow_to(pair.b), {}, out);
  REQUIRE(out.sends.size() == 2);  // ACK, and the next try
  const std::string second(out.bytes(out.sends[1]));
  CHECK(header_of(second, "Session-Expires") == "300");
  CHECK(header_of(second, "Min-SE") == "300");
  CHECK(header_of(second, "CSeq") == "2 INVITE");
  CHECK(header_of(second, "Call-ID") == header_of(first, "Call-ID"));
}

TEST_CASE(
    "session timer: the callee's wish, refreshed by the caller that supports it, else by it") {
  EndpointConfig config = changing();
  config.session_expires = 120s;
  Up up{config};
  up.run_for(61s);
  CHECK(up.wire == "b>UPDATE a>200 ");  // a did not say that it supports timers
}

TEST_CASE("a change that waits for its next try does not outlive the call") {
  Up up;
  up.change(up.a, up.call, "INVITE", "v=0 from a");
  up.change(up.b, up.b.call, "INVITE", "v=0 from b");
  up.run_for(50ms);
  up.drop = [](const std::string&) { return true; };
  up.b.endpoint.hang_up(up.b.call, up.now(), up.b.out);
  up.a.endpoint.hang_up(up.call, up.now(), up.a.out);
  up.run();
  CHECK(up.a.heard.back() == "ended:hung up here");
  CHECK(up.b.heard.back() == "ended:hung up here");
  CHECK(std::count(up.a.heard.begin(), up.a.heard.end(), "done:481(impossible request)") == 1);
  CHECK(up.a.endpoint.next_deadline() == never);
}

TEST_CASE("a re-INVITE that nobody has answered is told 487 when the call ends (15.1.2)") {
  struct Case {
    const char* name;
    bool by_its_sender;
  };
  for (const Case& c : {Case{"who asked hangs up", true}, Case{"who was asked hangs up", false}}) {
    CAPTURE(c.name);
    Up up;
    up.b.rule = [](Node&, const Event&) {};  // b thinks
    up.change(up.a, up.call, "INVITE", "v=0 second offer");
    up.run_for(100ms);
    if (c.by_its_sender)
      up.a.endpoint.hang_up(up.call, up.now(), up.a.out);
    else
      up.b.endpoint.hang_up(up.b.call, up.now(), up.b.out);
    up.run();
    CHECK(up.wire.find("487") != std::string::npos);
    CHECK(up.b.endpoint.counters().transactions == 0);
    CHECK(up.a.endpoint.counters().transactions == 0);
  }
}
