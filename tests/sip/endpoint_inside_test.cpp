// Requests inside dialogs that do not simply succeed: challenged, refused, unanswered; and UPDATE
// before the call is answered (RFC 3311).
#include <doctest/doctest.h>

#include "sip/digest.hpp"
#include "tests/sip/agent.hpp"

using namespace std::chrono_literals;
using namespace sip;
using namespace sip::test;

namespace {

EndpointConfig strict() {
  EndpointConfig config;
  config.lenient_dialogs = false;
  config.user_handles_changes = true;
  return config;
}

// A call of ours that is up.
struct Up : Agent {
  explicit Up(EndpointConfig config = strict()) : Agent(std::move(config)) {
    auto spec = invitation();
    spec.persistence.credentials = {"alice", "secret"};
    id = call(spec);
    invite = take();
    answer(invite, 200, {{"Contact", "<sip:bob@192.0.2.2>"}}, "v=0 answer");
    ack = take();
    CHECK(heard() == "answered ");
  }
  CallId id;
  Sent invite, ack;
};

const HeaderField www{"WWW-Authenticate", "Digest realm=\"w\",nonce=\"n1\",qop=\"auth\""};
const HeaderField proxy{"Proxy-Authenticate", "Digest realm=\"p\",nonce=\"n2\",qop=\"auth\""};

bool proves(const Sent& request, const char* header, const char* realm) {
  const auto credentials = parse_digest_credentials(request.header(header));
  if (!credentials || credentials->realm != realm || credentials->username != "alice") return false;
  const auto ha1 = digest_ha1(credentials->algorithm, "alice", realm, "secret");
  MessageView view;
  if (!parse_message(request.bytes, view)) return false;
  return credentials->response ==
         digest_response(*credentials, ha1, {request.method(), view.body()});
}

}  // namespace

TEST_CASE("a response with a Via below ours is another's (8.1.3.3)") {
  Agent agent(strict());
  agent.ask(agent.message(10));
  const auto request = agent.take();
  auto crossed = request;
  const auto at = crossed.bytes.find("\r\nMax-Forwards");
  crossed.bytes.insert(at, "\r\nVia: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bKx");
  agent.answer(crossed, 200);
  CHECK(agent.heard() == "");
  agent.answer(request, 200);
  CHECK(agent.heard() == "done:200 ");
}

TEST_CASE("an ACK to a 2xx shows the credentials of its INVITE (13.2.2.4)") {
  Agent agent(strict());
  auto spec = agent.invitation();
  spec.persistence.credentials = {"alice", "secret"};
  const auto id = agent.call(spec);
  agent.answer(agent.take(), 407, {proxy});
  const auto sent = agent.take_all();  // ACK and the second INVITE
  REQUIRE(sent.size() == 2);
  CHECK(sent[0].header("Proxy-Authorization").empty());
  const auto& invite = sent[1];
  REQUIRE(proves(invite, "Proxy-Authorization", "p"));
  agent.answer(invite, 200, {{"Contact", "<sip:bob@192.0.2.2>"}}, "v=0 answer");
  const auto ack = agent.take();
  CHECK(ack.method() == "ACK");
  CHECK(ack.header("Proxy-Authorization") == invite.header("Proxy-Authorization"));
  SUBCASE("of a re-INVITE, too") {
    agent.change(id);
    const auto again = agent.take();
    agent.answer(again, 200, {{"Contact", "<sip:bob@192.0.2.2>"}}, "v=0 new answer");
    const auto second = agent.take();
    CHECK(second.method() == "ACK");
    CHECK_FALSE(second.header("Proxy-Authorization").empty());
    CHECK(second.header("Proxy-Authorization") == again.header("Proxy-Authorization"));
  }
  SUBCASE("of a 2xx that comes again, too") {
    agent.answer(invite, 200, {{"Contact", "<sip:bob@192.0.2.2>"}}, "v=0 answer");
    CHECK(agent.take().header("Proxy-Authorization") == invite.header("Proxy-Authorization"));
  }
}

TEST_CASE("a re-INVITE or UPDATE that is challenged: the same dialog, the next CSeq, credentials") {
  struct Step {
    int status;
    HeaderField challenge;
  };
  const struct {
    const char* name;
    std::vector<Step> steps;
    bool www, proxy;  // in the last try
    int status;       // that ends it
  } cases[] = {
      {"401", {{401, www}}, true, false, 200},
      {"407", {{407, proxy}}, false, true, 200},
      {"a proxy, then the peer", {{407, proxy}, {401, www}}, true, true, 200},
      {"the peer, then a proxy", {{401, www}, {407, proxy}}, true, true, 200},
      {"a wrong password", {{401, www}, {401, www}}, true, false, 401},
  };
  for (const std::string method : {"INVITE", "UPDATE"}) {
    for (const auto& c : cases) {
      CAPTURE(method);
      CAPTURE(c.name);
      Up agent;
      agent.change(agent.id, method);
      auto request = agent.take();
      std::uint32_t cseq = 2;
      const auto check = [&] {
        CHECK(request.header("CSeq") == std::to_string(cseq) + ' ' + method);
        CHECK(request.header("Call-ID") == agent.invite.header("Call-ID"));
        CHECK(request.header("From") == agent.invite.header("From"));
        CHECK(request.header("To") == agent.ack.header("To"));
        CHECK(request.bytes.ends_with("v=0 new offer"));
      };
      check();
      for (std::size_t i = 0; i < c.steps.size(); ++i) {
        const auto refused = request;
        agent.answer(request, c.steps[i].status, {c.steps[i].challenge});
        auto sent = agent.take_all();
        if (method == "INVITE") {  // its transaction acknowledges the refusal
          REQUIRE(!sent.empty());
          CHECK(sent[0].method() == "ACK");
          CHECK(sent[0].branch() == refused.branch());
          CHECK(sent[0].header("CSeq") == std::to_string(cseq) + " ACK");
          sent.erase(sent.begin());
        }
        const bool last = c.status != 200 && i + 1 == c.steps.size();
        REQUIRE(sent.size() == (last ? 0 : 1));
        if (last) break;
        request = sent[0];
        ++cseq;
        check();
        CHECK(request.branch() != refused.branch());
      }
      CHECK(proves(request, "Authorization", "w") == c.www);
      CHECK(proves(request, "Proxy-Authorization", "p") == c.proxy);
      if (c.status == 200) {
        agent.answer(request, 200, {}, "v=0 new answer");
        if (method == "INVITE") CHECK(agent.take().header("CSeq") == std::to_string(cseq) + " ACK");
      }
      CHECK(agent.heard() == "done:" + std::to_string(c.status) + " ");
      agent.in_call(agent.id);  // the dialog has counted them all
      CHECK(agent.take().header("CSeq") == std::to_string(cseq + 1) + " INFO");
    }
  }
}

TEST_CASE("INFO that is challenged takes the dialog's next CSeq, and so do those after it") {
  Up agent;
  agent.in_call(agent.id);
  auto info = agent.take();
  CHECK(info.header("CSeq") == "2 INFO");
  agent.answer(info, 401, {www});
  info = agent.take();
  CHECK(info.header("CSeq") == "3 INFO");
  CHECK(proves(info, "Authorization", "w"));
  agent.answer(info, 200);
  CHECK(agent.heard() == "done:200 ");
  agent.node.endpoint.hang_up(agent.id, agent.node.now, agent.node.out);
  CHECK(agent.take().header("CSeq") == "4 BYE");
}

TEST_CASE("what an answer inside does to the call (12.2.1.2, RFC 5057 5.1)") {
  const struct {
    int status;         // 0: silence
    bool ends;          // a strict call, whatever was asked
    bool ends_lenient;  // a camera's call, when it was a change
  } cases[] = {
      {200, false, false}, {302, false, false}, {403, false, false}, {404, true, false},
      {405, false, false}, {408, true, true},   {410, true, false},  {415, false, false},
      {420, false, false}, {480, false, false}, {481, true, true},   {482, true, false},
      {486, false, false}, {488, false, false}, {500, false, false}, {501, false, false},
      {502, true, false},  {503, false, false}, {603, false, false}, {604, true, false},
      {0, true, true},
  };
  for (const std::string method : {"INFO", "INVITE", "UPDATE"}) {
    for (const bool lenient : {false, true}) {
      for (const auto& c : cases) {
        CAPTURE(method);
        CAPTURE(c.status);
        CAPTURE(lenient);
        auto config = strict();
        config.lenient_dialogs = lenient;
        Up agent(config);
        if (method == "INFO") {
          agent.in_call(agent.id);
        } else {
          agent.change(agent.id, method);
        }
        const auto request = agent.take();
        if (c.status != 0) {
          agent.answer(request, c.status, {{"Contact", "<sip:elsewhere@192.0.2.9>"}});
        } else {
          agent.pass(33s);
        }
        const bool ends = lenient ? c.ends_lenient && method != "INFO" : c.ends;
        const auto done = c.status == 0 ? "done:408(no answer in time) "
                                        : "done:" + std::to_string(c.status) + " ";
        CHECK(agent.heard() ==
              done + (ends ? "ended:the peer does not know the call any more " : ""));
        std::size_t byes = 0;
        for (const auto& sent : agent.take_all()) {
          byes += sent.method() == "BYE";
          CHECK(sent.flow == request.flow);  // 3xx inside is not followed by itself
        }
        CHECK(byes == (ends ? 1 : 0));
        CHECK(agent.node.endpoint.counters().calls == (ends ? 0 : 1));
        if (ends) continue;
        agent.in_call(agent.id);  // it goes on, at the same target unless a change was accepted
        const bool moved = c.status == 200 && method != "INFO";
        CHECK(agent.take().bytes.starts_with(moved ? "INFO sip:elsewhere@192.0.2.9 "
                                                   : "INFO sip:bob@192.0.2.2 "));
      }
    }
  }
}

TEST_CASE("a send inside that fails ends nothing: the peer may be reached again") {
  Up agent;
  agent.in_call(agent.id);
  agent.fail(agent.take().flow);
  CHECK(agent.heard() == "done:503(could not be sent) ");
  agent.in_call(agent.id);
  agent.answer(agent.take(), 200);
  CHECK(agent.heard() == "done:200 ");
}

TEST_CASE("a re-INVITE that rings for ever is cancelled; what is left of it goes with the call") {
  Up agent;
  agent.change(agent.id);
  const auto invite = agent.take();
  agent.answer(invite, 180);
  SUBCASE("cancelled after three minutes, answered 487: the call stands") {
    agent.pass(179s);
    CHECK(agent.silent());
    agent.pass(2s);
    const auto cancel = agent.take();
    CHECK(cancel.method() == "CANCEL");
    CHECK(cancel.branch() == invite.branch());
    agent.answer(cancel, 200);
    agent.answer(invite, 487);
    CHECK(agent.take().method() == "ACK");
    CHECK(agent.heard() == "done:487 ");
    agent.change(agent.id, "UPDATE");
    CHECK(agent.take().header("CSeq") == "3 UPDATE");
    return;
  }
  SUBCASE("not even CANCEL is answered: the peer is gone") {
    agent.pass(181s);
    agent.take();
    agent.pass(33s);
    CHECK(agent.heard() ==
          "done:408(no answer in time) ended:the peer does not know the call any more ");
  }
  SUBCASE("hung up meanwhile") {
    agent.node.endpoint.hang_up(agent.id, agent.node.now, agent.node.out);
    agent.answer(agent.take(), 200);
  }
  agent.pass(1h);
  CHECK(agent.node.endpoint.counters().transactions == 0);
  CHECK(agent.node.endpoint.counters().calls == 0);
}

// --- UPDATE before the answer --------------------------------------------------------------------

namespace {

// Our call rings reliably; the peer's 183 carries its answer to our offer, and PRACK is answered.
struct Early : Agent {
  explicit Early(std::string_view answer_body = "v=0 answer") : Agent(strict()) {
    auto spec = invitation();
    spec.reliable = Reliable100::supported;
    spec.persistence.credentials = {"alice", "secret"};
    id = call(spec);
    invite = take();
    answer(invite, 183,
           {{"Contact", "<sip:bob@192.0.2.2>"},
            {"Require", "100rel"},
            {"RSeq", "1"},
            {"Allow", "INVITE, ACK, BYE, CANCEL, PRACK, UPDATE"}},
           answer_body);
    prack = take();
    heard();
  }
  CallId id;
  Sent invite, prack;
};

}  // namespace

TEST_CASE("UPDATE of the caller before the answer: in the early dialog, then the call comes up") {
  Early agent;
  CHECK(agent.prack.header("CSeq") == "2 PRACK");
  agent.answer(agent.prack, 200);
  agent.change(agent.id, "UPDATE");
  auto update = agent.take();
  CHECK(update.header("CSeq") == "3 UPDATE");
  CHECK(update.header("To") == agent.prack.header("To"));
  CHECK(update.bytes.ends_with("v=0 new offer"));
  SUBCASE("taken") {
    agent.answer(update, 200, {{"Contact", "<sip:bob@192.0.2.2:5090>"}}, "v=0 new answer");
    CHECK(agent.heard() == "done:200 ");
    agent.change(agent.id, "UPDATE", "v=0 third offer");  // the exchange is over: another may begin
    update = agent.take();
    CHECK(update.bytes.starts_with("UPDATE sip:bob@192.0.2.2:5090 "));  // target refreshed
    CHECK(update.header("CSeq") == "4 UPDATE");
    agent.answer(update, 200, {}, "v=0 third answer");
    CHECK(agent.heard() == "done:200 ");
  }
  SUBCASE("challenged") {
    agent.answer(update, 407, {proxy});
    update = agent.take();
    CHECK(update.header("CSeq") == "4 UPDATE");
    CHECK(proves(update, "Proxy-Authorization", "p"));
    agent.answer(update, 200, {}, "v=0 new answer");
    CHECK(agent.heard() == "done:200 ");
  }
  SUBCASE("refused: the call goes on as it was agreed") {
    agent.answer(update, 488);
    CHECK(agent.heard() == "done:488 ");
    agent.change(agent.id, "UPDATE", "v=0 other offer");
    update = agent.take();
    CHECK(update.header("CSeq") == "4 UPDATE");
    agent.answer(update, 200, {}, "v=0 other answer");
    CHECK(agent.heard() == "done:200 ");
  }
  SUBCASE("481: the INVITE still has its own answer") {
    agent.answer(update, 481);
    CHECK(agent.heard() == "done:481 ");
    agent.change(agent.id, "UPDATE");
    update = agent.take();
    agent.answer(update, 200, {}, "v=0 new answer");
    CHECK(agent.heard() == "done:200 ");
  }
  const auto counted = std::stoi(std::string(update.header("CSeq")));
  agent.answer(agent.invite, 200, {{"Contact", "<sip:bob@192.0.2.2>"}});
  CHECK(agent.heard() == "answered ");
  CHECK(agent.take().header("CSeq") == "1 ACK");
  agent.in_call(agent.id);  // the dialog counts on from the early one
  CHECK(agent.take().header("CSeq") == std::to_string(counted + 1) + " INFO");
}

TEST_CASE("UPDATE before the answer is not sent while an offer is open (RFC 3311 5.1)") {
  Early agent("");  // a reliable 183 without a description: our offer waits for its answer
  agent.answer(agent.prack, 200);
  agent.change(agent.id, "UPDATE");
  CHECK(agent.heard() == "done:491(impossible request) ");
  CHECK(agent.silent());
}

TEST_CASE("UPDATE of the callee before it answers, in the early dialog") {
  Early agent;
  agent.answer(agent.prack, 200);
  SUBCASE("an offer: the user's to answer") {
    agent.peer_asks(agent.invite, "UPDATE", 1, {{"Contact", "<sip:bob@192.0.2.2:5099>"}},
                    "v=0 their offer");
    REQUIRE(agent.node.out.events.size() == 1);
    const auto asked = std::get<event::IncomingRequest>(agent.node.out.events[0]);
    CHECK(asked.call == agent.id);
    ResponseSpec ok;
    ok.body = "v=0 our answer";
    ok.content_type = "application/sdp";
    agent.node.endpoint.respond(asked.transaction, ok, agent.node.now, agent.node.out);
    const auto answer = agent.take();
    CHECK(answer.bytes.starts_with("SIP/2.0 200"));
    CHECK(answer.bytes.ends_with("v=0 our answer"));
    CHECK(answer.header("To") == agent.invite.header("From"));  // no tag of its own is added
    agent.heard();
    agent.change(agent.id, "UPDATE");
    CHECK(agent.take().bytes.starts_with("UPDATE sip:bob@192.0.2.2:5099 "));
  }
  SUBCASE("without a body: answered by itself") {
    agent.peer_asks(agent.invite, "UPDATE", 1);
    CHECK(agent.take().bytes.starts_with("SIP/2.0 200"));
  }
  SUBCASE("glare: ours is under way (RFC 3311 5.2)") {
    agent.change(agent.id, "UPDATE");
    agent.take();
    agent.peer_asks(agent.invite, "UPDATE", 1, {}, "v=0 their offer");
    CHECK(agent.take().bytes.starts_with("SIP/2.0 491"));
  }
  SUBCASE("two of theirs: the second waits") {
    agent.peer_asks(agent.invite, "UPDATE", 1, {}, "v=0 their offer");
    agent.peer_asks(agent.invite, "UPDATE", 2, {}, "v=0 another");
    const auto refusal = agent.take();
    CHECK(refusal.bytes.starts_with("SIP/2.0 500"));
    CHECK(!refusal.header("Retry-After").empty());
  }
  SUBCASE("out of order (12.2.2)") {
    agent.peer_asks(agent.invite, "UPDATE", 5);
    agent.take();
    agent.peer_asks(agent.invite, "UPDATE", 4);
    CHECK(agent.take().bytes.starts_with("SIP/2.0 500"));
  }
  SUBCASE("of a dialog that is not known") {
    Sent other = agent.invite;
    const auto at = other.bytes.find(";tag=");
    other.bytes.replace(at, 8, ";tag=xyz");
    agent.peer_asks(other, "UPDATE", 1);
    CHECK(agent.take().bytes.starts_with("SIP/2.0 481"));
  }
}
