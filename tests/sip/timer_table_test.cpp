// RFC 3261 table 4 (and timers L and M of RFC 6026), row by row, over unreliable and reliable
// transports: what a machine does with nothing but time. Timer C belongs to the proxy and its
// tests.
#include <doctest/doctest.h>

#include "sip/invite_client.hpp"
#include "sip/invite_server.hpp"
#include "sip/non_invite_client.hpp"
#include "sip/non_invite_server.hpp"
#include "tests/sip/transaction_trace.hpp"

using namespace std::chrono_literals;
using namespace sip::trace;
using enum sip::Reliability;

namespace {

enum class Machine { invite_client, invite_server, client, server };

struct Row {
  const char* timer;
  const char* section;
  const char* meaning;
  Machine machine;
  sip::Reliability transport;
  std::vector<Step> steps;
  const char* trace;
};

std::string run(const Row& row, const sip::Timers& timers) {
  const Case c{row.meaning, row.transport, row.steps, row.trace};
  switch (row.machine) {
    case Machine::invite_client:
      return sip::trace::run<sip::InviteClient>(c, timers);
    case Machine::invite_server:
      return sip::trace::run<sip::InviteServer>(c, timers);
    case Machine::client:
      return sip::trace::run<sip::NonInviteClient>(c, timers);
    case Machine::server:
      return sip::trace::run<sip::NonInviteServer>(c, timers);
  }
  return {};
}

void check(const std::vector<Row>& rows, const sip::Timers& timers) {
  for (const auto& row : rows) {
    CAPTURE(row.timer);
    CAPTURE(row.section);
    CAPTURE(row.meaning);
    CHECK(run(row, timers) == row.trace);
  }
}

}  // namespace

TEST_CASE("timers of RFC 3261 table 4 and RFC 6026, by their default values") {
  using enum Machine;
  check(
      {
          {"T1",
           "17.1.1.1",
           "500 ms until the first retransmission",
           client,
           unreliable,
           {response(600ms, 200)},
           "0:send 500:resend 600:deliver 5600:end "},
          {"T2",
           "17.1.2.2",
           "4 s are the longest gap of a non-INVITE request",
           client,
           unreliable,
           {response(12s, 200)},
           "0:send 500:resend 1500:resend 3500:resend 7500:resend 11500:resend 12000:deliver "
           "17000:end "},
          {"T2",
           "17.2.1",
           "4 s are the longest gap of a failure of an INVITE",
           invite_server,
           unreliable,
           {respond(0ms, 486), ack(16s)},
           "0:send 500:resend 1500:resend 3500:resend 7500:resend 11500:resend 15500:resend "
           "21000:end "},
          {"T4",
           "17.1.2.2",
           "5 s may a message stay in the network",
           client,
           unreliable,
           {response(0ms, 200)},
           "0:send 0:deliver 5000:end "},
          {"A",
           "17.1.1.2",
           "T1, doubled each time, not limited by T2",
           invite_client,
           unreliable,
           {response(31600ms, 200)},
           "0:send 500:resend 1500:resend 3500:resend 7500:resend 15500:resend 31500:resend "
           "31600:deliver 63600:end "},
          {"A",
           "17.1.1.2",
           "not over a reliable transport",
           invite_client,
           reliable,
           {response(31s, 200)},
           "0:send 31000:deliver 63000:end "},
          {"B",
           "17.1.1.2",
           "64*T1: the INVITE times out",
           invite_client,
           unreliable,
           {},
           "0:send 500:resend 1500:resend 3500:resend 7500:resend 15500:resend 31500:resend "
           "32000:timeout 32000:end "},
          {"B",
           "17.1.1.2",
           "over a reliable transport too",
           invite_client,
           reliable,
           {},
           "0:send 32000:timeout 32000:end "},
          {"D",
           "17.1.1.2",
           "32 s for repeated failures",
           invite_client,
           unreliable,
           {response(0ms, 486), response(31999ms, 486)},
           "0:send 0:ack 0:deliver 31999:ack 32000:end "},
          {"D",
           "17.1.1.2",
           "none over a reliable transport",
           invite_client,
           reliable,
           {response(0ms, 486)},
           "0:send 0:ack 0:deliver 0:end "},
          {"E",
           "17.1.2.2",
           "T1, doubled up to T2",
           client,
           unreliable,
           {response(8s, 200)},
           "0:send 500:resend 1500:resend 3500:resend 7500:resend 8000:deliver 13000:end "},
          {"E",
           "17.1.2.2",
           "T2 after a provisional answer",
           client,
           unreliable,
           {response(600ms, 100), response(6s, 200)},
           "0:send 500:resend 600:deliver 1500:resend 5500:resend 6000:deliver 11000:end "},
          {"E",
           "17.1.2.2",
           "not over a reliable transport",
           client,
           reliable,
           {response(8s, 200)},
           "0:send 8000:deliver 8000:end "},
          {"F",
           "17.1.2.2",
           "64*T1: the request times out",
           client,
           unreliable,
           {},
           "0:send 500:resend 1500:resend 3500:resend 7500:resend 11500:resend 15500:resend "
           "19500:resend 23500:resend 27500:resend 31500:resend 32000:timeout 32000:end "},
          {"F",
           "17.1.2.2",
           "over a reliable transport too",
           client,
           reliable,
           {},
           "0:send 32000:timeout 32000:end "},
          {"G",
           "17.2.1",
           "T1, doubled up to T2, until ACK",
           invite_server,
           unreliable,
           {respond(0ms, 404), ack(4s)},
           "0:send 500:resend 1500:resend 3500:resend 9000:end "},
          {"G",
           "17.2.1",
           "not over a reliable transport",
           invite_server,
           reliable,
           {respond(0ms, 404), ack(4s)},
           "0:send 4000:end "},
          {"H",
           "17.2.1",
           "64*T1 for ACK to come",
           invite_server,
           unreliable,
           {respond(0ms, 404)},
           "0:send 500:resend 1500:resend 3500:resend 7500:resend 11500:resend 15500:resend "
           "19500:resend 23500:resend 27500:resend 31500:resend 32000:timeout 32000:end "},
          {"H",
           "17.2.1",
           "over a reliable transport too",
           invite_server,
           reliable,
           {respond(0ms, 404)},
           "0:send 32000:timeout 32000:end "},
          {"I",
           "17.2.1",
           "T4 for repeated ACKs",
           invite_server,
           unreliable,
           {respond(0ms, 404), ack(0ms), ack(4s)},
           "0:send 5000:end "},
          {"I",
           "17.2.1",
           "none over a reliable transport",
           invite_server,
           reliable,
           {respond(0ms, 404), ack(0ms)},
           "0:send 0:end "},
          {"J",
           "17.2.2",
           "64*T1 for repeated requests",
           server,
           unreliable,
           {respond(0ms, 200), request(31999ms)},
           "0:send 31999:resend 32000:end "},
          {"J",
           "17.2.2",
           "none over a reliable transport",
           server,
           reliable,
           {respond(0ms, 200)},
           "0:send 0:end "},
          {"K",
           "17.1.2.2",
           "T4 for repeated answers",
           client,
           unreliable,
           {response(0ms, 200), response(4999ms, 200)},
           "0:send 0:deliver 5000:end "},
          {"K",
           "17.1.2.2",
           "none over a reliable transport",
           client,
           reliable,
           {response(0ms, 200)},
           "0:send 0:deliver 0:end "},
          {"L",
           "RFC 6026 7.1",
           "64*T1 in which INVITE is absorbed and 2xx and ACK pass",
           invite_server,
           unreliable,
           {respond(0ms, 200), request(1s), respond(2s, 200), ack(31999ms)},
           "0:send 2000:resend 31999:deliver 32000:end "},
          {"L",
           "RFC 6026 7.1",
           "the same over a reliable transport",
           invite_server,
           reliable,
           {respond(0ms, 200), ack(31999ms)},
           "0:send 31999:deliver 32000:end "},
          {"M",
           "RFC 6026 7.2",
           "64*T1 in which each 2xx is handed up",
           invite_client,
           unreliable,
           {response(0ms, 200), response(31999ms, 200)},
           "0:send 0:deliver 31999:deliver 32000:end "},
          {"M",
           "RFC 6026 7.2",
           "the same over a reliable transport",
           invite_client,
           reliable,
           {response(0ms, 200), response(31999ms, 200)},
           "0:send 0:deliver 31999:deliver 32000:end "},
          {"200 ms",
           "17.2.1",
           "100 (Trying) for a user that thinks",
           invite_server,
           unreliable,
           {respond(1s, 486), ack(1s)},
           "200:trying 1000:send 6000:end "},
      },
      {});
}

TEST_CASE("timers follow T1, T2 and T4") {
  using enum Machine;
  const sip::Timers timers{.t1 = 100ms, .t2 = 300ms, .t4 = 1s};
  check(
      {
          {"A, B",
           "17.1.1.2",
           "64*T1",
           invite_client,
           unreliable,
           {},
           "0:send 100:resend 300:resend 700:resend 1500:resend 3100:resend 6300:resend "
           "6400:timeout 6400:end "},
          {"D",
           "17.1.1.2",
           "32 s, however short T1 is",
           invite_client,
           unreliable,
           {response(0ms, 486)},
           "0:send 0:ack 0:deliver 32000:end "},
          {"E, K",
           "17.1.2.2",
           "up to T2, then T4",
           client,
           unreliable,
           {response(1s, 200)},
           "0:send 100:resend 300:resend 600:resend 900:resend 1000:deliver 2000:end "},
          {"G, I",
           "17.2.1",
           "up to T2, then T4",
           invite_server,
           unreliable,
           {respond(0ms, 404), ack(1s)},
           "0:send 100:resend 300:resend 600:resend 900:resend 2000:end "},
          {"J", "17.2.2", "64*T1", server, unreliable, {respond(0ms, 200)}, "0:send 6400:end "},
          {"L",
           "RFC 6026 7.1",
           "64*T1",
           invite_server,
           unreliable,
           {respond(0ms, 200)},
           "0:send 6400:end "},
          {"M",
           "RFC 6026 7.2",
           "64*T1",
           invite_client,
           unreliable,
           {response(0ms, 200)},
           "0:send 0:deliver 6400:end "},
      },
      timers);
}
