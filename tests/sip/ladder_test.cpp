#include "sip/ladder.hpp"

#include <doctest/doctest.h>

#include "tests/sip/trace_support.hpp"

namespace sip {
namespace {

using namespace std::chrono_literals;

const TimePoint start{};
const WallTime wall{std::chrono::seconds(1'795'000'000)};
const auto alice = flow_of("10.0.0.1:5070");
const auto bob = flow_of("10.0.0.2:5080", Transport::tcp);

struct Step {
  Duration at;
  char direction;  // '<' received, '>' sent
  Flow flow;
  std::string bytes;
};

std::string draw(const std::vector<Step>& steps, Duration until = 1min,
                 const LadderOptions& options = {}) {
  Trace trace({}, {}, start, wall);
  for (const auto& s : steps) trace.record(s.bytes, s.direction == '>', s.flow, start + s.at);
  return ladder(trace, start + until, options);
}

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

// What stands behind the last "!!".
std::string verdict(const std::string& text) {
  const auto at = text.rfind("!! ");
  if (at == std::string::npos) return "";
  return text.substr(at + 3, text.find('\n', at) - at - 3);
}

}  // namespace

TEST_CASE("ladder: a proxied call, column by column") {
  const Words here{.branch = "z9hG4bKa"}, there{.branch = "z9hG4bKb"};
  const auto text = draw({{0s, '<', alice, request("INVITE", here)},
                          {310us, '>', alice, response("100 Trying", "INVITE", here)},
                          {402us, '>', bob, request("INVITE", there)},
                          {1s, '<', bob, response("200 OK", "INVITE", there)},
                          {1s + 1ms, '>', alice, response("200 OK", "INVITE", here)}});
  const std::string expected =
      "Wed, 18 Nov 2026 11:06:40 GMT, 000 ms: trace begun, 5 messages\n\n"
      "                       10.0.0.1:5070             this server             10.0.0.2:5080\n"
      "                            UDP                                               TCP\n"
      "                             |                        |                        |\n"
      "   0.000000                  |-------INVITE bob------>|                        |  #1 1\n"
      "   0.000310     +0.000310    |<------100 Trying-------|                        |  #1 1\n"
      "   0.000402     +0.000092    |                        |-------INVITE bob------>|  #1 1\n"
      "   1.000000     +0.999598    |                        |<--------200 OK---------|  #1 1\n"
      "   1.001000     +0.001000    |<--------200 OK---------|                        |  #1 1\n"
      "\nCall-IDs:\n  #1 c1\n";
  CHECK(text == expected);
}

TEST_CASE("ladder: why a request failed") {
  const auto ask = [](const std::string& status, const std::string& extra = {},
                      const std::string& asked = {}) {
    return std::vector<Step>{{0s, '<', alice, request("REGISTER", {.extra = asked})},
                             {20ms, '>', alice, response(status, "REGISTER", {.extra = extra})}};
  };
  const std::string credentials = "Authorization: Digest response=\"1\"\r\n";
  const struct {
    const char* name;
    std::vector<Step> steps;
    Duration until;
    const char* verdict;
  } rows[] = {
      {"good", ask("200 OK"), 1min, ""},
      {"challenge", ask("401 Unauthorized"), 1min,
       "REGISTER bob challenged after 0.020 s: credentials are asked for; the next try should "
       "carry them"},
      {"wrong password", ask("401 Unauthorized", {}, credentials), 1min,
       "REGISTER bob challenged after 0.020 s: the credentials are wrong: user name, password or "
       "realm"},
      {"stale",
       ask("401 Unauthorized", "WWW-Authenticate: Digest nonce=\"1\", Stale=TRUE\r\n", credentials),
       1min,
       "REGISTER bob challenged after 0.020 s: the nonce was too old; the next try should use the "
       "new one"},
      {"with details", ask("423 Interval Too Brief", "Min-Expires: 60\r\n"), 1min,
       "REGISTER bob failed after 0.020 s: the expiry that was asked for is too short; "
       "Min-Expires: 60"},
      {"redirect", ask("302 Moved", "Contact: <sip:b@c>\r\n"), 1min,
       "REGISTER bob failed after 0.020 s: to be tried elsewhere; Contact: <sip:b@c>"},
      {"a status that nobody knows", ask("499 Odd"), 1min,
       "REGISTER bob failed after 0.020 s: refused"},
      {"no answer to us",
       {{0s, '>', alice, request("MESSAGE")}, {500ms, '>', alice, request("MESSAGE")}},
       33s,
       "MESSAGE bob has no final answer after 33.0 s, sent 2 times: 10.0.0.1:5070 does not hear "
       "us, or its answers do not reach us"},
      {"no answer yet",
       {{0s, '>', alice, request("MESSAGE")}},
       3s,
       "MESSAGE bob has no final answer after 3.0 s, sent 1 time (so far)"},
      {"ringing for ever",
       {{0s, '>', alice, request("INVITE")}, {1s, '<', alice, response("180 Ringing", "INVITE")}},
       40s,
       "INVITE bob has no final answer after 40.0 s, sent 1 time: 10.0.0.1:5070 is at it and does "
       "not decide"},
      {"we are silent",
       {{0s, '<', alice, request("INFO")}},
       40s,
       "INFO bob has no final answer after 40.0 s, sent 1 time: we did not answer it"},
      {"an answer to a request that was not seen",
       {{0s, '<', alice, response("404 Not Found", "INFO")}},
       40s,
       ""},
      {"ACK wants no answer", {{0s, '<', alice, request("ACK")}}, 40s, ""},
  };
  for (const auto& row : rows) {
    CAPTURE(row.name);
    CHECK(verdict(draw(row.steps, row.until)) == row.verdict);
  }
}

TEST_CASE("ladder: what comes again is marked, what only looks like it is not") {
  const auto again = draw({{0s, '>', alice, request("MESSAGE")},
                           {500ms, '>', alice, request("MESSAGE")},
                           {1500ms, '>', alice, request("MESSAGE")},
                           {2s, '<', alice, response("200 OK", "MESSAGE")},
                           {2s, '<', alice, response("200 OK", "MESSAGE")}});
  CHECK(has(again, "#1 1  AGAIN, 2 times now\n"));
  CHECK(has(again, "#1 1  AGAIN, 3 times now\n"));
  CHECK(has(again, "---------200 OK-------->|  #1 1  AGAIN, 2 times now\n"));
  const auto other =
      draw({{0s, '>', alice, request("MESSAGE")},
            {1s, '>', alice, request("MESSAGE", {.branch = "z9hG4bK2"})},
            {2s, '<', alice, request("MESSAGE")},
            {3s, '>', bob, request("MESSAGE")},
            {4s, '<', bob, response("180 Ringing", "INVITE")},
            {4s, '<', bob, response("180 Ringing", "INVITE", {.extra = "RSeq: 2\r\n"})}});
  CHECK_FALSE(has(other, "AGAIN"));
}

TEST_CASE("ladder: junk, pings, many peers, bodies") {
  std::vector<Step> steps{{0s, '<', alice, "\r\n\r\n"},
                          {1s, '<', alice, "\x01\x1b[2J no SIP at all"}};
  for (int i = 0; i < 9; ++i)
    steps.push_back(
        {2s, '>', flow_of("10.0.1." + std::to_string(i) + ":5060"), request("OPTIONS")});
  auto text = draw(steps, 3s, {.peers = 3});
  CHECK(has(text, "keep-alive"));
  CHECK(has(text, "unreadable"));
  CHECK(has(text, "other peers"));
  CHECK(has(text, "UDP 10.0.1.8:5060"));
  CHECK_FALSE(has(text, "\x1b"));
  auto message = request("MESSAGE", {.extra = "Content-Type: text/plain\r\n"});
  message.replace(message.find("Length: 0"), 9, "Length: 5");
  message += "hello";
  LadderOptions options;
  options.describe_body = [](std::string_view body) { return "says " + std::string(body); };
  text = draw({{0s, '<', alice, message}}, 1s, options);
  CHECK(has(text, "#1 1  text/plain 5 (says hello)"));
  CHECK(has(draw({}), "0 messages"));
}

}  // namespace sip
