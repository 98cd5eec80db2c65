// The life of a call as a trace: what happens to the session, and what it asks for.
#include "sip/invite_session.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace std::chrono_literals;
using namespace sip;

namespace {

const char* to_string(CallAction action) {
  switch (action) {
    case CallAction::send_cancel:
      return "CANCEL";
    case CallAction::send_ack:
      return "ACK";
    case CallAction::send_bye:
      return "BYE";
    case CallAction::repeat_2xx:
      return "repeat";
    case CallAction::refuse:
      return "refuse";
    case CallAction::progress:
      return "progress";
    case CallAction::answered:
      return "answered";
    case CallAction::confirmed:
      return "confirmed";
    case CallAction::failed:
      return "failed";
    case CallAction::ended_by_bye:
      return "ended-by-bye";
    case CallAction::ended_by_cancel:
      return "ended-by-cancel";
    case CallAction::ended_locally:
      return "ended";
    case CallAction::ended_no_answer:
      return "ended-no-answer";
    case CallAction::ended_no_ack:
      return "ended-no-ack";
    case CallAction::ended_expired:
      return "ended-expired";
    case CallAction::ended_lost:
      return "ended-lost";
  }
  return "?";
}

enum class What { status, hang_up, bye, bye_done, no_answer, cancel, ack, accept, refuse };

struct Step {
  std::chrono::milliseconds at;
  What what;
  int status = 0;
};

struct Case {
  const char* name;
  std::vector<Step> steps;
  const char* trace;
};

void apply(InviteSession& session, const Step& step, TimePoint now, CallActions& out) {
  switch (step.what) {
    case What::status:
      return session.on_response(step.status, now, out);
    case What::hang_up:
      return session.hang_up(now, out);
    case What::bye:
      session.on_bye(out);
      return;
    case What::bye_done:
      return session.on_bye_done(out);
    case What::no_answer:
      return session.on_no_answer(out);
    case What::cancel:
      return session.on_cancel(out);
    case What::ack:
      return session.on_ack(now, out);
    case What::accept:
      session.accept(now);
      return;
    case What::refuse:
      session.refuse();
      return;
  }
}

std::string run(InviteSession session, const Case& c) {
  CallActions actions;
  std::string trace;
  auto step = c.steps.begin();
  while (step != c.steps.end() || session.next_deadline() != never) {
    TimePoint now = session.next_deadline();
    if (step != c.steps.end() && TimePoint{} + step->at <= now) {
      now = TimePoint{} + step->at;
      apply(session, *step++, now, actions);
    } else {
      session.on_deadline(now, actions);
    }
    const auto ms =
        std::chrono::duration_cast<std::chrono::milliseconds>(now - TimePoint{}).count();
    for (const auto action : actions) trace += std::to_string(ms) + ":" + to_string(action) + " ";
    actions.clear();
  }
  return trace;
}

}  // namespace

TEST_CASE("a call that we make (RFC 3261 9.1, 13.2, 15.1)") {
  using enum What;
  const Case cases[] = {
      {"answered, we end it",
       {{100ms, status, 200}, {5s, hang_up}, {5100ms, bye_done}},
       "100:ACK 100:answered 5000:BYE 5100:ended "},
      {"answered, the peer ends it",
       {{100ms, status, 200}, {5s, bye}},
       "100:ACK 100:answered 5000:ended-by-bye "},
      {"100 is no progress, 180 is",
       {{100ms, status, 100}, {200ms, status, 180}, {1s, status, 200}},
       "200:progress 1000:ACK 1000:answered "},
      {"repeated 200",
       {{100ms, status, 200}, {600ms, status, 200}},
       "100:ACK 100:answered 600:ACK "},
      {"refused", {{100ms, status, 486}}, "100:failed "},
      {"no answer from the network", {{32s, no_answer}}, "32000:failed "},
      {"rings too long",
       {{100ms, status, 180}, {10200ms, status, 487}},
       "100:progress 10100:CANCEL 10200:failed "},
      {"cancelled while it rings",
       {{100ms, status, 180}, {1s, hang_up}, {1100ms, status, 487}},
       "100:progress 1000:CANCEL 1100:failed "},
      {"cancelled before anything came",
       {{10ms, hang_up}, {100ms, status, 100}, {200ms, status, 487}},
       "100:CANCEL 200:failed "},
      {"CANCEL crosses 200",
       {{100ms, status, 180}, {1s, hang_up}, {1100ms, status, 200}, {1200ms, bye_done}},
       "100:progress 1000:CANCEL 1100:ACK 1100:BYE 1200:failed "},
      {"CANCEL and then nothing",
       {{100ms, status, 180}, {1s, hang_up}},
       "100:progress 1000:CANCEL 33000:failed "},
      {"BYE crosses BYE",
       {{100ms, status, 200}, {5s, hang_up}, {5010ms, bye}, {5100ms, bye_done}},
       "100:ACK 100:answered 5000:BYE 5010:ended "},
      {"BYE before an answer ends nothing",
       {{100ms, status, 180}, {200ms, bye}, {300ms, status, 200}},
       "100:progress 300:ACK 300:answered "},
      {"hanging up twice",
       {{100ms, status, 200}, {5s, hang_up}, {5001ms, hang_up}, {6s, bye_done}},
       "100:ACK 100:answered 5000:BYE 6000:ended "},
  };
  for (const auto& c : cases) {
    SUBCASE(c.name) {
      CHECK(run(InviteSession::outgoing({}, 10s), c) == c.trace);
    }
  }
}

TEST_CASE("a call that comes to us (RFC 3261 9.2, 13.3, 15)") {
  using enum What;
  const Case cases[] = {
      {"accepted", {{100ms, accept}, {150ms, ack}, {5s, bye}}, "150:confirmed 5000:ended-by-bye "},
      {"ACK late: 200 is repeated",
       {{0ms, accept}, {1600ms, ack}},
       "500:repeat 1500:repeat 1600:confirmed "},
      {"no ACK",
       {{0ms, accept}},
       "500:repeat 1500:repeat 3500:repeat 7500:repeat 11500:repeat 15500:repeat 19500:repeat "
       "23500:repeat 27500:repeat 31500:repeat 32000:BYE 32000:ended-no-ack "},
      {"repeated ACK", {{0ms, accept}, {50ms, ack}, {60ms, ack}}, "50:confirmed "},
      {"cancelled", {{100ms, cancel}}, "100:refuse 100:ended-by-cancel "},
      {"cancelled too late", {{100ms, accept}, {120ms, cancel}, {150ms, ack}}, "150:confirmed "},
      {"refused", {{100ms, refuse}}, ""},
      {"the user is silent", {}, "10000:refuse 10000:ended-no-answer "},
      {"hung up before the answer", {{100ms, hang_up}}, "100:refuse 100:ended "},
      {"hung up before ACK",
       {{0ms, accept}, {10ms, hang_up}, {50ms, ack}, {90ms, bye_done}},
       "50:confirmed 50:BYE 90:ended "},
      {"BYE in an early dialog", {{100ms, bye}}, "100:refuse 100:ended-by-bye "},
      {"BYE overtakes ACK", {{0ms, accept}, {50ms, bye}, {60ms, ack}}, "50:ended-by-bye "},
  };
  for (const auto& c : cases) {
    SUBCASE(c.name) {
      const auto by = TimePoint{} + 10s;
      CHECK(run(InviteSession::incoming({}, Reliability::unreliable, by), c) == c.trace);
    }
  }
  SUBCASE("over a stream 200 is not repeated") {
    const Case c{"", {{0ms, accept}}, "32000:BYE 32000:ended-no-ack "};
    CHECK(run(InviteSession::incoming({}, Reliability::reliable, TimePoint{} + 10s), c) == c.trace);
  }
}
