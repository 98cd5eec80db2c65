// Names in Contact, Record-Route and Route: requests inside dialogs look them up as those outside
// do (RFC 3261 12.2.1.1, RFC 3263).
#include <doctest/doctest.h>

#include "tests/sip/agent.hpp"

using namespace std::chrono_literals;
using namespace sip;
using namespace sip::test;

namespace {

EndpointConfig following() {
  EndpointConfig config;
  config.follow_targets = true;
  config.lenient_dialogs = false;
  config.user_handles_changes = true;
  config.event_packages = "presence";
  return config;
}

const HeaderField named{"Contact", "<sip:bob@pc.example.org>"};
const HeaderField numbered{"Contact", "<sip:bob@198.51.100.4:7000>"};

// A call of ours, answered with these headers.
struct Called : Agent {
  explicit Called(const std::vector<HeaderField>& headers) : Agent(following()) {
    id = call(invitation());
    invite = take();
    answer(invite, 200, headers, "v=0 answer");
    CHECK(heard() == "answered ");
  }
  CallId id;
  Sent invite;
};

}  // namespace

TEST_CASE("what is looked up, and what need not be") {
  const struct {
    const char* name;
    std::vector<HeaderField> headers;
    const char* looked_up;    // null: nothing
    const char* request_uri;  // of what is sent inside
  } cases[] = {
      {"a named Contact", {named}, "sip:bob@pc.example.org", "sip:bob@pc.example.org"},
      {"a number", {numbered}, nullptr, "sip:bob@198.51.100.4:7000"},
      {"a named route",
       {{"Record-Route", "<sip:p.example.org;lr>"}, numbered},
       "sip:p.example.org;lr",
       "sip:bob@198.51.100.4:7000"},
      {"the first of two routes, the last proxy's",
       {{"Record-Route", "<sip:far.example.org;lr>, <sip:near.example.org;lr>"}, named},
       "sip:near.example.org;lr",
       "sip:bob@pc.example.org"},
      {"a strict router",
       {{"Record-Route", "<sip:old.example.org>"}, numbered},
       "sip:old.example.org",
       "sip:old.example.org"},
      {"a numbered route before a named target",
       {{"Record-Route", "<sip:198.51.100.9:7000;lr>"}, named},
       nullptr,
       "sip:bob@pc.example.org"},
  };
  for (const auto& c : cases) {
    CAPTURE(c.name);
    Called agent(c.headers);
    const auto found = agent.to("198.51.100.77:5070");
    if (c.looked_up) {
      CHECK(agent.silent());
      CHECK(agent.resolve({found}) == c.looked_up);
    }
    const auto ack = agent.take();
    CHECK(ack.bytes.starts_with("ACK " + std::string(c.request_uri) + " SIP/2.0\r\n"));
    CHECK(ack.header("CSeq") == "1 ACK");
    if (c.looked_up) CHECK(ack.flow == found);
    // What was found serves the whole dialog.
    agent.in_call(agent.id);
    const auto info = agent.take();
    CHECK(info.flow == ack.flow);
    CHECK(info.header("CSeq") == "2 INFO");
    agent.answer(info, 200);
    agent.node.endpoint.hang_up(agent.id, agent.node.now, agent.node.out);
    const auto bye = agent.take();
    CHECK(bye.flow == ack.flow);
    agent.answer(bye, 200);
    CHECK(agent.heard() == "done:200 ended:hung up here ");
    CHECK(agent.node.out.lookups.empty());
    agent.pass(1h);
    CHECK(agent.node.endpoint.counters().transactions == 0);
  }
}

TEST_CASE("a 200 that is repeated before its ACK could go asks once, and is acknowledged then") {
  Called agent({named});
  agent.answer(agent.invite, 200, {named}, "v=0 answer");
  CHECK(agent.silent());
  agent.resolve({agent.to("198.51.100.77:5070")});
  const auto ack = agent.take();
  agent.answer(agent.invite, 200, {named}, "v=0 answer");
  const auto again = agent.take();
  CHECK(again.bytes == ack.bytes);
  CHECK(again.flow == ack.flow);
}

TEST_CASE("a name that leads nowhere leaves the way that served until now") {
  Called agent({named});
  CHECK(agent.resolve({}) == "sip:bob@pc.example.org");
  CHECK(agent.take().flow == agent.invite.flow);
  agent.in_call(agent.id);
  agent.take();
  CHECK(agent.heard() == "");
}

TEST_CASE("the call is over before the name was found") {
  Called agent({named});
  agent.peer_asks(agent.invite, "BYE", 1);
  CHECK(agent.take().bytes.starts_with("SIP/2.0 200"));
  CHECK(agent.heard() == "ended:BYE from the peer ");
  agent.resolve({agent.to("198.51.100.77:5070")});
  CHECK(agent.take().method() == "ACK");  // does no harm
  CHECK(agent.node.endpoint.next_deadline() != never);
  agent.pass(1h);
  CHECK(agent.node.endpoint.counters().transactions == 0);
}

TEST_CASE("the next place is tried when the first does not answer, with the dialog's next CSeq") {
  Agent agent(following());
  agent.receive(
      "INVITE sip:alice@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.2:5060;branch=z9hG4bK1\r\n"
      "From: <sip:bob@example.org>;tag=b\r\nTo: <sip:alice@example.org>\r\nCall-ID: c\r\n"
      "CSeq: 7 INVITE\r\nContact: <sip:bob@pc.example.org>\r\nContent-Length: 0\r\n\r\n",
      agent.to("192.0.2.2:5060"));
  const auto call = std::get<event::IncomingCall>(agent.node.out.events.at(0)).call;
  agent.node.endpoint.answer(call, {}, agent.node.now, agent.node.out);
  CHECK(agent.take().flow == agent.to("192.0.2.2:5060"));  // answers follow their request
  agent.heard();
  agent.in_call(call);
  CHECK(agent.silent());
  const auto first = agent.to("198.51.100.1:5060"), second = agent.to("198.51.100.2:5060");
  agent.resolve({first, second});
  auto info = agent.take();
  CHECK(info.flow == first);
  CHECK(info.header("CSeq") == "1 INFO");
  agent.fail(first);
  info = agent.take();
  CHECK(info.flow == second);
  CHECK(info.header("CSeq") == "2 INFO");
  agent.answer(info, 200);
  CHECK(agent.heard() == "done:200 ");
  agent.in_call(call);
  info = agent.take();
  CHECK(info.flow == second);
  CHECK(info.header("CSeq") == "3 INFO");
}

TEST_CASE("a change of the call looks up the target, and its answer may name another") {
  Called agent({named});
  agent.resolve({agent.to("198.51.100.1:5060")});
  agent.take();
  agent.change(agent.id);
  auto invite = agent.take();
  CHECK(invite.flow == agent.to("198.51.100.1:5060"));
  agent.answer(invite, 200, {{"Contact", "<sip:bob@other.example.org>"}}, "v=0 answer");
  CHECK(agent.silent());
  CHECK(agent.resolve({agent.to("198.51.100.2:5060")}) == "sip:bob@other.example.org");
  const auto ack = agent.take();
  CHECK(ack.flow == agent.to("198.51.100.2:5060"));
  CHECK(ack.header("CSeq") == "2 ACK");
  agent.answer(invite, 200, {{"Contact", "<sip:bob@other.example.org>"}}, "v=0 answer");
  CHECK(agent.take().bytes == ack.bytes);
  CHECK(agent.heard() == "done:200 ");
  // The peer moves, by a change of its own.
  agent.peer_asks(agent.invite, "UPDATE", 1, {{"Contact", "<sip:bob@third.example.org>"}});
  agent.take();
  agent.change(agent.id);
  CHECK(agent.silent());
  CHECK(agent.resolve({agent.to("198.51.100.3:5060")}) == "sip:bob@third.example.org");
  invite = agent.take();
  CHECK(invite.flow == agent.to("198.51.100.3:5060"));
  CHECK(invite.header("CSeq") == "3 INVITE");
  agent.answer(invite, 488);
  CHECK(agent.take().method() == "ACK");
  CHECK(agent.heard() == "done:488 ");
}

TEST_CASE("PRACK goes to the named Contact of a reliable 183") {
  Agent agent(following());
  auto spec = agent.invitation();
  spec.reliable = Reliable100::supported;
  agent.call(spec);
  const auto invite = agent.take();
  agent.answer(invite, 183, {named, {"Require", "100rel"}, {"RSeq", "5"}}, "v=0 answer");
  CHECK(agent.silent());
  agent.resolve({agent.to("198.51.100.1:5060")});
  const auto prack = agent.take();
  CHECK(prack.flow == agent.to("198.51.100.1:5060"));
  CHECK(prack.header("RAck") == "5 1 INVITE");
  agent.answer(prack, 200);
  agent.answer(invite, 200, {named});
  const auto ack = agent.take();  // the same name: found already
  CHECK(ack.method() == "ACK");
  CHECK(ack.flow == prack.flow);
}

TEST_CASE("a branch that nobody wants is acknowledged and ended where it says") {
  Called agent({numbered});
  agent.take();
  MessageView view;
  REQUIRE(parse_message(agent.invite.bytes, view).has_value());
  std::string other;
  MessageBuilder(other)
      .respond_to(view, 200, {}, {.source = {}, .to_tag = "other"})
      .header("Contact", named.value)
      .finish();
  agent.receive(other, agent.invite.flow);
  CHECK(agent.silent());
  const auto lookups = std::exchange(agent.node.out.lookups, {});
  REQUIRE(lookups.size() == 2);
  const std::vector<Flow> found{agent.to("198.51.100.8:5060")};
  for (const auto& lookup : lookups) {
    CHECK(lookup.uri == "sip:bob@pc.example.org");
    agent.node.endpoint.on_resolved(lookup.id, found, agent.node.now, agent.node.out);
  }
  const auto sent = agent.take_all();
  REQUIRE(sent.size() == 2);
  CHECK(sent[0].method() == "ACK");
  CHECK(sent[1].method() == "BYE");
  CHECK(sent[0].flow == found[0]);
  CHECK(sent[1].flow == found[0]);
}

TEST_CASE("subscriptions: the refresh goes to the notifier's name, NOTIFY to the subscriber's") {
  Agent agent(following());
  SUBCASE("ours") {
    SubscribeSpec spec;
    spec.request = agent.message(0);
    spec.request.method.clear();
    spec.event = "presence";
    spec.expires = 100s;
    agent.node.endpoint.subscribe(spec, agent.node.now, agent.node.out);
    const auto first = agent.take();
    agent.answer(first, 200, {named, {"Expires", "100"}});
    agent.peer_asks(first, "NOTIFY", 1,
                    {named, {"Event", "presence"}, {"Subscription-State", "active;expires=100"}});
    agent.take();
    agent.pass(81s);
    CHECK(agent.silent());
    CHECK(agent.resolve({agent.to("198.51.100.1:5060")}) == "sip:bob@pc.example.org");
    const auto refresh = agent.take();
    CHECK(refresh.method() == "SUBSCRIBE");
    CHECK(refresh.flow == agent.to("198.51.100.1:5060"));
    CHECK(refresh.header("CSeq") == "2 SUBSCRIBE");
    CHECK(refresh.header("Contact") == "<sip:alice@192.0.2.1:5060>");
  }
  SUBCASE("theirs") {
    agent.receive(
        "SUBSCRIBE sip:alice@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.2:5060;branch=z9hG4bK1"
        "\r\nFrom: <sip:bob@example.org>;tag=b\r\nTo: <sip:alice@example.org>\r\nCall-ID: c\r\n"
        "CSeq: 7 SUBSCRIBE\r\nContact: <sip:bob@pc.example.org>\r\nEvent: presence\r\n"
        "Expires: 100\r\nContent-Length: 0\r\n\r\n",
        agent.to("192.0.2.2:5060"));
    const auto id = std::get<event::IncomingSubscription>(agent.node.out.events.at(0)).subscription;
    agent.node.endpoint.answer_subscription(id, {}, agent.node.now, agent.node.out);
    agent.take();
    agent.node.endpoint.notify(id, {}, agent.node.now, agent.node.out);
    CHECK(agent.silent());
    CHECK(agent.resolve({agent.to("198.51.100.1:5060")}) == "sip:bob@pc.example.org");
    const auto notify = agent.take();
    CHECK(notify.method() == "NOTIFY");
    CHECK(notify.flow == agent.to("198.51.100.1:5060"));
    agent.answer(notify, 200);
    agent.node.endpoint.notify(id, {}, agent.node.now, agent.node.out);
    CHECK(agent.take().flow == agent.to("198.51.100.1:5060"));
  }
}
