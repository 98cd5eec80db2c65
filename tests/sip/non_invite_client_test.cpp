// Each case lists what arrives and when, and the whole trace that must come out. Time is virtual.
#include "sip/non_invite_client.hpp"

#include <doctest/doctest.h>

#include "tests/sip/transaction_trace.hpp"

using namespace std::chrono_literals;
using namespace sip::trace;

TEST_CASE("non-INVITE client transaction (RFC 3261 17.1.2)") {
  using enum sip::Reliability;
  const Case cases[] = {
      {"answered at once", unreliable, {response(20ms, 200)}, "0:send 20:deliver 5020:end "},
      {"answered at once over TCP", reliable, {response(20ms, 200)}, "0:send 20:deliver 20:end "},
      {"request lost twice",
       unreliable,
       {response(1600ms, 200)},
       "0:send 500:resend 1500:resend 1600:deliver 6600:end "},
      {"duplicate answer is absorbed",
       unreliable,
       {response(20ms, 200), response(600ms, 200)},
       "0:send 20:deliver 5020:end "},
      {"provisional slows retransmission to T2",
       unreliable,
       {response(100ms, 100), response(5s, 404)},
       "0:send 100:deliver 500:resend 4500:resend 5000:deliver 10000:end "},
      {"nobody answers",
       unreliable,
       {},
       "0:send 500:resend 1500:resend 3500:resend 7500:resend 11500:resend 15500:resend "
       "19500:resend 23500:resend 27500:resend 31500:resend 32000:timeout 32000:end "},
      {"nobody answers over TCP", reliable, {}, "0:send 32000:timeout 32000:end "},
      {"provisional, then silence",
       reliable,
       {response(1s, 100)},
       "0:send 1000:deliver 32000:timeout 32000:end "},
      {"cannot be sent", unreliable, {error(3ms)}, "0:send 3:error 3:end "},
      {"an error after the answer is nothing new",
       unreliable,
       {response(1ms, 200), error(3ms)},
       "0:send 1:deliver 3:end "},
      {"an answer after the end is ignored",
       reliable,
       {response(1ms, 200), response(2ms, 200)},
       "0:send 1:deliver 1:end "},
  };
  for (const auto& c : cases) {
    SUBCASE(c.name) {
      CHECK(run<sip::NonInviteClient>(c) == c.trace);
    }
  }
}
