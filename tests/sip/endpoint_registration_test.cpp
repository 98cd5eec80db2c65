// What is kept at a peer: registrations and publications (RFC 3261 10.2, RFC 3903), and the flow
// that a registration came by (RFC 5626). In virtual time.
#include <doctest/doctest.h>

#include <algorithm>

#include "tests/sip/agent.hpp"
#include "tests/sip/guarded.hpp"

using namespace std::chrono_literals;
using namespace sip;
using namespace sip::test;

namespace {

RegistrationSpec registration(Pair& pair) {
  RegistrationSpec spec;
  spec.request.request_uri = "sip:example.org";
  spec.request.from = spec.request.to = "<sip:alice@example.org>";
  spec.request.contact = "<sip:alice@192.0.2.1:5060>";
  spec.request.destination = pair.a.flow_to(pair.b);
  spec.request.persistence.credentials = {"alice", "secret"};
  spec.expires = 100s;
  return spec;
}

}  // namespace

TEST_CASE("a registration is kept, and taken away") {
  Guarded pair;
  const auto id = pair.a.endpoint.keep_registered(registration(pair), pair.now(), pair.a.out);
  pair.run_for(1s);
  CHECK(pair.wire == "a>REGISTER b>401 a>REGISTER b>200 ");
  CHECK(pair.a.log() == "registration-active:200 ");
  const auto call_id = pair.last_call_id;
  pair.wire.clear();
  pair.run_for(80s);
  CHECK(pair.wire == "a>REGISTER b>200 ");  // the nonce serves on
  CHECK(pair.last_call_id == call_id);
  CHECK(pair.last_cseq == 3);
  pair.wire.clear();
  pair.a.endpoint.remove(id, pair.now(), pair.a.out);
  pair.run();
  CHECK(pair.wire == "a>REGISTER b>200 ");
  CHECK(pair.a.heard.back() == "registration-removed:200");
  CHECK(pair.a.endpoint.next_deadline() == never);
  CHECK_FALSE(pair.a.endpoint.remove(id, pair.now(), pair.a.out));
}

TEST_CASE("a registration: a nonce that grew old is replaced by the way") {
  Guarded pair;
  auto spec = registration(pair);
  spec.expires = 1000s;  // longer than the nonce lives
  pair.a.endpoint.keep_registered(spec, pair.now(), pair.a.out);
  pair.run_for(1s);
  pair.wire.clear();
  pair.run_for(950s);
  CHECK(pair.wire == "a>REGISTER b>401 a>REGISTER b>200 ");
  CHECK(pair.a.log() == "registration-active:200 registration-active:200 ");
}

TEST_CASE("a registration: what the registrar may say") {
  Guarded pair;
  auto spec = registration(pair);
  SUBCASE("it grants less than was asked: refreshed by that") {
    pair.granted = "50";
    pair.a.endpoint.keep_registered(spec, pair.now(), pair.a.out);
    pair.run_for(41s);
    CHECK(pair.a.log() == "registration-active:200 registration-active:200 ");
  }
  SUBCASE("wrong password: for good") {
    spec.request.persistence.credentials.password = "guess";
    pair.a.endpoint.keep_registered(spec, pair.now(), pair.a.out);
    pair.run();
    CHECK(pair.a.log() == "registration-refused:401 ");
  }
  SUBCASE("423: asked again with Min-Expires") {
    pair.b.rule = [](Node& node, const Event& event) {
      const auto* e = std::get_if<event::IncomingRequest>(&event);
      if (!e) return;
      ResponseSpec answer;
      const bool brief = *e->message->expires() < 600;
      answer.status = brief ? 423 : 200;
      if (brief) answer.headers = {{"Min-Expires", "600"}};
      node.endpoint.respond(e->transaction, answer, node.now, node.out);
    };
    pair.a.endpoint.keep_registered(spec, pair.now(), pair.a.out);
    pair.run_for(1s);
    CHECK(pair.wire == "a>REGISTER b>423 a>REGISTER b>200 ");
    CHECK(pair.a.log() == "registration-active:200 ");
  }
  SUBCASE("silence: tried again with growing gaps (RFC 5626 4.5), and it comes back") {
    pair.drop = [](const std::string&) { return true; };
    pair.a.endpoint.keep_registered(spec, pair.now(), pair.a.out);
    pair.run_for(300s);
    const auto tries = pair.a.heard.size();
    CHECK(tries >= 3);
    CHECK(tries <= 5);
    CHECK(pair.a.heard.back() == "registration-waiting:408(no answer in time)");
    pair.drop = [](const std::string&) { return false; };
    pair.run_for(400s);
    CHECK(std::count(pair.a.heard.begin(), pair.a.heard.end(), "registration-active:200") >= 1);
  }
  SUBCASE("removed while the first REGISTER is under way") {
    const auto id = pair.a.endpoint.keep_registered(spec, pair.now(), pair.a.out);
    pair.a.endpoint.remove(id, pair.now(), pair.a.out);
    pair.run();
    CHECK(pair.wire == "a>REGISTER b>401 a>REGISTER b>200 a>REGISTER b>200 ");
    CHECK(pair.a.log() == "registration-removed:200 ");
  }
  SUBCASE("no contact: impossible") {
    spec.request.contact.clear();
    pair.a.endpoint.keep_registered(spec, pair.now(), pair.a.out);
    pair.settle();
    CHECK(pair.a.log() == "registration-refused:400(impossible request) ");
  }
}

namespace {

// A compositor of one resource: entity-tags count up.
struct Compositor : Pair {
  explicit Compositor(EndpointConfig config) : Pair({}, std::move(config)) {
    b.rule = [this](Node& node, const Event& event) {
      const auto* e = std::get_if<event::IncomingRequest>(&event);
      if (!e) return;
      const auto& m = *e->message;
      ResponseSpec answer;
      const auto match = std::string(m.text(HeaderId::sip_if_match));
      seen += (match.empty() ? "new" : match) + (m.body().empty() ? "" : "+body") +
              (m.text(HeaderId::expires) == "0" ? "-" : "") + " ";
      if (!match.empty() && match != "tag" + std::to_string(tag)) {
        answer.status = 412;
      } else {
        answer.headers = {{"SIP-ETag", "tag" + std::to_string(++tag)},
                          {"Expires", std::string(m.text(HeaderId::expires))}};
      }
      node.endpoint.respond(e->transaction, answer, node.now, node.out);
    };
  }
  int tag = 0;
  std::string seen;
};

}  // namespace

TEST_CASE("a publication: first, refreshed, changed, lost (412), removed (RFC 3903 4)") {
  EndpointConfig config;
  config.allow += ", PUBLISH";
  Compositor pair(config);
  PublicationSpec spec;
  spec.request.request_uri = "sip:alice@example.org";
  spec.request.from = spec.request.to = "<sip:alice@example.org>";
  spec.request.destination = pair.a.flow_to(pair.b);
  spec.request.content_type = "application/pidf+xml";
  spec.request.body = "<presence/>";
  spec.event = "presence";
  spec.expires = 100s;
  const auto id = pair.a.endpoint.publish(spec, pair.now(), pair.a.out);
  pair.run_for(1s);
  CHECK(pair.seen == "new+body ");
  pair.run_for(80s);
  CHECK(pair.seen == "new+body tag1 ");
  CHECK(pair.a.endpoint.modify(id, "application/pidf+xml", "<other/>", pair.now(), pair.a.out));
  pair.run_for(1s);
  CHECK(pair.seen == "new+body tag1 tag2+body ");
  pair.tag = 40;  // it has forgotten ours
  pair.run_for(80s);
  CHECK(pair.seen == "new+body tag1 tag2+body tag3 new+body ");
  CHECK(pair.a.log() ==
        "publication-active:200 publication-active:200 publication-active:200 "
        "publication-active:200 ");
  pair.a.endpoint.remove(id, pair.now(), pair.a.out);
  pair.run();
  CHECK(pair.seen == "new+body tag1 tag2+body tag3 new+body tag41- ");
  CHECK(pair.a.heard.back() == "publication-removed:200");
  CHECK(pair.a.endpoint.next_deadline() == never);
}

// --- the flow of a registration (RFC 5626 4.4.1, 4.5) --------------------------------------------

namespace {

struct Outbound : Agent {
  explicit Outbound(Transport transport = Transport::tcp, bool keep_flow = true) {
    RegistrationSpec spec;
    spec.request.request_uri = "sip:example.org";
    spec.request.from = spec.request.to = "<sip:alice@example.org>";
    spec.request.contact = "<sip:alice@192.0.2.1:5062;transport=tcp;ob>";
    spec.request.destination = to("192.0.2.2:5060", transport);
    spec.request.persistence.credentials = {"alice", "secret"};
    spec.expires = 3600s;
    spec.keep_flow = keep_flow;
    id = node.endpoint.keep_registered(spec, node.now, node.out);
  }
  // Granted over a connection.
  void grant(std::uint64_t connection, const std::vector<HeaderField>& headers = {}) {
    auto request = take();
    CHECK(request.flow.connection == ConnectionId::none);  // whichever leads there
    request.flow.connection = ConnectionId{connection};
    answer(request, 200, headers);
    CHECK(heard() == "registration-active:200 ");
  }
  Duration pinged_each() {
    REQUIRE(node.out.keep_alives.size() == 1);
    const auto wish = node.out.keep_alives[0];
    node.out.keep_alives.clear();
    flow = wish.flow;
    return wish.every;
  }
  void close(std::uint64_t connection) {
    auto gone = to("192.0.2.2:5060", Transport::tcp);
    gone.connection = ConnectionId{connection};
    node.endpoint.on_connection_closed(gone, node.now, node.out);
  }
  RegistrationId id;
  Flow flow;
};

}  // namespace

TEST_CASE("a registration's connection is to be kept alive as the registrar says") {
  const struct {
    const char* flow_timer;  // null: not said
    Duration at_least, at_most;
  } cases[] = {
      {nullptr, 96s, 120s}, {"60", 48s, 60s},  {" 25 ", 20s, 25s},         {"0", 96s, 120s},
      {"soon", 96s, 120s},  {"-5", 96s, 120s}, {"99999999999", 96s, 120s},
  };
  for (const auto& c : cases) {
    CAPTURE(c.flow_timer);
    Outbound agent;
    std::vector<HeaderField> headers;
    if (c.flow_timer) headers.push_back({"Flow-Timer", c.flow_timer});
    agent.grant(7, headers);
    const auto every = agent.pinged_each();
    CHECK(every >= c.at_least);
    CHECK(every <= c.at_most);
    CHECK(agent.flow.connection == ConnectionId{7});
  }
}

TEST_CASE("nothing is to be kept alive without a stream, or unasked") {
  Outbound by_udp(Transport::udp);
  by_udp.grant(0);
  CHECK(by_udp.node.out.keep_alives.empty());
  Outbound unasked(Transport::tcp, false);
  unasked.grant(7);
  CHECK(unasked.node.out.keep_alives.empty());
}

TEST_CASE("its connection is gone (no pong within 10 s): registered anew within half a minute") {
  Outbound agent;
  agent.grant(7);
  agent.pinged_each();
  agent.pass(100s);
  CHECK(agent.silent());
  agent.close(6);  // another one
  CHECK(agent.heard() == "closed ");
  agent.close(7);
  CHECK(agent.heard() == "registration-waiting:503(could not be sent) closed ");
  agent.pass(14s);
  CHECK(agent.silent());  // 4.5: between 15 and 30 s, so that many do not come back at once
  agent.pass(16s);
  agent.grant(8);
  agent.pinged_each();
  CHECK(agent.flow.connection == ConnectionId{8});
  agent.close(7);  // known already
  CHECK(agent.heard() == "closed ");
  SUBCASE("again and again: with growing gaps") {
    agent.close(8);
    agent.heard();
    agent.pass(30s);
    agent.fail(agent.take().flow);
    CHECK(agent.heard() == "registration-waiting:503(could not be sent) ");
    agent.pass(29s);  // 30 to 60 s: a flow lost, then a failure
    CHECK(agent.silent());
    agent.pass(31s);
    CHECK(agent.take().method() == "REGISTER");
  }
  SUBCASE("removed meanwhile: nothing comes after") {
    agent.node.endpoint.remove(agent.id, agent.node.now, agent.node.out);
    agent.answer(agent.take(), 200);
    CHECK(agent.heard() == "registration-removed:200 ");
    agent.close(8);
    CHECK(agent.heard() == "closed ");
    agent.pass(1h);
    CHECK(agent.silent());
    CHECK(agent.node.endpoint.next_deadline() == never);
  }
}

TEST_CASE("it is gone while the refresh is under way: that one fails, and is tried again") {
  Outbound agent;
  agent.grant(7);
  agent.pass(3541s);
  const auto refresh = agent.take();
  agent.close(7);
  CHECK(agent.heard() == "registration-waiting:503(could not be sent) closed ");
  agent.pass(31s);
  agent.grant(8);
}

// --- Authentication-Info (RFC 7615) --------------------------------------------------------------

TEST_CASE("nextnonce serves the next request; who proves the wrong password is not believed") {
  const HeaderField challenge{"WWW-Authenticate",
                              "Digest realm=\"r\",nonce=\"first\",qop=\"auth\""};
  Outbound agent;
  agent.answer(agent.take(), 401, {challenge});
  const auto request = agent.take();
  auto credentials = *parse_digest_credentials(request.header("Authorization"));
  CHECK(credentials.nonce == "first");
  CHECK(credentials.nc == "00000001");
  const auto ha1 = digest_ha1(DigestAlgorithm::md5, "alice", "r", "secret");
  std::string info = "nextnonce=\"second\"", expected_nonce = "second", expected_nc = "00000001";
  std::uint64_t unproven = 0;
  SUBCASE("no proof asked or given") {}
  SUBCASE("a right proof") {
    info += ", qop=auth, cnonce=\"" + std::string(credentials.cnonce) + "\", nc=00000001" +
            ", rspauth=\"" + digest_response(credentials, ha1, {"", ""}) + '"';
  }
  SUBCASE("a wrong proof") {
    info += ", qop=auth, rspauth=\"" + std::string(32, '0') + '"';
    expected_nonce = "first";
    expected_nc = "00000002";
    unproven = 1;
  }
  SUBCASE("the same nonce: counted on") {
    info = "nextnonce=\"first\"";
    expected_nonce = "first";
    expected_nc = "00000002";
  }
  SUBCASE("no sense") {
    info = "nextnonce=\"second";
    expected_nonce = "first";
    expected_nc = "00000002";
    unproven = 1;
  }
  agent.answer(request, 200, {{"Authentication-Info", info}});
  CHECK(agent.heard() == "registration-active:200 ");
  CHECK(agent.node.endpoint.counters().unproven_servers == unproven);
  agent.pass(3541s);
  const auto refresh = agent.take();
  credentials = *parse_digest_credentials(refresh.header("Authorization"));
  CHECK(credentials.nonce == expected_nonce);
  CHECK(credentials.nc == expected_nc);
  CHECK(credentials.response == digest_response(credentials, ha1, {"REGISTER", ""}));
}

TEST_CASE("a call's nonce serves all its requests, a proxy's nextnonce too (RFC 7615)") {
  Agent agent;
  auto spec = agent.invitation();
  spec.persistence.credentials = {"alice", "secret"};
  const auto call = agent.call(spec);
  agent.answer(agent.take(), 407,
               {{"Proxy-Authenticate", "Digest realm=\"p\",nonce=\"first\",qop=\"auth\""}});
  auto sent = agent.take_all();  // ACK, INVITE
  REQUIRE(sent.size() == 2);
  agent.answer(sent[1], 200, {{"Proxy-Authentication-Info", "nextnonce=\"second\""}}, "v=0 answer");
  agent.take();
  const auto nonce_of = [](const Sent& request) {
    const auto c = parse_digest_credentials(request.header("Proxy-Authorization"));
    return c ? std::string(c->nonce) + ' ' + std::string(c->nc) : std::string();
  };
  agent.in_call(call);
  auto request = agent.take();
  CHECK(nonce_of(request) == "second 00000001");
  agent.answer(request, 200);
  agent.change(call);
  request = agent.take();
  CHECK(nonce_of(request) == "second 00000002");
  agent.answer(request, 200, {{"Proxy-Authentication-Info", "nextnonce=\"third\""}}, "v=0 answer");
  agent.take();
  agent.node.endpoint.hang_up(call, agent.node.now, agent.node.out);
  CHECK(nonce_of(agent.take()) == "third 00000001");
}
