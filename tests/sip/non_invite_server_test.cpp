// Each case lists what arrives and when, and the whole trace that must come out. Time is virtual.
#include "sip/non_invite_server.hpp"

#include <doctest/doctest.h>

#include "tests/sip/transaction_trace.hpp"

using namespace std::chrono_literals;
using namespace sip::trace;

TEST_CASE("non-INVITE server transaction (RFC 3261 17.2.2)") {
  using enum sip::Reliability;
  const Case cases[] = {
      {"answered at once", unreliable, {respond(5ms, 200)}, "5:send 32005:end "},
      {"answered over TCP", reliable, {respond(5ms, 200)}, "5:send 5:end "},
      {"repeated before an answer",
       unreliable,
       {request(500ms), respond(600ms, 200)},
       "600:send 32600:end "},
      {"repeated after a provisional answer",
       unreliable,
       {respond(1ms, 100), request(500ms), respond(600ms, 200)},
       "1:send 500:resend 600:send 32600:end "},
      {"repeated after the answer",
       unreliable,
       {respond(5ms, 401), request(500ms), request(31s)},
       "5:send 500:resend 31000:resend 32005:end "},
      {"a second answer is refused",
       unreliable,
       {respond(5ms, 200), respond(6ms, 500)},
       "5:send 32005:end "},
      {"the answer cannot be sent", unreliable, {respond(5ms, 200), error(6ms)}, "5:send 6:end "},
  };
  for (const auto& c : cases) {
    SUBCASE(c.name) {
      CHECK(run<sip::NonInviteServer>(c) == c.trace);
    }
  }
}

TEST_CASE("an answer that comes too late says so") {
  sip::Actions out;
  const sip::Timers timers;
  sip::NonInviteServer transaction(timers, sip::Reliability::unreliable);
  CHECK(transaction.respond(200, {}, out));
  CHECK_FALSE(transaction.respond(200, {}, out));
}
