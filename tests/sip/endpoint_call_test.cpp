// Calls between two endpoints in virtual time: what each user hears, and what travels.
#include <doctest/doctest.h>

#include "tests/sip/agent.hpp"
#include "tests/sip/pair.hpp"

using namespace std::chrono_literals;
using namespace sip;
using namespace sip::test;

namespace {

CallId start(Pair& pair) {
  return pair.a.endpoint.invite(invite_to(pair.a, pair.b), pair.now(), pair.a.out);
}

void check_nothing_left(Pair& pair) {
  pair.run();
  for (const auto* node : {&pair.a, &pair.b}) {
    CHECK(node->endpoint.counters().transactions == 0);
    CHECK(node->endpoint.counters().calls == 0);
    CHECK(node->endpoint.next_deadline() == never);
  }
}

}  // namespace

TEST_CASE("a call is answered, and the caller hangs up") {
  Pair pair;
  pair.b.rule = accept_calls;
  std::string answer;
  pair.a.rule = [&](Node&, const Event& event) {
    if (const auto* e = std::get_if<event::CallAnswered>(&event)) answer = e->message->body();
  };
  const auto call = start(pair);
  pair.run_for(1s);
  CHECK(pair.wire == "a>INVITE b>200 a>ACK ");
  CHECK(answer == "v=0 answer");
  CHECK(pair.b.bodies.front() == "v=0 offer");
  CHECK(pair.a.endpoint.hang_up(call, pair.now(), pair.a.out));
  check_nothing_left(pair);
  CHECK(pair.wire == "a>INVITE b>200 a>ACK a>BYE b>200 ");
  CHECK(pair.a.log() == "answered ended:hung up here ");
  CHECK(pair.b.log() == "call confirmed ended:BYE from the peer ");
}

TEST_CASE("the called side hangs up") {
  Pair pair;
  pair.b.rule = accept_calls;
  start(pair);
  pair.run_for(1s);
  CHECK(pair.b.endpoint.hang_up(pair.b.call, pair.now(), pair.b.out));
  check_nothing_left(pair);
  CHECK(pair.wire == "a>INVITE b>200 a>ACK b>BYE a>200 ");
  CHECK(pair.a.log() == "answered ended:BYE from the peer ");
  CHECK(pair.b.log() == "call confirmed ended:hung up here ");
}

TEST_CASE("the called side hangs up before ACK has come: BYE waits for it (RFC 3261 15)") {
  Pair pair;
  pair.b.rule = [](Node& node, const Event& event) {
    accept_calls(node, event);
    if (std::holds_alternative<event::IncomingCall>(event))
      node.endpoint.hang_up(node.call, node.now, node.out);
  };
  start(pair);
  check_nothing_left(pair);
  CHECK(pair.wire == "a>INVITE b>200 a>ACK b>BYE a>200 ");
}

TEST_CASE("ringing first") {
  Pair pair;
  pair.b.rule = [](Node& node, const Event& event) {
    if (!std::holds_alternative<event::IncomingCall>(event)) return;
    ResponseSpec ringing;
    ringing.status = 180;
    CHECK(node.endpoint.answer(node.call, ringing, node.now, node.out));
  };
  start(pair);
  pair.run_for(5s);
  CHECK(pair.wire == "a>INVITE b>180 ");
  CHECK(pair.b.endpoint.answer(pair.b.call, {}, pair.now(), pair.b.out));
  pair.run_for(1s);
  CHECK(pair.a.log() == "progress:180 answered ");
  CHECK(pair.b.log() == "call confirmed ");
}

TEST_CASE("refused, with the peer's reason") {
  Pair pair;
  pair.b.rule = [](Node& node, const Event& event) {
    if (!std::holds_alternative<event::IncomingCall>(event)) return;
    ResponseSpec busy;
    busy.status = 486;
    busy.reason = "Channel in use";
    CHECK(node.endpoint.answer(node.call, busy, node.now, node.out));
  };
  std::string reason;
  pair.a.rule = [&](Node&, const Event& event) {
    if (const auto* e = std::get_if<event::CallFailed>(&event)) reason = e->message->reason();
  };
  start(pair);
  check_nothing_left(pair);
  CHECK(pair.wire == "a>INVITE b>486 a>ACK ");
  CHECK(pair.a.log() == "failed:486 ");
  CHECK(pair.b.log() == "call ");
  CHECK(reason == "Channel in use");
}

TEST_CASE("nobody answers") {
  Pair pair;
  pair.drop = [](const std::string& word) { return word.starts_with("a>"); };
  start(pair);
  check_nothing_left(pair);
  CHECK(pair.wire == "a>INVITE a>INVITE a>INVITE a>INVITE a>INVITE a>INVITE a>INVITE ");
  CHECK(pair.a.log() == "failed:408(no answer in time) ");
  CHECK(pair.a.endpoint.counters().timeouts == 1);
}

TEST_CASE("the user of the called side is silent") {
  SUBCASE("the caller gives up first") {
    Pair pair;
    auto spec = invite_to(pair.a, pair.b);
    spec.answer_within = 10s;
    pair.a.endpoint.invite(spec, pair.now(), pair.a.out);
    check_nothing_left(pair);
    CHECK(pair.wire == "a>INVITE b>100 a>CANCEL b>200 b>487 a>ACK ");
    CHECK(pair.a.log() == "failed:408(no answer in time) ");
    CHECK(pair.b.log() == "call ended:CANCEL from the peer ");
  }
  SUBCASE("the called endpoint gives up first") {
    EndpointConfig config;
    config.limits.accept_within = 5s;
    Pair pair({}, config);
    start(pair);
    check_nothing_left(pair);
    CHECK(pair.wire == "a>INVITE b>100 b>480 a>ACK ");
    CHECK(pair.a.log() == "failed:480 ");
    CHECK(pair.b.log() == "call ended:not answered here ");
  }
}

TEST_CASE("CANCEL") {
  Pair pair;
  SUBCASE("waits for a provisional answer") {
    const auto call = start(pair);
    pair.a.endpoint.hang_up(call, pair.now(), pair.a.out);
    check_nothing_left(pair);
    CHECK(pair.wire == "a>INVITE b>100 a>CANCEL b>200 b>487 a>ACK ");
    CHECK(pair.a.log() == "failed:487(cancelled) ");
    CHECK(pair.b.log() == "call ended:CANCEL from the peer ");
  }
  SUBCASE("crosses the 200: ACK, then BYE") {
    const auto call = start(pair);
    pair.run_for(250ms);  // 100 is here
    pair.b.endpoint.answer(pair.b.call, {}, pair.now(), pair.b.out);
    pair.a.endpoint.hang_up(call, pair.now(), pair.a.out);
    check_nothing_left(pair);
    CHECK(pair.wire == "a>INVITE b>100 a>CANCEL b>200 a>ACK a>BYE b>200 b>200 ");
    CHECK(pair.a.log() == "failed:487(cancelled) ");
    CHECK(pair.b.log() == "call confirmed ended:BYE from the peer ");
  }
  SUBCASE("hung up before any answer, and the first is 200: ACK, then BYE") {
    pair.b.rule = accept_calls;
    const auto call = start(pair);
    pair.a.endpoint.hang_up(call, pair.now(), pair.a.out);
    check_nothing_left(pair);
    CHECK(pair.wire == "a>INVITE b>200 a>ACK a>BYE b>200 ");
    CHECK(pair.a.log() == "failed:487(cancelled) ");
  }
  SUBCASE("nobody answers it: the INVITE is given up after 64*T1 (9.1)") {
    const auto call = start(pair);
    pair.run_for(250ms);
    pair.drop = [](const std::string& word) { return word.starts_with("b>"); };
    pair.a.endpoint.hang_up(call, pair.now(), pair.a.out);
    pair.run_for(40s);
    CHECK(pair.a.log() == "failed:487(cancelled) ");
    check_nothing_left(pair);
  }
}

TEST_CASE("a lost 200 and a lost ACK are repaired") {
  Pair pair;
  pair.b.rule = accept_calls;
  int losses = 2;
  SUBCASE("200 twice lost") {
    pair.drop = [&](const std::string& word) { return word == "b>200" && losses-- > 0; };
    start(pair);
    pair.run_for(10s);
    // b repeats its 200 by its own timer; a's repeated INVITEs do not count.
    CHECK(pair.wire == "a>INVITE b>200 a>INVITE b>200 a>INVITE b>200 a>ACK ");
  }
  SUBCASE("ACK twice lost") {
    pair.drop = [&](const std::string& word) { return word == "a>ACK" && losses-- > 0; };
    start(pair);
    pair.run_for(10s);
    CHECK(pair.wire == "a>INVITE b>200 a>ACK b>200 a>ACK b>200 a>ACK ");
  }
  CHECK(pair.a.log() == "answered ");
  CHECK(pair.b.log() == "call confirmed ");
}

TEST_CASE("no ACK ever: BYE after 64*T1 (13.3.1.4)") {
  Pair pair;
  pair.b.rule = accept_calls;
  pair.drop = [](const std::string& word) { return word == "a>ACK"; };
  start(pair);
  check_nothing_left(pair);
  CHECK(pair.b.log() == "call ended:no ACK to our 200 ");
  CHECK(pair.a.log() == "answered ended:BYE from the peer ");
}

TEST_CASE("BYE that nobody answers still ends the call") {
  Pair pair;
  pair.b.rule = accept_calls;
  const auto call = start(pair);
  pair.run_for(1s);
  pair.drop = [](const std::string&) { return true; };
  pair.a.endpoint.hang_up(call, pair.now(), pair.a.out);
  pair.run_for(40s);
  CHECK(pair.a.log() == "answered ended:hung up here ");
}

TEST_CASE("both hang up at once") {
  Pair pair;
  pair.b.rule = accept_calls;
  const auto call = start(pair);
  pair.run_for(1s);
  pair.a.endpoint.hang_up(call, pair.now(), pair.a.out);
  pair.b.endpoint.hang_up(pair.b.call, pair.now(), pair.b.out);
  check_nothing_left(pair);
  CHECK(pair.a.log() == "answered ended:hung up here ");
  CHECK(pair.b.log() == "call confirmed ended:hung up here ");
}

TEST_CASE("INFO inside a call, and outside of any") {
  Pair pair;
  pair.b.rule = accept_calls;
  const auto call = start(pair);
  pair.run_for(1s);
  InCallRequestSpec info;
  info.content_type = "Application/MANSRTSP";
  info.body = "PAUSE RTSP/1.0\r\nCSeq: 1\r\n\r\n";
  pair.a.endpoint.send_in_call(call, info, pair.now(), pair.a.out);
  pair.run_for(1s);
  CHECK(pair.b.bodies.back() == info.body);
  CHECK(pair.a.log() == "answered done:200 ");
  CHECK(pair.b.log() == "call confirmed in-call:INFO ");
  pair.a.endpoint.send_in_call({}, info, pair.now(), pair.a.out);
  pair.run_for(1s);
  CHECK(pair.a.heard.back() == "done:481(impossible request)");
}

TEST_CASE("a second answer with another tag is a fork: ACK and BYE for it (13.2.2.4)") {
  Pair pair;
  pair.b.rule = accept_calls;
  std::string second;
  const auto call = start(pair);
  pair.settle();
  pair.run_for(1s);
  CHECK(pair.wire == "a>INVITE b>200 a>ACK ");
  // What another branch would say, made out of what a sends to b.
  Pair other;
  std::string response;
  {
    Output out;
    Endpoint twin({}, Seed{1});  // makes the same INVITE
    const auto same = twin.invite(invite_to(other.a, other.b), {}, out);
    REQUIRE(same);
    Endpoint fork({}, Seed{77});
    Output answer;
    const std::string invite(out.bytes(out.sends.front()));
    fork.on_message(invite, other.b.flow_to(other.a), {}, answer);
    const auto* incoming = std::get_if<event::IncomingCall>(&answer.events.front());
    REQUIRE(incoming);
    fork.answer(incoming->call, {}, {}, answer);
    response = answer.bytes(answer.sends.front());
  }
  pair.wire.clear();
  pair.a.endpoint.on_message(response, pair.a.flow_to(pair.b), pair.now(), pair.a.out);
  pair.settle();
  CHECK(pair.wire == "a>ACK a>BYE ");
  pair.run_for(1s);
  CHECK(pair.a.log() == "answered ");
  CHECK(pair.a.endpoint.hang_up(call, pair.now(), pair.a.out));
}

TEST_CASE("tolerance: a camera's wrong tags") {
  Pair pair;
  pair.b.rule = accept_calls;
  const auto call = start(pair);
  pair.run_for(1s);
  const std::string call_id(pair.a.endpoint.call_id_header(call));
  auto bye = [&](const std::string& id) {
    return "BYE sip:x@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 0.0.0.0:5060;branch=z9hG4bK" + id +
           "\r\nFrom: <sip:34020000001320000001@3402000000>;tag=wrong\r\n"
           "To: <sip:34020000002000000001@3402000000>\r\nCall-ID: " +
           id + "\r\nCSeq: 1 BYE\r\nContent-Length: 0\r\n\r\n";
  };
  pair.wire.clear();
  SUBCASE("BYE is matched by its Call-ID") {
    pair.a.endpoint.on_message(bye(call_id), pair.a.flow_to(pair.b), pair.now(), pair.a.out);
    pair.settle();
    CHECK(pair.wire == "a>200 ");
    CHECK(pair.a.log() == "answered ended:BYE from the peer ");
  }
  SUBCASE("another Call-ID is 481") {
    pair.a.endpoint.on_message(bye("nothing"), pair.a.flow_to(pair.b), pair.now(), pair.a.out);
    pair.settle();
    CHECK(pair.wire == "a>481 ");
    CHECK(pair.a.log() == "answered ");
  }
}

TEST_CASE("an invitation that ends by itself (13.3.1, 20.19)") {
  const struct {
    const char* name;
    const char* expires;
    bool answered;
    const char* wire;
    const char* heard;
  } cases[] = {
      {"nobody answers in time", "5", false, "a>INVITE b>100 b>487 a>ACK ", "failed:487 "},
      {"answered: it means nothing any more", "5", true, "a>INVITE b>200 a>ACK ", "answered "},
      {"longer than we wait", "60", false, "a>INVITE b>100 b>480 a>ACK ", "failed:480 "},
  };
  for (const auto& c : cases) {
    CAPTURE(c.name);
    EndpointConfig config;
    config.limits.accept_within = 8s;
    Pair pair({}, config);
    if (c.answered) pair.b.rule = accept_calls;
    auto spec = invite_to(pair.a, pair.b);
    spec.headers.push_back({"Expires", c.expires});
    pair.a.endpoint.invite(spec, pair.now(), pair.a.out);
    pair.run_for(c.answered ? 20s : 5500ms);
    if (std::string(c.expires) == "60") pair.run_for(4s);
    CHECK(pair.wire == c.wire);
    CHECK(pair.a.log() == c.heard);
  }
}

TEST_CASE("who is asked by sips names itself so (8.1.1.8, 12.1.1)") {
  Agent agent;
  auto spec = agent.invitation();
  spec.request_uri = "sips:bob@192.0.2.2";
  spec.destination = agent.to("192.0.2.2:5061", Transport::tls);
  agent.call(spec);
  CHECK(agent.take().header("Contact").starts_with("<sips:alice@192.0.2.1"));
  const struct {
    const char* name;
    const char* uri;
    const char* record_route;
    const char* contact;
    const char* ours;
  } cases[] = {
      {"its Request-URI", "sips:alice@192.0.2.1", "", "sips:bob@192.0.2.2", "<sips:"},
      {"no", "sip:alice@192.0.2.1", "", "sip:bob@192.0.2.2", "<sip:"},
      {"its Contact", "sip:alice@192.0.2.1", "", "sips:bob@192.0.2.2", "<sips:"},
      {"its Record-Route", "sip:alice@192.0.2.1", "<sips:192.0.2.3;lr>", "sip:bob@192.0.2.2",
       "<sips:"},
      {"its Record-Route goes first", "sip:alice@192.0.2.1", "<sip:192.0.2.3;lr>",
       "sips:bob@192.0.2.2", "<sip:"},
  };
  for (const auto& c : cases) {
    CAPTURE(c.name);
    Agent called;
    std::string invite;
    MessageBuilder builder(invite);
    builder.request("INVITE", c.uri)
        .header("Via", "SIP/2.0/TLS 192.0.2.2:5061;branch=z9hG4bK1")
        .header("From", "<sip:bob@192.0.2.2>;tag=1")
        .header("To", "<sip:alice@192.0.2.1>")
        .header("Call-ID", "1")
        .header("CSeq", "1 INVITE")
        .header("Contact", "<" + std::string(c.contact) + ">");
    if (*c.record_route != 0) builder.header("Record-Route", c.record_route);
    builder.finish();
    called.receive(invite, {Transport::tls, address_of("192.0.2.1:5061"),
                            address_of("192.0.2.2:5061"), ConnectionId{4}});
    REQUIRE(called.node.out.events.size() == 1);
    const auto id = std::get<event::IncomingCall>(called.node.out.events[0]).call;
    REQUIRE(called.node.endpoint.answer(id, {}, called.node.now, called.node.out));
    CHECK(called.take().header("Contact").starts_with(c.ours));
  }
}

TEST_CASE("limits: calls") {
  EndpointConfig config;
  config.limits.calls = 1;
  Pair pair({}, config);
  pair.b.rule = accept_calls;
  start(pair);
  pair.run_for(1s);
  start(pair);
  pair.run_for(1s);
  CHECK(pair.a.log() == "answered failed:503(too much to do) ");
  // Another caller, to the full b.
  pair.wire.clear();
  Endpoint third({}, Seed{3});
  Output out;
  third.invite(invite_to(pair.a, pair.b), pair.now(), out);
  const std::string invite(out.bytes(out.sends.front()));
  pair.b.endpoint.on_message(invite, pair.b.flow_to(pair.a), pair.now(), pair.b.out);
  pair.settle();
  CHECK(pair.wire == "b>486 ");
}

TEST_CASE("calls over lossy links: every call ends right and nothing is left") {
  for (const double loss : {0.01, 0.1, 0.3}) {
    for (std::uint64_t seed = 1; seed <= 8; ++seed) {
      CAPTURE(loss);
      CAPTURE(seed);
      support::LinkOptions options;
      options.loss = loss;
      options.duplicate = 0.05;
      options.jitter = 40ms;
      options.seed = seed;
      Pair pair(options);
      pair.b.rule = accept_calls;
      int ends = 0;
      pair.a.rule = [&](Node& node, const Event& event) {
        if (const auto* e = std::get_if<event::CallAnswered>(&event))
          node.endpoint.hang_up(e->call, node.now, node.out);
        ends += std::holds_alternative<event::CallFailed>(event) ||
                std::holds_alternative<event::CallEnded>(event);
      };
      for (int i = 0; i < 20; ++i) {
        const auto call = start(pair);
        if (i % 4 == 0) pair.a.endpoint.hang_up(call, pair.now(), pair.a.out);
        pair.run_for(500ms);
      }
      check_nothing_left(pair);
      CHECK(ends == 20);
    }
  }
}
