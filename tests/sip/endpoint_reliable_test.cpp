// Reliable provisional answers (RFC 3262), and forks.
#include <doctest/doctest.h>

#include <memory>

#include "tests/sip/pair.hpp"

using namespace std::chrono_literals;
using namespace sip;
using namespace sip::test;

namespace {

// b rings reliably and answers when told.
struct Ringing : Pair {
  explicit Ringing(std::string body = {}, Reliable100 reliable = Reliable100::supported) {
    b.rule = [this, body](Node& node, const Event& event) {
      if (std::holds_alternative<event::IncomingCall>(event)) {
        ResponseSpec progress;
        progress.status = 183;
        progress.reliable = true;
        progress.body = body;
        progress.content_type = "application/sdp";
        taken = node.endpoint.answer(node.call, progress, node.now, node.out);
      } else {
        answer_requests(node, event);
      }
    };
    auto spec = invite_to(a, b);
    spec.reliable = reliable;
    call = a.endpoint.invite(spec, now(), a.out);
  }
  bool taken = false;
  CallId call;
};

}  // namespace

TEST_CASE("a reliable 183 is acknowledged by PRACK, then answered") {
  Ringing pair;
  pair.run_for(1s);
  CHECK(pair.wire == "a>INVITE b>183 a>PRACK b>200 ");
  CHECK(pair.a.log() == "progress:183 ");
  CHECK(pair.b.log() == "call prack ");
  CHECK(pair.b.endpoint.answer(pair.b.call, {}, pair.now(), pair.b.out));
  pair.run_for(1s);
  CHECK(pair.a.heard.back() == "answered");
  pair.a.endpoint.hang_up(pair.call, pair.now(), pair.a.out);
  pair.run();
  CHECK(pair.b.heard.back() == "ended:BYE from the peer");
  CHECK(pair.a.endpoint.counters().transactions == 0);
}

TEST_CASE("lost 183 and lost PRACK are repaired; the user hears of it once") {
  Ringing pair;
  int losses = 2;
  SUBCASE("183") {
    pair.drop = [&](const std::string& word) { return word == "b>183" && losses-- > 0; };
    pair.run_for(5s);
    CHECK(pair.wire == "a>INVITE b>183 a>INVITE b>183 b>183 a>PRACK b>200 ");
  }
  SUBCASE("PRACK") {
    pair.drop = [&](const std::string& word) { return word == "a>PRACK" && losses-- > 0; };
    pair.run_for(5s);
  }
  CHECK(pair.a.log() == "progress:183 ");
  CHECK(pair.b.log() == "call prack ");
}

TEST_CASE("no PRACK ever: 504, after repeating with doubled gaps for 64*T1 (RFC 3262 3)") {
  Ringing pair;
  pair.drop = [](const std::string& word) { return word == "a>PRACK"; };
  pair.run();
  CHECK(pair.a.log() == "progress:183 failed:504 ");
  CHECK(pair.b.log() == "call no-prack ended:no ACK to our 200 ");
  std::size_t repeated = 0;
  for (std::size_t at = 0; (at = pair.wire.find("b>183", at)) != std::string::npos; ++at)
    ++repeated;
  CHECK(repeated == 7);  // 0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5 s
}

TEST_CASE("reliable only to one who supports it") {
  Ringing pair({}, Reliable100::unsupported);
  pair.run_for(100ms);
  CHECK_FALSE(pair.taken);
  CHECK(pair.b.log() == "call ");
}

TEST_CASE("a 200 waits for the PRACK of a 183 with a description (RFC 3262 3)") {
  Ringing pair("v=0 early answer");
  bool answered = false;
  pair.drop = [&](const std::string& word) { return word == "b>183" && !answered; };
  pair.run_for(100ms);
  CHECK(pair.b.endpoint.answer(pair.b.call, {}, pair.now(), pair.b.out));
  answered = true;
  pair.run_for(300ms);
  CHECK(pair.a.log() == "");
  pair.run_for(2s);
  CHECK(pair.a.log() == "progress:183 answered ");
  CHECK(pair.b.log() == "call prack confirmed ");
}

TEST_CASE("what is out of order is not taken") {
  Ringing pair;
  pair.settle();
  std::string first;
  pair.b.rule = [](Node& node, const Event& event) {
    if (!std::holds_alternative<event::IncomingCall>(event)) return;
    ResponseSpec progress;
    progress.status = 183;
    progress.reliable = true;
    node.endpoint.answer(node.call, progress, node.now, node.out);
  };
  pair.drop = [](const std::string& word) { return word == "a>PRACK"; };
  pair.run_for(50ms);
  const std::string call_id(pair.a.endpoint.call_id_header(pair.call));
  SUBCASE("PRACK for another RSeq: 481") {
    const auto info = pair.b.endpoint.list_calls({}, 1).at(0);
    const std::string prack =
        "PRACK sip:x@192.0.2.2 SIP/2.0\r\nVia: SIP/2.0/UDP "
        "192.0.2.1:5060;branch=z9hG4bKp\r\nFrom: " +
        info.remote + "\r\nTo: " + info.local + "\r\nCall-ID: " + call_id +
        "\r\nCSeq: 7 PRACK\r\nRAck: 1 1 INVITE\r\nContent-Length: 0\r\n\r\n";
    Output out;
    pair.b.endpoint.on_message(prack, pair.b.flow_to(pair.a), pair.now(), out);
    CHECK(out.bytes(out.sends.at(0)).starts_with("SIP/2.0 481 "));
  }
  SUBCASE("183 whose RSeq leaves a gap: no PRACK, no progress") {
    const auto info = pair.b.endpoint.list_calls({}, 1).at(0);
    pair.a.heard.clear();
    pair.wire.clear();
    auto answer = [&](const std::string& rseq) {
      Output probe;
      Endpoint twin({}, Seed{1});
      Pair other;
      auto spec = invite_to(other.a, other.b);
      spec.reliable = Reliable100::supported;
      twin.invite(spec, {}, probe);  // the same INVITE: its Via
      const std::string invite(probe.bytes(probe.sends.at(0)));
      const auto via = invite.find("Via: ");
      return "SIP/2.0 183 x\r\n" + invite.substr(via, invite.find("\r\n", via) - via) +
             "\r\nFrom: " + info.remote + "\r\nTo: " + info.local + "\r\nCall-ID: " + call_id +
             "\r\nCSeq: 1 INVITE\r\nRequire: 100rel\r\nRSeq: " + rseq +
             "\r\nContent-Length: 0\r\n\r\n";
    };
    pair.a.endpoint.on_message(answer("77777"), pair.a.flow_to(pair.b), pair.now(), pair.a.out);
    pair.settle();
    CHECK(pair.wire == "");
    CHECK(pair.a.log() == "");
    CHECK(pair.a.endpoint.counters().stray_responses == 0);
  }
}

// --- forks ---------------------------------------------------------------------------------------

namespace {

// One caller, several branches that answer the same INVITE, each an endpoint of its own.
struct Fork {
  explicit Fork(bool keep, std::size_t branches = 3) : a("192.0.2.1:5060", 1) {
    Node target("192.0.2.2:5060", 2);
    auto spec = invite_to(a, target);
    spec.keep_forks = keep;
    spec.reliable = Reliable100::supported;
    call = a.endpoint.invite(spec, a.now, a.out);
    invite = a.out.bytes(a.out.sends.at(0));
    a.out.clear();
    for (std::size_t i = 0; i < branches; ++i) {
      nodes.push_back(std::make_unique<Node>("192.0.2.2:5060", static_cast<std::uint32_t>(10 + i)));
      to(*nodes.back(), invite);
    }
  }
  // Gives a message to one, keeps what it says; events are written down.
  void to(Node& node, const std::string& bytes) {
    auto& peer = &node == &a ? *nodes.at(0) : a;
    node.endpoint.on_message(bytes, node.flow_to(peer), node.now, node.out);
    drain(node);
  }
  void drain(Node& node) {
    for (std::size_t i = 0; i < node.out.events.size(); ++i) {
      const auto event = node.out.events[i];
      node.heard.push_back(std::visit(Describe(), event));
      if (const auto* e = std::get_if<event::IncomingCall>(&event)) node.call = e->call;
      if (const auto* e = std::get_if<event::CallForked>(&event)) forks.push_back(e->call);
    }
    said.clear();
    for (const auto& send : node.out.sends) said.emplace_back(node.out.bytes(send));
    node.out.clear();
  }
  void answer(std::size_t branch, int status, bool reliable = false) {
    ResponseSpec spec;
    spec.status = status;
    spec.reliable = reliable;
    auto& node = *nodes.at(branch);
    node.endpoint.answer(node.call, spec, node.now, node.out);
    drain(node);
    const auto bytes = said.back();
    to(a, bytes);
  }
  std::string words() const {
    std::string text;
    for (const auto& bytes : said) text += bytes.substr(0, bytes.find(' ')) + " ";
    return text;
  }

  Node a;
  std::vector<std::unique_ptr<Node>> nodes;
  CallId call;
  std::vector<CallId> forks;
  std::string invite;
  std::vector<std::string> said;  // by whom was given something last
};

}  // namespace

TEST_CASE("forked provisional answers: each branch is an early dialog, each gets its PRACK") {
  Fork fork(false);
  fork.answer(0, 180, true);
  CHECK(fork.words() == "PRACK ");
  const auto first = fork.said.back();
  fork.answer(1, 183, true);
  CHECK(fork.words() == "PRACK ");
  const auto second = fork.said.back();
  for (const auto* prack : {&first, &second})
    CHECK(prack->find("CSeq: 2 PRACK") != std::string::npos);
  fork.to(*fork.nodes[1], second);
  CHECK(fork.nodes[1]->log() == "call prack ");
  fork.answer(2, 180);
  CHECK(fork.a.log() == "progress:180 progress:183 progress:180 ");
  // The second answers: its dialog is the call's.
  fork.answer(1, 200);
  CHECK(fork.words() == "ACK ");
  fork.to(*fork.nodes[1], fork.said.back());
  CHECK(fork.nodes[1]->heard.back() == "confirmed");
  fork.a.endpoint.hang_up(fork.call, fork.a.now, fork.a.out);
  fork.drain(fork.a);
  CHECK(fork.said.back().find("CSeq: 3 BYE") != std::string::npos);  // INVITE, PRACK, BYE
  fork.to(*fork.nodes[1], fork.said.back());
  CHECK(fork.nodes[1]->heard.back() == "ended:BYE from the peer");
}

TEST_CASE("late 200s of other branches (13.2.2.4)") {
  SUBCASE("ACK and BYE for each, when only one call is wanted") {
    Fork fork(false);
    fork.answer(0, 200);
    CHECK(fork.words() == "ACK ");
    for (const std::size_t branch : {1u, 2u}) {
      fork.answer(branch, 200);
      CHECK(fork.words() == "ACK BYE ");
      const auto said = fork.said;
      for (const auto& bytes : said) fork.to(*fork.nodes[branch], bytes);
      CHECK(fork.nodes[branch]->log() == "call confirmed ended:BYE from the peer ");
    }
    CHECK(fork.a.log() == "answered ");
    CHECK(fork.a.endpoint.counters().calls == 1);
  }
  SUBCASE("a call for each, when they are kept") {
    Fork fork(true);
    for (const std::size_t branch : {0u, 1u, 2u}) {
      fork.answer(branch, 200);
      CHECK(fork.words() == "ACK ");
      const auto ack = fork.said.back();
      fork.to(*fork.nodes[branch], ack);
      CHECK(fork.nodes[branch]->log() == "call confirmed ");
    }
    CHECK(fork.a.log() == "answered forked forked ");
    CHECK(fork.a.endpoint.counters().calls == 3);
    fork.a.endpoint.hang_up(fork.forks.at(1), fork.a.now, fork.a.out);
    fork.drain(fork.a);
    const auto bye = fork.said.back();
    fork.to(*fork.nodes[2], bye);
    CHECK(fork.nodes[2]->heard.back() == "ended:BYE from the peer");
    fork.to(*fork.nodes[1], bye);                      // not its dialog
    CHECK(fork.nodes[1]->log() != "call confirmed ");  // lenient: the only call with the Call-ID
  }
  SUBCASE("a repeated 200 of a kept branch is acknowledged again") {
    Fork fork(true);
    fork.answer(0, 200);
    fork.answer(1, 200);
    const auto ack = fork.said.back();
    fork.nodes[1]->endpoint.on_deadline(TimePoint{} + 600ms, fork.nodes[1]->out);
    fork.drain(*fork.nodes[1]);
    REQUIRE(fork.words() == "SIP/2.0 ");
    const auto again = fork.said.back();
    fork.to(fork.a, again);
    REQUIRE(fork.words() == "ACK ");
    CHECK(fork.said.back() == ack);
  }
}
