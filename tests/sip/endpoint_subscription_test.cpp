// SUBSCRIBE, NOTIFY and REFER between two endpoints in virtual time (RFC 6665, RFC 3515).
#include <doctest/doctest.h>

#include "tests/sip/pair.hpp"

using namespace std::chrono_literals;
using namespace sip;
using namespace sip::test;

namespace {

EndpointConfig notifying() {
  EndpointConfig config;
  config.event_packages = "presence, reg, refer";
  config.allow += ", REFER";
  return config;
}

// b accepts every subscription and says where things stand, a subscribes.
struct World : Pair {
  explicit World(EndpointConfig config = notifying()) : Pair({}, std::move(config)) {
    b.rule = [this](Node& node, const Event& event) {
      if (const auto* e = std::get_if<event::IncomingSubscription>(&event)) {
        theirs = e->subscription;
        node.endpoint.answer_subscription(e->subscription, answer, node.now, node.out);
        if (answer.status < 300) tell(e->expires == 0);
      } else if (const auto* r = std::get_if<event::SubscriptionRefreshed>(&event)) {
        tell(r->expires == 0);
      } else {
        accept_calls(node, event);
      }
    };
    a.rule = [this](Node&, const Event& event) {
      if (const auto* e = std::get_if<event::Notified>(&event))
        a.bodies.emplace_back(e->message->body());
      if (const auto* e = std::get_if<event::SubscriptionForked>(&event)) fork = e->subscription;
    };
  }
  void tell(bool last, std::string body = "state") {
    NotifySpec spec;
    if (last) spec.phase = SubscriptionPhase::terminated, spec.reason = "timeout";
    spec.content_type = "application/reginfo+xml";
    spec.body = std::move(body);
    b.endpoint.notify(theirs, spec, b.now, b.out);
  }
  SubscribeSpec spec(std::chrono::seconds expires = 600s) {
    SubscribeSpec s;
    s.request.request_uri = "sip:bob@example.org";
    s.request.from = "<sip:alice@example.org>";
    s.request.to = "<sip:bob@example.org>";
    s.request.destination = a.flow_to(b);
    s.event = "reg";
    s.accept = "application/reginfo+xml";
    s.expires = expires;
    return s;
  }
  SubscriptionId subscribe(const SubscribeSpec& s) {
    return ours = a.endpoint.subscribe(s, now(), a.out);
  }
  void check_nothing_left() {
    run();
    for (const auto* node : {&a, &b}) {
      CHECK(node->endpoint.counters().subscriptions == 0);
      CHECK(node->endpoint.counters().transactions == 0);
      CHECK(node->endpoint.next_deadline() == never);
    }
  }
  ResponseSpec answer;
  SubscriptionId ours, theirs, fork;
};

}  // namespace

TEST_CASE("a subscription is accepted, told, refreshed, and given up") {
  World w;
  w.subscribe(w.spec());
  w.run_for(1s);
  CHECK(w.wire == "a>SUBSCRIBE b>200 b>NOTIFY a>200 ");
  CHECK(w.a.log() == "accepted:600 notified:active;expires=600 ");
  CHECK(w.a.bodies == std::vector<std::string>{"state"});
  w.tell(false, "news");
  w.run_for(1s);
  CHECK(w.a.bodies.back() == "news");
  w.wire.clear();
  w.run_for(480s);  // refreshed at 4/5
  CHECK(w.wire == "a>SUBSCRIBE b>200 b>NOTIFY a>200 ");
  CHECK(w.b.log() == "subscription:600 refreshed:600 ");
  w.wire.clear();
  SUBCASE("by the subscriber: the last NOTIFY ends it") {
    w.a.endpoint.unsubscribe(w.ours, w.now(), w.a.out);
    w.run_for(1s);
    CHECK(w.wire == "a>SUBSCRIBE b>200 b>NOTIFY a>200 ");
    CHECK(w.a.heard.back() == "subscription-ended:200:timeout");
    CHECK(w.b.heard.back() == "subscription-ended:200:timeout");
  }
  SUBCASE("by the notifier") {
    w.b.endpoint.unsubscribe(w.theirs, w.now(), w.b.out);
    w.run_for(1s);
    CHECK(w.wire == "b>NOTIFY a>200 ");
    CHECK(w.a.heard.back() == "subscription-ended:200:deactivated");
  }
  SUBCASE("by the subscriber, to a notifier whose user says nothing") {
    w.b.rule = [](Node&, const Event&) {};
    w.a.endpoint.unsubscribe(w.ours, w.now(), w.a.out);
    w.run_for(1s);
    CHECK(w.wire == "a>SUBSCRIBE b>200 b>NOTIFY a>200 ");
    CHECK(w.a.heard.back() == "subscription-ended:200:timeout");
  }
  w.check_nothing_left();
}

TEST_CASE("how a subscription ends by itself") {
  World w;
  w.subscribe(w.spec(100s));
  w.run_for(1s);
  w.a.heard.clear();
  w.b.heard.clear();
  SUBCASE("the subscriber is gone: it expires at the notifier, whose NOTIFY is not answered") {
    w.drop = [](const std::string& word) { return word.starts_with("a>"); };
    w.run_for(101s);
    CHECK(w.b.log() == "subscription-ended:200:timeout ");
  }
  SUBCASE("a NOTIFY that nobody answers ends it (4.2.2)") {
    w.drop = [](const std::string& word) { return word.starts_with("a>"); };
    w.tell(false, "hello?");
    w.run_for(40s);
    CHECK(w.b.log() == "subscription-ended:408(no answer in time) ");
  }
  SUBCASE("the notifier is gone: the refresh fails, and it expires") {
    w.drop = [](const std::string& word) { return word.starts_with("b>"); };
    w.run_for(101s);
    CHECK(w.a.log() == "subscription-ended:408(no answer in time):timeout ");
  }
  SUBCASE("481 to a NOTIFY ends it") {
    Endpoint stranger(notifying(), Seed{99});
    w.tell(false, "to a stranger");
    const std::string notify(w.b.out.bytes(w.b.out.sends.back()));
    w.b.out.clear();
    Output out;
    stranger.on_message(notify, w.a.flow_to(w.b), w.now(), out);
    // A subscriber with other subscriptions tells an unknown one 481; one with none asks its user.
    CHECK(std::holds_alternative<event::IncomingRequest>(out.events.at(0)));
  }
  w.drop = [](const std::string&) { return true; };
  w.run_for(200s);
  w.check_nothing_left();
}

TEST_CASE("refusals of SUBSCRIBE") {
  World w;
  auto s = w.spec();
  SUBCASE("a package that is not served: 489 with Allow-Events") {
    s.event = "dialog";
    w.subscribe(s);
    w.run_for(1s);
    CHECK(w.wire == "a>SUBSCRIBE b>489 ");
    CHECK(w.a.log() == "subscription-ended:489 ");
  }
  SUBCASE("too short: 423, asked again with Min-Expires") {
    s.expires = 10s;
    w.subscribe(s);
    w.run_for(1s);
    CHECK(w.wire == "a>SUBSCRIBE b>423 a>SUBSCRIBE b>200 b>NOTIFY a>200 ");
    CHECK(w.a.log() == "accepted:60 notified:active;expires=60 ");
    return;
  }
  SUBCASE("the user's: 403") {
    w.answer.status = 403;
    w.subscribe(s);
    w.run_for(1s);
    CHECK(w.a.log() == "subscription-ended:403 ");
  }
  SUBCASE("nobody at all: 408") {
    w.drop = [](const std::string&) { return true; };
    w.subscribe(s);
    w.run_for(40s);
    CHECK(w.a.log() == "subscription-ended:408(no answer in time) ");
  }
  SUBCASE("200 but never a NOTIFY: 408 (timer N)") {
    w.drop = [](const std::string& word) { return word == "b>NOTIFY"; };
    w.subscribe(s);
    w.run_for(40s);
    CHECK(w.a.log() == "accepted:600 subscription-ended:408(no answer in time):timeout ");
  }
  SUBCASE("the user does not answer: 480") {
    auto config = notifying();
    config.limits.answer_within = 3s;
    World silent{config};
    silent.b.rule = [](Node&, const Event&) {};
    silent.subscribe(silent.spec());
    silent.run_for(5s);
    CHECK(silent.a.log().starts_with("subscription-ended:"));
    silent.check_nothing_left();
    return;
  }
  w.check_nothing_left();
}

TEST_CASE("the NOTIFY overtakes the 200, and makes the dialog (4.4.1)") {
  World w;
  int lost = 1;
  w.drop = [&](const std::string& word) { return word == "b>200" && lost-- > 0; };
  w.subscribe(w.spec());
  w.run_for(2s);
  CHECK(w.a.log() == "notified:active;expires=600 accepted:600 ");
  w.tell(false, "more");
  w.run_for(1s);
  CHECK(w.a.bodies.back() == "more");
}

TEST_CASE("fetch: Expires 0 asks once") {
  World w;
  w.subscribe(w.spec(0s));
  w.run_for(1s);
  CHECK(w.a.log() ==
        "accepted:0 notified:terminated;reason=timeout subscription-ended:200:timeout ");
  w.check_nothing_left();
}

TEST_CASE("a forked SUBSCRIBE makes several subscriptions (4.1.2.4)") {
  World w;
  w.subscribe(w.spec());
  w.settle();
  w.run_for(1s);
  // Another branch: the same SUBSCRIBE at another notifier.
  Pair twin;
  Endpoint same({}, Seed{1});
  Output asked, told;
  auto config = notifying();
  Endpoint other(config, Seed{55});
  same.subscribe(w.spec(), {}, asked);
  const std::string subscribe(asked.bytes(asked.sends.at(0)));
  other.on_message(subscribe, w.b.flow_to(w.a), {}, told);
  const auto* incoming = std::get_if<event::IncomingSubscription>(&told.events.at(0));
  REQUIRE(incoming);
  other.answer_subscription(incoming->subscription, {}, {}, told);
  NotifySpec state;
  state.body = "from the other";
  other.notify(incoming->subscription, state, {}, told);
  const std::string notify(told.bytes(told.sends.back()));
  REQUIRE(notify.starts_with("NOTIFY "));
  w.a.heard.clear();
  w.a.endpoint.on_message(notify, w.a.flow_to(w.b), w.now(), w.a.out);
  w.settle();
  CHECK(w.a.log() == "subscription-forked notified:active;expires=600 ");
  CHECK(w.a.bodies.back() == "from the other");
  CHECK(w.a.endpoint.counters().subscriptions == 2);
  CHECK(w.a.endpoint.list_subscriptions({}, 10).size() == 2);
  CHECK(w.a.endpoint.list_subscriptions({}, 1).size() == 1);
  CHECK(w.a.endpoint.unsubscribe(w.fork, w.now(), w.a.out));
}

TEST_CASE("REFER subscribes to its outcome (RFC 3515)") {
  World w;
  SubscribeSpec refer = w.spec();
  refer.request.method = "REFER";
  refer.request.headers = {{"Refer-To", "<sip:carol@example.org>"}};
  auto outcome = [&](const char* line, bool last) {
    NotifySpec spec;
    spec.content_type = "message/sipfrag;version=2.0";
    spec.body = line;
    if (last) spec.phase = SubscriptionPhase::terminated, spec.reason = "noresource";
    w.b.endpoint.notify(w.theirs, spec, w.now(), w.b.out);
    w.run_for(1s);
  };
  w.b.rule = [&](Node& node, const Event& event) {
    if (const auto* e = std::get_if<event::IncomingSubscription>(&event)) {
      w.theirs = e->subscription;
      CHECK(e->message->text(HeaderId::refer_to) == "<sip:carol@example.org>");
      ResponseSpec accepted;
      accepted.status = 202;
      node.endpoint.answer_subscription(e->subscription, accepted, node.now, node.out);
    } else {
      accept_calls(node, event);
    }
  };
  SUBCASE("outside of a call") {
    w.subscribe(refer);
    w.run_for(1s);
    CHECK(w.wire == "a>REFER b>202 ");
    outcome("SIP/2.0 100 Trying\r\n", false);
    outcome("SIP/2.0 200 OK\r\n", true);
    CHECK(w.a.bodies == std::vector<std::string>{"SIP/2.0 100 Trying\r\n", "SIP/2.0 200 OK\r\n"});
    CHECK(w.a.heard.back() == "subscription-ended:200:noresource");
  }
  SUBCASE("inside a call: in its dialog, and beyond the call's end") {
    const auto call = w.a.endpoint.invite(invite_to(w.a, w.b), w.now(), w.a.out);
    w.run_for(1s);
    w.wire.clear();
    w.a.heard.clear();
    w.a.endpoint.subscribe(refer, w.now(), w.a.out, call);
    w.a.endpoint.subscribe(refer, w.now(), w.a.out, call);
    w.run_for(1s);
    CHECK(w.wire == "a>REFER a>REFER b>202 b>202 ");
    outcome("SIP/2.0 100 Trying\r\n", false);
    CHECK(w.a.log() == "accepted:60 accepted:60 notified:active;expires=180 ");
    w.a.endpoint.hang_up(call, w.now(), w.a.out);
    w.run_for(1s);
    outcome("SIP/2.0 200 OK\r\n", true);
    CHECK(w.a.heard.back() == "subscription-ended:200:noresource");
    CHECK(w.a.endpoint.counters().subscriptions == 1);
    w.run_for(200s);
  }
  w.check_nothing_left();
}

TEST_CASE("without packages of its own an endpoint leaves SUBSCRIBE and NOTIFY to its user") {
  World w{EndpointConfig{}};
  w.b.rule = answer_requests;
  w.subscribe(w.spec());
  w.run_for(1s);
  CHECK(w.b.log() == "request:SUBSCRIBE ");
}

TEST_CASE("limits: subscriptions") {
  auto config = notifying();
  config.limits.subscriptions = 1;
  World w{config};
  w.subscribe(w.spec());
  w.run_for(1s);
  w.subscribe(w.spec());
  w.run_for(1s);
  CHECK(w.a.heard.back() == "subscription-ended:503(too much to do)");
}

TEST_CASE("subscriptions over lossy links end right, and none is left") {
  for (const double loss : {0.1, 0.3}) {
    for (std::uint64_t seed = 1; seed <= 5; ++seed) {
      CAPTURE(loss);
      CAPTURE(seed);
      World w;
      std::uint64_t state = seed;
      w.drop = [&](const std::string&) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        return static_cast<double>(state >> 33) / 2147483648.0 < loss;
      };
      for (int i = 0; i < 5; ++i) {
        w.subscribe(w.spec(300s));
        w.run_for(700s);
        w.a.endpoint.unsubscribe(w.ours, w.now(), w.a.out);
        w.run_for(700s);
      }
      w.check_nothing_left();
      const auto ended = std::count_if(w.a.heard.begin(), w.a.heard.end(), [](const auto& word) {
        return word.starts_with("subscription-ended");
      });
      CHECK(ended == 5);
    }
  }
}
