// Hundreds of requests and calls over a link that loses, repeats and reorders: each ends, once, on
// both sides, and nothing stays. Time is virtual, chance is seeded.
#include <doctest/doctest.h>

#include <algorithm>
#include <map>

#include "tests/sip/pair.hpp"

using namespace std::chrono_literals;
using namespace sip;
using namespace sip::test;

namespace {

// How often each thing has ended, by the number that its request carried or its call had.
struct Ends {
  std::map<std::uint64_t, int> requests;
  std::map<std::uint64_t, int> calls_made;
  std::map<CallId, int> calls_taken;
  std::size_t answered_requests = 0, answered_calls = 0;
};

void note_caller(Ends& ends, Node& node, const Event& event) {
  if (const auto* e = std::get_if<event::RequestDone>(&event)) {
    ++ends.requests[e->user_data];
    if (e->cause == Cause::answered) ++ends.answered_requests;
  }
  if (const auto* e = std::get_if<event::CallAnswered>(&event)) {
    ++ends.answered_calls;
    node.endpoint.hang_up(e->call, node.now, node.out);
  }
  if (const auto* e = std::get_if<event::CallFailed>(&event)) ++ends.calls_made[e->user_data];
  if (const auto* e = std::get_if<event::CallEnded>(&event)) ++ends.calls_made[e->user_data];
}

void note_callee(Ends& ends, Node& node, const Event& event) {
  accept_calls(node, event);
  if (const auto* e = std::get_if<event::IncomingCall>(&event)) ends.calls_taken[e->call] = 0;
  if (const auto* e = std::get_if<event::CallEnded>(&event)) ++ends.calls_taken[e->call];
}

template <class Map>
bool all_once(const Map& ends) {
  return std::ranges::all_of(ends, [](const auto& entry) { return entry.second == 1; });
}

void check_empty(const Pair& pair) {
  for (const auto* node : {&pair.a, &pair.b}) {
    CHECK(node->endpoint.counters().transactions == 0);
    CHECK(node->endpoint.counters().calls == 0);
    CHECK(node->endpoint.next_deadline() == never);
  }
}

}  // namespace

TEST_CASE("over a bad link every transaction ends right and none stays") {
  constexpr std::size_t count = 300;
  const struct {
    double loss, duplicate;
    std::uint64_t seed;
    std::size_t requests_answered, calls_answered;  // at least
  } rows[] = {
      {0.01, 0.01, 1, count, count},
      {0.01, 0.20, 2, count, count},
      {0.10, 0.02, 3, count, count},
      {0.10, 0.02, 4, count, count},
      {0.30, 0.05, 5, count - 3, 270},
      {0.30, 0.05, 6, count - 3, 270},
      {1.00, 0.00, 7, 0, 0},
  };
  for (const auto& row : rows) {
    CAPTURE(row.loss);
    CAPTURE(row.seed);
    Pair pair({.latency = 20ms,
               .jitter = 40ms,
               .loss = row.loss,
               .duplicate = row.duplicate,
               .seed = row.seed});
    Ends ends;
    pair.a.rule = [&](Node& node, const Event& event) { note_caller(ends, node, event); };
    pair.b.rule = [&](Node& node, const Event& event) { note_callee(ends, node, event); };
    for (std::uint64_t i = 0; i < count; ++i) {
      auto message = message_to(pair.a, pair.b);
      message.user_data = i;
      pair.a.endpoint.send_request(message, pair.a.now, pair.a.out);
      auto invite = invite_to(pair.a, pair.b);
      invite.user_data = i;
      pair.a.endpoint.invite(invite, pair.a.now, pair.a.out);
      pair.run_for(3ms);
    }
    pair.run();
    CHECK(ends.requests.size() == count);
    CHECK(ends.calls_made.size() == count);
    CHECK(all_once(ends.requests));
    CHECK(all_once(ends.calls_made));
    CHECK(all_once(ends.calls_taken));
    CHECK(ends.answered_requests >= row.requests_answered);
    CHECK(ends.answered_calls >= row.calls_answered);
    CHECK(pair.now() < TimePoint{} + 5min);
    check_empty(pair);
  }
}

// CANCEL and 200 meet on the way, before, after and at the same moment.
TEST_CASE("200 calls whose CANCEL crosses the answer all end on both sides") {
  constexpr std::uint64_t count = 200;
  Pair pair({.latency = 20ms, .jitter = 2ms});
  Ends ends;
  std::vector<CallId> incoming;
  std::size_t hung_up_by_bye = 0, cancelled = 0;
  pair.a.rule = [&](Node&, const Event& event) {
    if (const auto* e = std::get_if<event::CallFailed>(&event)) {
      ++ends.calls_made[e->user_data];
      CHECK(e->cause == Cause::cancelled);
      ++cancelled;
    }
    if (const auto* e = std::get_if<event::CallEnded>(&event)) {
      ++ends.calls_made[e->user_data];
      ++hung_up_by_bye;
    }
  };
  pair.b.rule = [&](Node& node, const Event& event) {
    if (const auto* e = std::get_if<event::IncomingCall>(&event)) {
      ends.calls_taken[e->call] = 0;
      incoming.push_back(e->call);
      ResponseSpec ringing;
      ringing.status = 180;
      node.endpoint.answer(e->call, ringing, node.now, node.out);
    }
    if (const auto* e = std::get_if<event::CallEnded>(&event)) ++ends.calls_taken[e->call];
  };
  std::vector<CallId> made;
  for (std::uint64_t i = 0; i < count; ++i) {
    auto invite = invite_to(pair.a, pair.b);
    invite.user_data = i;
    made.push_back(pair.a.endpoint.invite(invite, pair.a.now, pair.a.out));
  }
  pair.run_for(60ms);
  REQUIRE(incoming.size() == count);
  for (std::uint64_t ms = 0; ms < 80; ++ms) {
    for (std::uint64_t i = 0; i < count; ++i) {
      if (i % 50 == ms) pair.b.endpoint.answer(incoming[i], {}, pair.b.now, pair.b.out);
      if (i * 7 % 60 == ms) pair.a.endpoint.hang_up(made[i], pair.a.now, pair.a.out);
    }
    pair.run_for(1ms);
  }
  pair.run();
  CHECK(ends.calls_made.size() == count);
  CHECK(all_once(ends.calls_made));
  CHECK(all_once(ends.calls_taken));
  CHECK(cancelled + hung_up_by_bye == count);
  CHECK(cancelled > 20);
  CHECK(hung_up_by_bye > 20);
  check_empty(pair);
}
