// Each case lists what arrives and when, and the whole trace that must come out. Time is virtual.
#include "sip/invite_client.hpp"

#include <doctest/doctest.h>

#include "tests/sip/transaction_trace.hpp"

using namespace std::chrono_literals;
using namespace sip::trace;

TEST_CASE("INVITE client transaction (RFC 3261 17.1.1, RFC 6026)") {
  using enum sip::Reliability;
  const Case cases[] = {
      {"answered at once", unreliable, {response(20ms, 200)}, "0:send 20:deliver 32020:end "},
      {"answered over TCP", reliable, {response(20ms, 200)}, "0:send 20:deliver 32020:end "},
      {"rings, then answered",
       unreliable,
       {response(20ms, 100), response(300ms, 180), response(90s, 200)},
       "0:send 20:deliver 300:deliver 90000:deliver 122000:end "},
      {"request lost twice",
       unreliable,
       {response(1600ms, 200)},
       "0:send 500:resend 1500:resend 1600:deliver 33600:end "},
      {"repeated 2xx are all delivered (timer M)",
       unreliable,
       {response(20ms, 200), response(520ms, 200), response(1520ms, 200)},
       "0:send 20:deliver 520:deliver 1520:deliver 32020:end "},
      {"refused", unreliable, {response(20ms, 486)}, "0:send 20:ack 20:deliver 32020:end "},
      {"refused over TCP", reliable, {response(20ms, 486)}, "0:send 20:ack 20:deliver 20:end "},
      {"repeated refusal is acknowledged again",
       unreliable,
       {response(20ms, 486), response(520ms, 486)},
       "0:send 20:ack 20:deliver 520:ack 32020:end "},
      {"a 2xx after a refusal is ignored",
       unreliable,
       {response(20ms, 486), response(520ms, 200)},
       "0:send 20:ack 20:deliver 32020:end "},
      {"a refusal or 180 after a 2xx is ignored",
       unreliable,
       {response(20ms, 200), response(30ms, 486), response(40ms, 180)},
       "0:send 20:deliver 32020:end "},
      {"nobody answers",
       unreliable,
       {},
       "0:send 500:resend 1500:resend 3500:resend 7500:resend 15500:resend 31500:resend "
       "32000:timeout 32000:end "},
      {"nobody answers over TCP", reliable, {}, "0:send 32000:timeout 32000:end "},
      {"a provisional answer stops timers A and B",
       unreliable,
       {response(100ms, 100), response(200s, 200)},
       "0:send 100:deliver 200000:deliver 232000:end "},
      {"cannot be sent", unreliable, {error(3ms)}, "0:send 3:error 3:end "},
  };
  for (const auto& c : cases) {
    SUBCASE(c.name) {
      CHECK(run<sip::InviteClient>(c) == c.trace);
    }
  }
}
