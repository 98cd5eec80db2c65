// Each case lists what arrives and when, and the whole trace that must come out. Time is virtual.
#include "sip/invite_server.hpp"

#include <doctest/doctest.h>

#include "tests/sip/transaction_trace.hpp"

using namespace std::chrono_literals;
using namespace sip::trace;

TEST_CASE("INVITE server transaction (RFC 3261 17.2.1, RFC 6026)") {
  using enum sip::Reliability;
  const Case cases[] = {
      {"accepted", unreliable, {respond(5ms, 200), ack(30ms)}, "5:send 30:deliver 32005:end "},
      {"a slow user is covered by 100",
       unreliable,
       {respond(300ms, 200)},
       "200:trying 300:send 32300:end "},
      {"repeated INVITE before anything was said",
       unreliable,
       {request(100ms), respond(150ms, 200)},
       "150:send 32150:end "},
      {"repeated INVITE gets the last provisional",
       unreliable,
       {respond(5ms, 180), request(500ms), respond(600ms, 200)},
       "5:send 500:resend 600:send 32600:end "},
      {"the user repeats its 2xx; repeated INVITEs are absorbed (timer L)",
       unreliable,
       {respond(5ms, 200), request(400ms), respond(505ms, 200)},
       "5:send 505:resend 32005:end "},
      {"refused, ACK comes", unreliable, {respond(5ms, 486), ack(30ms)}, "5:send 5030:end "},
      {"refused, ACK comes over TCP", reliable, {respond(5ms, 486), ack(30ms)}, "5:send 30:end "},
      {"refused, ACK lost twice",
       unreliable,
       {respond(0ms, 486), ack(1600ms)},
       "0:send 500:resend 1500:resend 6600:end "},
      {"refused, INVITE repeated",
       unreliable,
       {respond(0ms, 486), request(300ms), ack(400ms)},
       "0:send 300:resend 5400:end "},
      {"repeated ACK is absorbed",
       unreliable,
       {respond(5ms, 486), ack(30ms), ack(60ms)},
       "5:send 5030:end "},
      {"refused, no ACK ever (timers G and H)",
       unreliable,
       {respond(0ms, 486)},
       "0:send 500:resend 1500:resend 3500:resend 7500:resend 11500:resend 15500:resend "
       "19500:resend 23500:resend 27500:resend 31500:resend 32000:timeout 32000:end "},
      {"refused over TCP, no ACK ever",
       reliable,
       {respond(0ms, 486)},
       "0:send 32000:timeout 32000:end "},
      {"a second final answer is refused",
       unreliable,
       {respond(5ms, 486), respond(6ms, 200), ack(9ms)},
       "5:send 5009:end "},
      {"the answer cannot be sent",
       unreliable,
       {respond(5ms, 486), error(6ms)},
       "5:send 6:error 6:end "},
  };
  for (const auto& c : cases) {
    SUBCASE(c.name) {
      CHECK(run<sip::InviteServer>(c) == c.trace);
    }
  }
}
