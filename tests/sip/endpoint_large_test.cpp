// Requests of user agents that are too large for a datagram (RFC 3261 18.1.1): by TCP, and by UDP
// after all when nobody takes the connection.
#include <doctest/doctest.h>

#include "tests/sip/agent.hpp"

using namespace std::chrono_literals;
using namespace sip;
using namespace sip::test;

namespace {

EndpointConfig measuring(bool large_by_stream, std::size_t path_mtu = 0) {
  EndpointConfig config;
  config.large_by_stream = large_by_stream;
  config.path_mtu = path_mtu;
  return config;
}

// A body that makes the whole request so long when it goes by UDP.
std::size_t body_for(std::size_t size) {
  for (std::size_t body = size > 500 ? size - 500 : 1;; ++body) {
    Agent agent(measuring(false));
    agent.ask(agent.message(body));
    if (agent.take().bytes.size() == size) return body;
  }
}

const std::string large(2000, 'v');

}  // namespace

TEST_CASE(
    "by size: above 1,300 bytes, or within 200 of a known MTU, a request "
    "goes by TCP") {
  const struct {
    std::size_t size;
    Transport wanted;
    bool enabled;
    std::size_t path_mtu;
    Transport expected;
  } cases[] = {
      {500, Transport::udp, true, 0, Transport::udp},
      {1300, Transport::udp, true, 0, Transport::udp},
      {1301, Transport::udp, true, 0, Transport::tcp},
      {60'000, Transport::udp, true, 0, Transport::tcp},
      {1301, Transport::tcp, true, 0, Transport::tcp},
      {1301, Transport::tls, true, 0, Transport::tls},
      {1301, Transport::udp, false, 0, Transport::udp},
      {1300, Transport::udp, true, 1500, Transport::udp},
      {1301, Transport::udp, true, 1500, Transport::tcp},
      {3800, Transport::udp, true, 4000, Transport::udp},
      {3801, Transport::udp, true, 4000, Transport::tcp},
      {800, Transport::udp, true, 1000, Transport::udp},
      {801, Transport::udp, true, 1000, Transport::tcp},
  };
  for (const auto& c : cases) {
    CAPTURE(c.size);
    CAPTURE(c.path_mtu);
    Agent agent(measuring(c.enabled, c.path_mtu));
    static std::size_t size = 0, body = 0;
    if (c.size != std::exchange(size, c.size)) body = body_for(c.size);
    agent.ask(agent.message(body, c.wanted));
    const auto sent = agent.take();
    CHECK(sent.flow.transport == c.expected);
    CHECK(sent.flow.remote == address_of("192.0.2.2:5060"));
    if (c.wanted != Transport::udp) continue;
    const bool tcp = c.expected == Transport::tcp;
    CHECK(sent.header("Via").starts_with(tcp ? "SIP/2.0/TCP 192.0.2.1:5062;branch=z9hG4bK"
                                             : "SIP/2.0/UDP 192.0.2.1:5060;rport;branch="));
    CHECK(sent.bytes.size() == c.size - (tcp ? 6 : 0));  // ";rport"
  }
}

TEST_CASE("nobody takes the connection: the same transaction goes by UDP") {
  Agent agent;
  const auto id = agent.ask(agent.message(2000));
  const auto by_tcp = agent.take();
  REQUIRE(by_tcp.flow.transport == Transport::tcp);
  SUBCASE("refused") {
    agent.fail(by_tcp.flow);
  }
  SUBCASE("closed before anything was heard") {
    auto opened = by_tcp.flow;
    opened.connection = ConnectionId{7};
    agent.node.endpoint.on_connection_closed(opened, agent.node.now, agent.node.out);
    CHECK(agent.heard() == "closed ");
  }
  const auto by_udp = agent.take();
  CHECK(agent.heard() == "");
  CHECK(by_udp.flow == agent.message(0).destination);
  CHECK(by_udp.header("Via").starts_with("SIP/2.0/UDP 192.0.2.1:5060;rport;branch="));
  CHECK(by_udp.branch() == by_tcp.branch());
  CHECK(by_udp.bytes.substr(by_udp.bytes.find("Max-Forwards")) ==
        by_tcp.bytes.substr(by_tcp.bytes.find("Max-Forwards")));
  agent.pass(500ms);  // timer E runs as for any datagram
  CHECK(agent.take().bytes == by_udp.bytes);
  agent.answer(by_udp, 200);
  REQUIRE(agent.node.out.events.size() == 1);
  CHECK(std::get<event::RequestDone>(agent.node.out.events[0]).request == id);
  CHECK(agent.heard() == "done:200 ");
}

TEST_CASE("UDP fails too: reported once") {
  Agent agent;
  agent.ask(agent.message(2000));
  const auto by_tcp = agent.take();
  agent.fail(by_tcp.flow);
  const auto by_udp = agent.take();
  agent.fail(by_udp.flow);
  CHECK(agent.heard() == "done:503(could not be sent) ");
  CHECK(agent.node.endpoint.counters().transactions == 0);
}

TEST_CASE("a call that is too large") {
  Agent agent;
  const auto call = agent.call(agent.invitation(large));
  const auto by_tcp = agent.take();
  REQUIRE(by_tcp.flow.transport == Transport::tcp);
  CHECK(by_tcp.header("Contact") == "<sip:alice@192.0.2.1:5060>");  // small ones go there
  SUBCASE("taken: ACK and BYE are small and go by UDP") {
    agent.answer(by_tcp, 200);
    CHECK(agent.heard() == "answered ");
    CHECK(agent.take().flow.transport == Transport::udp);
    agent.node.endpoint.hang_up(call, agent.node.now, agent.node.out);
    const auto bye = agent.take();
    CHECK(bye.flow.transport == Transport::udp);
    agent.answer(bye, 200);
    CHECK(agent.heard() == "ended:hung up here ");
  }
  SUBCASE("refused: by UDP, where CANCEL follows it") {
    agent.fail(by_tcp.flow);
    const auto by_udp = agent.take();
    CHECK(by_udp.flow.transport == Transport::udp);
    agent.pass(500ms);  // timer A
    CHECK(agent.take().bytes == by_udp.bytes);
    agent.answer(by_udp, 180);
    CHECK(agent.heard() == "progress:180 ");
    agent.node.endpoint.hang_up(call, agent.node.now, agent.node.out);
    const auto cancel = agent.take();
    CHECK(cancel.flow.transport == Transport::udp);
    CHECK(cancel.branch() == by_udp.branch());
  }
  SUBCASE("it had arrived: a connection that closes then is a failure") {
    agent.answer(by_tcp, 180);
    agent.heard();
    agent.node.endpoint.on_connection_closed(by_tcp.flow, agent.node.now, agent.node.out);
    CHECK(agent.node.out.sends.empty());
  }
}

// 13.2.2.4: it has no transaction; whether it has arrived, the 2xx tells by coming again.
TEST_CASE("an ACK that is too large goes by TCP, and by UDP when the 2xx comes again") {
  Agent agent;
  auto invitation = agent.invitation("");
  invitation.late_offer = true;
  const auto call = agent.call(invitation);
  const auto invite = agent.take();
  CHECK(invite.flow.transport == Transport::udp);
  agent.answer(invite, 200, {}, "v=0 their offer");
  CHECK(agent.heard() == "answered ");
  InCallRequestSpec answer;
  answer.content_type = "application/sdp";
  answer.body = large;
  REQUIRE(agent.node.endpoint.acknowledge(call, answer, agent.node.now, agent.node.out));
  const auto by_tcp = agent.take();
  CHECK(by_tcp.method() == "ACK");
  CHECK(by_tcp.flow.transport == Transport::tcp);
  CHECK(by_tcp.flow.remote == invite.flow.remote);
  CHECK(by_tcp.header("Via").starts_with("SIP/2.0/TCP 192.0.2.1:5062;branch="));
  CHECK(by_tcp.bytes.ends_with(large));
  agent.answer(invite, 200, {}, "v=0 their offer");
  const auto by_udp = agent.take();
  CHECK(by_udp.method() == "ACK");
  CHECK(by_udp.flow.transport == Transport::udp);
  CHECK(by_udp.header("Via").starts_with("SIP/2.0/UDP 192.0.2.1:5060;rport;branch="));
  CHECK(by_udp.branch() == by_tcp.branch());
  CHECK(by_udp.bytes.ends_with(large));
}

TEST_CASE("what is tried again is measured again") {
  Agent agent;
  auto spec = agent.message(2000);
  spec.persistence.credentials = {"alice", "secret"};
  agent.ask(spec);
  const auto first = agent.take();
  agent.answer(first, 401, {{"WWW-Authenticate", "Digest realm=\"r\",nonce=\"n\""}});
  const auto second = agent.take();
  CHECK(second.flow.transport == Transport::tcp);
  CHECK(second.header("Via").starts_with("SIP/2.0/TCP 192.0.2.1:5062;"));
  agent.fail(second.flow);
  const auto third = agent.take();
  CHECK(third.flow.transport == Transport::udp);
  CHECK(third.bytes.find("Authorization: Digest") != std::string::npos);
  agent.answer(third, 200);
  CHECK(agent.heard() == "done:200 ");
}

TEST_CASE("a response follows its request, however large it is") {
  for (const auto transport : {Transport::udp, Transport::tcp}) {
    CAPTURE(static_cast<int>(transport));
    Agent asking, asked;
    asking.ask(asking.message(10, transport));
    const auto request = asking.take();
    const Flow from{transport, address_of("192.0.2.2:5060"), asking.node.address, ConnectionId{3}};
    asked.receive(request.bytes, from);
    REQUIRE(asked.node.out.events.size() == 1);
    ResponseSpec answer;
    answer.body = std::string(5000, 'y');
    asked.node.endpoint.respond(
        std::get<event::IncomingRequest>(asked.node.out.events[0]).transaction, answer, {},
        asked.node.out);
    CHECK(asked.take().flow == from);
  }
}
