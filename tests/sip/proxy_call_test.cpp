// Two user agents call each other through the server, over a network that loses messages: every
// call ends, once, at both ends, and nothing is left of it anywhere.
#include <doctest/doctest.h>

#include "tests/sip/server_net.hpp"

using namespace sip;
using namespace sip::test;
using namespace std::chrono_literals;

namespace {

ServerConfig config_of(Proxying proxying, bool record_route) {
  ServerConfig config;
  config.domains = {"example.org"};
  config.proxying = proxying;
  config.record_route = record_route;
  config.relay_for = RelayFor::everyone;
  return config;
}

std::size_t count_of(const Node& node, std::string_view word) {
  return static_cast<std::size_t>(std::ranges::count_if(
      node.heard, [word](const std::string& heard) { return heard.starts_with(word); }));
}
bool over(const Node& node) {
  return count_of(node, "failed") + count_of(node, "ended") > 0;
}

struct Trial {
  Proxying proxying;
  bool record_route;
  bool caller_hangs_up;
  double loss;
};

// True when the call was answered.
bool call_and_hang_up(const Trial& trial, std::uint64_t seed) {
  Node alice("192.0.2.1:5060", 1), bob("192.0.2.2:5060", 2);
  Net net(config_of(trial.proxying, trial.record_route), {.loss = trial.loss, .seed = seed});
  net.add(alice);
  net.add(bob);
  net.bind("bob", bob);
  bob.rule = accept_calls;
  auto call = net.call(alice, "bob");
  net.run_until([&] { return count_of(alice, "answered") > 0 || over(alice); });
  const bool answered = count_of(alice, "answered") > 0;
  if (answered) {
    net.run_until([&] { return count_of(bob, "confirmed") > 0 || over(bob); });
    auto& who = trial.caller_hangs_up ? alice : bob;
    if (&who == &bob) call = bob.call;
    net.act(who, [&](Node& n) { n.endpoint.hang_up(call, n.now, n.out); });
  }
  net.run_out();
  CHECK(count_of(alice, "failed") + count_of(alice, "ended") == 1);
  CHECK(count_of(bob, "ended") == count_of(bob, "call"));
  CHECK(net.left() == "");
  if (trial.loss == 0) {
    CHECK(alice.log() == (trial.caller_hangs_up ? "answered ended:hung up here "
                                                : "answered ended:BYE from the peer "));
    CHECK(bob.log() == (trial.caller_hangs_up ? "call confirmed ended:BYE from the peer "
                                              : "call confirmed ended:hung up here "));
  }
  return answered;
}

}  // namespace

TEST_CASE("calls through the server: loss, Record-Route, and who hangs up") {
  for (const auto proxying : {Proxying::stateful, Proxying::stateless})
    for (const bool record_route : {true, false})
      for (const bool caller : {true, false})
        for (const double loss : {0.0, 0.01, 0.1, 0.3}) {
          CAPTURE(static_cast<int>(proxying));
          CAPTURE(record_route);
          CAPTURE(caller);
          CAPTURE(loss);
          int answered = 0;
          const int calls = loss == 0 ? 1 : 12;
          for (int i = 0; i < calls; ++i) {
            CAPTURE(i);
            answered += call_and_hang_up({proxying, record_route, caller, loss},
                                         static_cast<std::uint64_t>(i) + 1);
          }
          CHECK(answered >= (loss > 0.2 ? calls / 2 : calls));
        }
}

TEST_CASE("calls through the server: a CANCEL and a 200 cross") {
  for (const double loss : {0.0, 0.01, 0.1, 0.3})
    for (std::uint64_t seed = 1; seed <= 12; ++seed) {
      CAPTURE(loss);
      CAPTURE(seed);
      Node alice("192.0.2.1:5060", 1), bob("192.0.2.2:5060", 2);
      Net net(config_of(Proxying::stateful, true), {.loss = loss, .seed = seed});
      net.add(alice);
      net.add(bob);
      net.bind("bob", bob);
      bob.rule = [](Node& node, const Event& event) {
        ResponseSpec ringing;
        ringing.status = 180;
        if (const auto* e = std::get_if<event::IncomingCall>(&event))
          node.endpoint.answer(e->call, ringing, node.now, node.out);
      };
      const auto call = net.call(alice, "bob");
      net.run_until([&] { return count_of(alice, "progress") > 0 || over(alice); });
      net.act(alice, [&](Node& n) { n.endpoint.hang_up(call, n.now, n.out); });
      // From before the CANCEL has left the proxy until after it has come.
      net.run_for(std::chrono::milliseconds(5 * seed));
      net.act(bob, [&](Node& n) { n.endpoint.answer(n.call, {}, n.now, n.out); });
      net.run_out();
      CHECK(count_of(alice, "failed") + count_of(alice, "ended") == 1);
      CHECK(count_of(bob, "ended") == count_of(bob, "call"));
      CHECK(net.left() == "");
    }
}

TEST_CASE("calls through the server: two telephones answer at once") {
  for (const double loss : {0.0, 0.1, 0.3})
    for (std::uint64_t seed = 1; seed <= 10; ++seed) {
      CAPTURE(loss);
      CAPTURE(seed);
      Node alice("192.0.2.1:5060", 1), desk("192.0.2.2:5060", 2), mobile("192.0.2.3:5060", 3);
      Net net(config_of(Proxying::stateful, true), {.loss = loss, .seed = seed});
      net.add(alice);
      net.add(desk);
      net.add(mobile);
      net.bind("bob", desk);
      net.bind("bob", mobile);
      desk.rule = mobile.rule = accept_calls;
      const auto call = net.call(alice, "bob");
      net.run_until([&] { return count_of(alice, "answered") > 0 || over(alice); });
      net.run_for(5s);
      net.act(alice, [&](Node& n) { n.endpoint.hang_up(call, n.now, n.out); });
      net.run_out();
      if (loss == 0) {
        CHECK(alice.log() == "answered ended:hung up here ");
        CHECK(count_of(desk, "ended:BYE from the peer") == 1);
        CHECK(count_of(mobile, "ended:BYE from the peer") == 1);
      }
      CHECK(count_of(desk, "ended") == count_of(desk, "call"));
      CHECK(count_of(mobile, "ended") == count_of(mobile, "call"));
      CHECK(net.left() == "");
    }
}

TEST_CASE("calls through the server: one after the other, the second answers") {
  Node alice("192.0.2.1:5060", 1), desk("192.0.2.2:5060", 2), mobile("192.0.2.3:5060", 3);
  Net net(config_of(Proxying::stateful, true));
  net.add(alice);
  net.add(desk);
  net.add(mobile);
  net.bind("bob", desk, 900);
  net.bind("bob", mobile, 300);
  desk.rule = [](Node& node, const Event& event) {
    ResponseSpec busy;
    busy.status = 486;
    if (const auto* e = std::get_if<event::IncomingCall>(&event))
      node.endpoint.answer(e->call, busy, node.now, node.out);
  };
  mobile.rule = accept_calls;
  const auto call = net.call(alice, "bob");
  net.run_for(2s);
  net.act(alice, [&](Node& n) { n.endpoint.hang_up(call, n.now, n.out); });
  net.run_out();
  CHECK(alice.log() == "answered ended:hung up here ");
  CHECK(desk.log() == "call ");
  CHECK(mobile.log() == "call confirmed ended:BYE from the peer ");
  CHECK(net.left() == "");
}
