// RFC 6026: what a transaction does after a 2xx to INVITE, for user agents and for proxies that
// forked it. The table of transactions and its owner; time is virtual.
#include <doctest/doctest.h>

#include <algorithm>

#include "sip/message_builder.hpp"
#include "sip/transactions.hpp"

using namespace std::chrono_literals;
using namespace sip;

namespace {

const Flow peer{Transport::udp,
                {IpAddress::loopback(), 5060},
                {IpAddress::loopback(), 40000},
                ConnectionId::none};
constexpr std::string_view invite_text =
    "INVITE sip:b@192.0.2.4 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK77\r\n"
    "Route: <sip:p2.example.com;lr>\r\nFrom: <sip:a@x>;tag=1\r\nTo: <sip:b@x>\r\nCall-ID: 9\r\n"
    "CSeq: 314 INVITE\r\nMax-Forwards: 70\r\nContent-Length: 5\r\n\r\noffer";

struct World {
  Counters counters;
  Transactions table{{}, 100, 7, counters};
  Output out;
  std::vector<TransactionReport> reports;
  MessageView invite;
  Via via;
  std::string text;

  World() {
    REQUIRE(parse_message(invite_text, invite).has_value());
    via = *invite.via();
  }
  TransactionId send(Purpose purpose) {
    const auto id = table.start_client(true, table.response_key(via.branch, "INVITE"), invite_text,
                                       peer, {purpose, {}, 0}, {}, out);
    out.clear();
    return id;
  }
  TransactionId receive(Purpose purpose) {
    return table.start_server(table.request_key(invite, via, "INVITE", peer), invite, peer,
                              {purpose, {}, 0}, never, {});
  }
  std::string_view answer(int status, std::string_view tag) {
    return MessageBuilder(text).respond_to(invite, status, {}, {.source = {}, .to_tag = tag}).finish();
  }
  bool respond(TransactionId id, int status, std::string_view tag, Duration at) {
    MessageView response;
    REQUIRE(parse_message(answer(status, tag), response).has_value());
    return table.on_response(id, response, TimePoint{} + at, out);
  }
  std::string sent() {
    std::string words;
    for (const auto& send : out.sends) {
      const auto bytes = out.bytes(send);
      words += bytes.substr(0, bytes.find(bytes.starts_with("SIP/2.0") ? '\r' : ' '));
      words += '|';
    }
    out.clear();
    return words;
  }
};

}  // namespace

TEST_CASE("every 2xx of every branch goes up for 64*T1, none is acknowledged here") {
  World w;
  const auto id = w.send(Purpose::proxy);
  CHECK(w.respond(id, 180, "b1", 1s));
  CHECK(w.respond(id, 200, "b1", 10s));
  CHECK(w.respond(id, 200, "b2", 10s + 1ms));
  CHECK(w.respond(id, 200, "b3", 20s));
  CHECK(w.respond(id, 200, "b1", 41s));
  CHECK_FALSE(w.respond(id, 486, "b4", 41s));
  CHECK_FALSE(w.respond(id, 183, "b1", 41s));
  CHECK(w.sent().empty());
  CHECK(w.table.get(id)->state_name() == "Accepted");
  w.table.on_deadline(TimePoint{} + 41999ms, w.out, w.reports);
  CHECK(w.table.size() == 1);
  w.table.on_deadline(TimePoint{} + 42s, w.out, w.reports);
  CHECK(w.table.size() == 0);
  CHECK(w.reports.empty());
  CHECK_FALSE(w.respond(id, 200, "b2", 43s));
}

TEST_CASE("a failure is acknowledged as often as it comes, with what the INVITE had (17.1.1.3)") {
  World w;
  const auto id = w.send(Purpose::proxy);
  CHECK(w.respond(id, 486, "b1", 1s));
  REQUIRE(w.out.sends.size() == 1);
  const std::string ack(w.out.bytes(w.out.sends[0]));
  CHECK(ack ==
        "ACK sip:b@192.0.2.4 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK77\r\n"
        "Route: <sip:p2.example.com;lr>\r\nMax-Forwards: 70\r\nFrom: <sip:a@x>;tag=1\r\n"
        "To: <sip:b@x>;tag=b1\r\nCall-ID: 9\r\nCSeq: 314 ACK\r\nContent-Length: 0\r\n\r\n");
  w.out.clear();
  CHECK_FALSE(w.respond(id, 486, "b1", 2s));
  REQUIRE(w.out.sends.size() == 1);
  CHECK(w.out.bytes(w.out.sends[0]) == ack);
}

TEST_CASE("an accepted server absorbs the INVITE, passes ACK and any 2xx, refuses the rest") {
  for (const auto purpose : {Purpose::invite, Purpose::proxy}) {
    World w;
    const auto id = w.receive(purpose);
    CHECK(w.table.respond(id, 200, w.answer(200, "b1"), TimePoint{} + 1s, w.out));
    CHECK(w.sent() == "SIP/2.0 200 OK|");
    CHECK(w.table.get(id)->state_name() == "Accepted");
    w.table.on_retransmission(id, w.out);
    CHECK(w.sent().empty());
    CHECK(w.table.respond(id, 200, w.answer(200, "b1"), TimePoint{} + 2s, w.out));
    CHECK(w.table.respond(id, 200, w.answer(200, "b2"), TimePoint{} + 3s, w.out));
    CHECK(w.sent() == "SIP/2.0 200 OK|SIP/2.0 200 OK|");
    CHECK_FALSE(w.table.respond(id, 486, w.answer(486, "b3"), TimePoint{} + 3s, w.out));
    CHECK(w.table.on_ack(id, TimePoint{} + 4s, w.out));
    CHECK(w.table.on_ack(id, TimePoint{} + 5s, w.out));
    // Who repeats its own 2xx asks for it; a proxy's comes from downstream each time.
    w.table.repeat_response(id, w.out);
    CHECK(w.sent() == (purpose == Purpose::proxy ? "" : "SIP/2.0 200 OK|"));
    w.table.on_deadline(TimePoint{} + 33s, w.out, w.reports);
    CHECK(w.table.size() == 0);
  }
}

TEST_CASE("a CANCEL is made of its INVITE and finds it (9.1, 9.2)") {
  World caller;
  const auto invite = caller.send(Purpose::proxy);
  const auto cancel = caller.table.cancel(invite, {Purpose::cancel, {}, 0}, {}, caller.out);
  REQUIRE(cancel);
  CHECK(caller.table.cancel(invite, {}, {}, caller.out) == cancel);
  REQUIRE(caller.out.sends.size() == 1);
  const std::string bytes(caller.out.bytes(caller.out.sends[0]));
  CHECK(bytes.starts_with("CANCEL sip:b@192.0.2.4 SIP/2.0\r\n"));
  World callee;
  const auto server = callee.receive(Purpose::proxy);
  MessageView view;
  REQUIRE(parse_message(bytes, view).has_value());
  CHECK(validate(view).has_value());
  CHECK(callee.table.find_invite(view, *view.via(), peer) == server);
  auto elsewhere = peer;
  elsewhere.remote.port = 1;
  CHECK_FALSE(callee.table.find_invite(view, *view.via(), elsewhere));
  CHECK(caller.respond(invite, 487, "b1", 1s));
  CHECK_FALSE(caller.table.cancel(invite, {}, {}, caller.out));
}

TEST_CASE("transactions can be walked in portions") {
  World w;
  for (int i = 0; i < 10; ++i)
    w.table.start_client(false, w.table.response_key(std::to_string(i), "BYE"),
                         "BYE sip:b@x SIP/2.0\r\n\r\n", peer, {Purpose::bye, {}, 1},
                         TimePoint{} + i * 1s, w.out);
  w.table.drop(w.table.find(w.table.response_key("4", "BYE")));
  std::uint32_t from = 0;
  std::vector<TimePoint> seen;
  do {
    from = w.table.walk(from, 4, [&](TransactionId id, const Transaction& t) {
      CHECK(w.table.get(id) == &t);
      CHECK(t.method == Method::bye);
      CHECK(t.is_client());
      CHECK(t.state_name() == "Trying");
      CHECK(t.flow == peer);
      seen.push_back(t.started_at);
    });
  } while (from != 0);
  CHECK(seen.size() == 9);
  CHECK(std::ranges::adjacent_find(seen) == seen.end());
}
