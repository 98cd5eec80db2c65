// Requests that are tried again: challenges answered, 3xx followed, other places tried. In virtual
// time.
#include <doctest/doctest.h>

#include <algorithm>

#include "tests/sip/guarded.hpp"

using namespace std::chrono_literals;
using namespace sip;
using namespace sip::test;

TEST_CASE("a challenge is answered once, with the next CSeq (22.2)") {
  for (const int status : {401, 407}) {
    CAPTURE(status);
    Guarded pair(status);
    const auto text = std::to_string(status);
    SUBCASE("right") {
      const auto id = pair.a.endpoint.send_request(pair.request("secret"), pair.now(), pair.a.out);
      RequestId done;
      pair.a.rule = [&](Node&, const Event& event) {
        if (const auto* e = std::get_if<event::RequestDone>(&event)) done = e->request;
      };
      pair.run();
      CHECK(pair.wire == "a>MESSAGE b>" + text + " a>MESSAGE b>200 ");
      CHECK(pair.a.log() == "done:200 ");
      CHECK(pair.last_cseq == 2);
      CHECK(done == id);
    }
    SUBCASE("wrong: it does not try for ever") {
      pair.a.endpoint.send_request(pair.request("guess"), pair.now(), pair.a.out);
      pair.run();
      CHECK(pair.wire == "a>MESSAGE b>" + text + " a>MESSAGE b>" + text + " ");
      CHECK(pair.a.log() == "done:" + text + " ");
    }
    SUBCASE("without credentials it is the user's") {
      pair.a.endpoint.send_request(message_to(pair.a, pair.b), pair.now(), pair.a.out);
      pair.run();
      CHECK(pair.a.log() == "done:" + text + " ");
    }
    CHECK(pair.a.endpoint.counters().transactions == 0);
  }
}

TEST_CASE("a call that is challenged, and hung up") {
  Guarded pair(407);
  auto spec = invite_to(pair.a, pair.b);
  spec.persistence.credentials = {"alice", "secret"};
  const auto call = pair.a.endpoint.invite(spec, pair.now(), pair.a.out);
  pair.run_for(1s);
  CHECK(pair.wire == "a>INVITE b>407 a>ACK a>INVITE b>200 a>ACK ");
  CHECK(pair.a.log() == "answered ");
  pair.a.endpoint.hang_up(call, pair.now(), pair.a.out);
  pair.run();
  CHECK(pair.b.heard.back() == "ended:BYE from the peer");
  CHECK(pair.a.endpoint.counters().calls == 0);
  CHECK(pair.a.endpoint.counters().transactions == 0);
}

// --- other places --------------------------------------------------------------------------------

TEST_CASE("other places are tried in order, after silence, a failed send, or 503 (RFC 3263 4.3)") {
  Pair pair;
  auto spec = message_to(pair.a, pair.b);
  auto dead = spec.destination;
  dead.remote = address_of("192.0.2.77:5060");
  spec.persistence.further = {spec.destination};
  spec.destination = dead;
  pair.b.rule = answer_requests;
  SUBCASE("silence") {
    int lost = 7 + 4;  // as often as timers E and F let it be sent
    pair.drop = [&](const std::string& word) { return word == "a>MESSAGE" && --lost >= 0; };
    pair.a.endpoint.send_request(spec, pair.now(), pair.a.out);
    pair.run();
    CHECK(pair.a.log() == "done:200 ");
  }
  SUBCASE("the send fails") {
    pair.drop = [](const std::string&) { return true; };
    pair.a.endpoint.send_request(spec, pair.now(), pair.a.out);
    pair.settle();
    pair.drop = [](const std::string&) { return false; };
    pair.a.endpoint.on_send_failed(dead, pair.now(), pair.a.out);
    pair.run();
    CHECK(pair.a.log() == "done:200 ");
  }
  SUBCASE("503") {
    bool first = true;
    pair.b.rule = [&](Node& node, const Event& event) {
      const auto* e = std::get_if<event::IncomingRequest>(&event);
      if (!e) return;
      ResponseSpec answer;
      answer.status = std::exchange(first, false) ? 503 : 200;
      node.endpoint.respond(e->transaction, answer, node.now, node.out);
    };
    pair.a.endpoint.send_request(spec, pair.now(), pair.a.out);
    pair.run();
    CHECK(pair.a.log() == "done:200 ");
  }
  SUBCASE("nowhere") {
    pair.drop = [](const std::string&) { return true; };
    pair.a.endpoint.send_request(spec, pair.now(), pair.a.out);
    pair.run();
    CHECK(pair.a.log() == "done:408(no answer in time) ");
  }
  CHECK(pair.a.endpoint.counters().transactions == 0);
}

namespace {

// b redirects by a table: Request-URI -> status and Contacts; a's look-ups all lead to b.
struct Redirecting : Pair {
  struct Row {
    const char* uri;
    int status;
    std::vector<std::string> contacts;
  };
  explicit Redirecting(std::vector<Row> given) : rows(std::move(given)) {
    b.rule = [this](Node& node, const Event& event) {
      if (const auto* e = std::get_if<event::IncomingRequest>(&event)) {
        node.endpoint.respond(e->transaction, judge(*e->message), node.now, node.out);
      } else if (const auto* c = std::get_if<event::IncomingCall>(&event)) {
        node.endpoint.answer(c->call, judge(*c->message), node.now, node.out);
      }
    };
  }
  ResponseSpec judge(const MessageView& request) {
    ResponseSpec answer;
    answer.status = 404;
    tried += std::string(request.request_uri_text()) + " ";
    for (const auto& row : rows) {
      if (request.request_uri_text() != row.uri) continue;
      answer.status = row.status;
      for (const auto& contact : row.contacts) answer.headers.push_back({"Contact", contact});
    }
    return answer;
  }
  // The pair forgets look-ups when it settles: they are answered before.
  void go() {
    for (int i = 0; i < 50; ++i) {
      const auto lookups = std::exchange(a.out.lookups, {});
      for (const auto& lookup : lookups) {
        const Flow here = a.flow_to(b);
        const bool known = lookup.uri.find("nowhere") == std::string::npos;
        a.endpoint.on_resolved(lookup.id, known ? std::span(&here, 1) : std::span<const Flow>(),
                               now(), a.out);
      }
      const auto& deliver = a.out;
      if (deliver.lookups.empty() && !step(now() + 100ms)) break;
    }
  }
  std::vector<Row> rows;
  std::string tried;
};

}  // namespace

TEST_CASE("3xx are followed, best q first, no URI twice (8.1.3.4)") {
  const struct {
    const char* name;
    std::vector<Redirecting::Row> rows;
    unsigned at_most;
    const char* tried;
    const char* end;
  } cases[] = {
      {"not followed unless wanted", {{"sip:x@a", 302, {"<sip:y@b>"}}}, 0, "sip:x@a ", "done:302 "},
      {"followed",
       {{"sip:x@a", 302, {"<sip:y@b>"}}, {"sip:y@b", 200, {}}},
       5,
       "sip:x@a sip:y@b ",
       "done:200 "},
      {"by q",
       {{"sip:x@a", 300, {"<sip:low@b>;q=0.2, <sip:high@b>;q=0.8"}}, {"sip:low@b", 200, {}}},
       5,
       "sip:x@a sip:high@b sip:low@b ",
       "done:200 "},
      {"a loop ends",
       {{"sip:x@a", 302, {"<sip:y@b>"}}, {"sip:y@b", 302, {"<sip:x@a>", "<sip:y@b>"}}},
       5,
       "sip:x@a sip:y@b ",
       "done:302 "},
      {"a chain ends at its limit",
       {{"sip:x@a", 302, {"<sip:1@b>"}},
        {"sip:1@b", 302, {"<sip:2@b>"}},
        {"sip:2@b", 302, {"<sip:3@b>"}}},
       2,
       "sip:x@a sip:1@b sip:2@b ",
       "done:302 "},
      {"a place that cannot be found is passed over",
       {{"sip:x@a", 302, {"<sip:y@nowhere>;q=0.9, <sip:z@b>;q=0.1"}}, {"sip:z@b", 200, {}}},
       5,
       "sip:x@a sip:z@b ",
       "done:200 "},
      {"all fail", {{"sip:x@a", 302, {"<sip:y@b>"}}}, 5, "sip:x@a sip:y@b ", "done:404 "},
  };
  for (const auto& c : cases) {
    CAPTURE(c.name);
    Redirecting pair(c.rows);
    auto spec = message_to(pair.a, pair.b);
    spec.request_uri = "sip:x@a";
    spec.persistence.redirections = c.at_most;
    pair.a.endpoint.send_request(spec, pair.now(), pair.a.out);
    pair.go();
    CHECK(pair.tried == c.tried);
    CHECK(pair.a.log() == c.end);
  }
}

TEST_CASE("a call is redirected") {
  Redirecting pair({{"sip:x@a", 302, {"<sip:y@b>"}}, {"sip:y@b", 200, {}}});
  auto spec = invite_to(pair.a, pair.b);
  spec.request_uri = "sip:x@a";
  spec.persistence.redirections = 3;
  const auto call = pair.a.endpoint.invite(spec, pair.now(), pair.a.out);
  pair.go();
  CHECK(pair.wire == "a>INVITE b>302 a>ACK a>INVITE b>200 a>ACK ");
  CHECK(pair.a.log() == "answered ");
  pair.a.endpoint.hang_up(call, pair.now(), pair.a.out);
  pair.go();
  CHECK(pair.a.heard.back() == "ended:hung up here");
}

TEST_CASE("a destination that is not known is looked up") {
  Redirecting pair({{"sip:y@b", 200, {}}});
  auto spec = message_to(pair.a, pair.b);
  spec.request_uri = "sip:y@b";
  spec.destination = {};
  SUBCASE("found") {
    pair.a.endpoint.send_request(spec, pair.now(), pair.a.out);
    REQUIRE(pair.a.out.lookups.size() == 1);
    CHECK(pair.a.out.lookups[0].uri == "sip:y@b");
    pair.go();
    CHECK(pair.a.log() == "done:200 ");
  }
  SUBCASE("its first Route is what is looked up") {
    spec.headers = {{"Route", "<sip:proxy.example.org;lr>"}};
    pair.a.endpoint.send_request(spec, pair.now(), pair.a.out);
    REQUIRE(pair.a.out.lookups.size() == 1);
    CHECK(pair.a.out.lookups[0].uri == "sip:proxy.example.org;lr");
  }
  SUBCASE("not found") {
    spec.request_uri = "sip:y@nowhere";
    pair.a.endpoint.send_request(spec, pair.now(), pair.a.out);
    pair.go();
    CHECK(pair.a.log() == "done:503(could not be sent) ");
  }
  SUBCASE("a call, hung up meanwhile") {
    auto invite = invite_to(pair.a, pair.b);
    invite.destination = {};
    const auto call = pair.a.endpoint.invite(invite, pair.now(), pair.a.out);
    pair.a.endpoint.hang_up(call, pair.now(), pair.a.out);
    pair.go();
    CHECK(pair.wire == "");
    CHECK(pair.a.log() == "failed:487(cancelled) ");
  }
}
