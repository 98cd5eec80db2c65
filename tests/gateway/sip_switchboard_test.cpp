#include "gateway/sip_switchboard.hpp"

#include <doctest/doctest.h>

#include <numeric>

namespace gateway {
namespace {

constexpr const char* platform = "34020000002000000001";
const sip::TimePoint now{};

sip::Flow from_phone() {
  sip::Flow flow;
  flow.local = *sip::Address::parse("127.0.0.1:5060");
  flow.remote = *sip::Address::parse("127.0.0.1:40000");
  return flow;
}

std::string request(const std::string& method, const std::string& uri, const std::string& from) {
  static int number = 0;
  const auto n = std::to_string(++number);
  return method + " " + uri + " SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:40000;branch=z9hG4bK" + n +
         "\r\nFrom: <sip:" + from + "@example.org>;tag=1\r\nTo: <" + uri + ">\r\nCall-ID: c" + n +
         "\r\nCSeq: 1 " + method + "\r\nContent-Length: 0\r\n\r\n";
}

std::uint64_t received(const sip::Counters& c) {
  const auto& all = c.by_transport.front().requests_received;  // they come by UDP
  return std::accumulate(all.begin(), all.end(), std::uint64_t{0});
}

struct Both {
  Both() : server(config(), {1}, location), endpoint({}, {2}) {
    board.on_listening({sip::Transport::udp, *sip::Address::parse("127.0.0.1:5060"), {}, 0});
  }
  static sip::ServerConfig config() {
    sip::ServerConfig config;
    config.domains = {"example.org"};
    config.own_users = {platform};
    return config;
  }
  sip::Location location;
  sip::Server server;
  sip::Endpoint endpoint;
  SipSwitchboard board{endpoint, server, platform, 65536,
                       [](std::string_view user) { return user == "34020000001320000099"; }};
  sip::Output out;
};

}  // namespace

TEST_CASE("switchboard: each message is one core's business") {
  const struct {
    const char* name;
    std::string message;
    bool endpoint;
  } rows[] = {
      {"a device registers", request("REGISTER", "sip:3402000000", "34020000001320000001"), true},
      {"a device's keepalive", request("MESSAGE", "sip:x@example.org", "34020000001320000001"),
       true},
      {"a stranger asks the platform",
       request("OPTIONS", std::string("sip:") + platform + "@example.org", "alice"), true},
      {"a user registers", request("REGISTER", "sip:example.org", "alice"), false},
      {"a user whose name looks like a device",
       request("REGISTER", "sip:example.org", "34020000001320000099"), false},
      {"a user calls a user", request("INVITE", "sip:bob@example.org", "alice"), false},
      {"anybody asks the server", request("OPTIONS", "sip:127.0.0.1:5060", "alice"), false},
      {"a call to elsewhere", request("INVITE", "sip:bob@far.org", "alice"), false},
      {"19 digits are no device", request("MESSAGE", "sip:bob@example.org", "3402000000132000000"),
       false},
  };
  for (const auto& row : rows) {
    CAPTURE(row.name);
    Both both;
    both.board.on_message(row.message, from_phone(), now, both.out);
    CHECK(received(both.endpoint.counters()) == (row.endpoint ? 1 : 0));
    CHECK(received(both.server.counters()) == (row.endpoint ? 0 : 1));
  }
}

TEST_CASE("switchboard: broken messages are counted once, a closed connection is told once") {
  Both both;
  both.board.on_message("\r\n\r\n", from_phone(), now, both.out);
  both.board.on_message("INVITE x\r\n\r\n", from_phone(), now, both.out);
  CHECK(both.endpoint.counters().junk + both.server.counters().junk >= 1);
  CHECK(both.server.counters().junk == 0);
  both.out.clear();
  auto flow = from_phone();
  flow.transport = sip::Transport::tcp;
  flow.connection = sip::ConnectionId{5};
  both.board.on_connection_closed(flow, now, both.out);
  CHECK(both.out.events.size() == 1);
}

TEST_CASE("switchboard: look-ups of the server come back to the server") {
  Both both;
  auto invite = request("INVITE", "sip:bob@far.org", "alice");
  const auto route = std::string("Route: <sip:next.far.org;lr>\r\n");
  invite.insert(invite.find("Content-Length"), route);
  both.board.on_message(invite, from_phone(), now, both.out);
  REQUIRE(both.out.lookups.size() == 1);
  const auto lookup = both.out.lookups[0].id;
  both.out.clear();
  both.board.on_resolved(lookup, {}, now, both.out);  // nowhere: the caller is told
  REQUIRE_FALSE(both.out.sends.empty());
  CHECK(both.out.bytes(both.out.sends.back()).starts_with("SIP/2.0 "));
  both.out.clear();
  both.board.on_resolved(lookup, {}, now, both.out);  // once only
  CHECK(both.out.sends.empty());
}

}  // namespace gateway
