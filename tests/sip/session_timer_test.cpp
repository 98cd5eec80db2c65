// Who refreshes a session and when (RFC 4028), as a table.
#include "sip/session_timer.hpp"

#include <doctest/doctest.h>

using namespace std::chrono_literals;
using namespace sip;

namespace {

MessageView parsed(std::string& text, const std::string& start, const std::string& headers) {
  text = start +
         "\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>\r\n"
         "Call-ID: 1\r\nCSeq: 1 INVITE\r\n" +
         headers + "Content-Length: 0\r\n\r\n";
  return *parse_message(text);
}
const std::string invite = "INVITE sip:a@b SIP/2.0";

}  // namespace

TEST_CASE("the UAS chooses interval and refresher (RFC 4028 9, table 2)") {
  const struct {
    const char* name;
    const char* headers;
    std::uint32_t wanted;
    const char* answer;  // Session-Expires of the 2xx
    bool require;
    bool we_refresh;
  } cases[] = {
      {"neither wants one", "", 0, "", false, false},
      {"caller cannot, we want", "", 600, "600;refresher=uas", false, true},
      {"caller can, we want", "Supported: timer\r\n", 600, "600;refresher=uac", true, false},
      {"caller asks", "Supported: timer\r\nSession-Expires: 1800\r\n", 0, "1800;refresher=uac",
       true, false},
      {"caller asks us to refresh", "Supported: timer\r\nSession-Expires: 1800;refresher=uas\r\n",
       0, "1800;refresher=uas", false, true},
      {"we want it shorter", "Supported: timer\r\nSession-Expires: 1800\r\n", 600,
       "600;refresher=uac", true, false},
      {"not below Min-SE", "Supported: timer\r\nSession-Expires: 1800\r\nMin-SE: 900\r\n", 600,
       "900;refresher=uac", true, false},
      {"a proxy asks for a caller that cannot", "Session-Expires: 1800\r\n", 0,
       "1800;refresher=uas", false, true},
  };
  for (const auto& c : cases) {
    CAPTURE(c.name);
    std::string text;
    const auto request = parsed(text, invite, c.headers);
    SessionTimer timer(c.wanted);
    timer.answer(request, {});
    CHECK((timer.active() ? timer.session_expires() : "") == c.answer);
    CHECK(timer.require() == c.require);
    CHECK(timer.we_refresh() == c.we_refresh);
  }
}

TEST_CASE("times: refresh at half, end a third or 32 s before the end (RFC 4028 10)") {
  std::string text;
  const auto ok = parsed(text, "SIP/2.0 200 OK", "Session-Expires: 90;refresher=uac\r\n");
  SessionTimer caller(90);
  caller.agreed(ok, {});
  CHECK(caller.next_deadline() == TimePoint{} + 45s);
  CHECK(caller.due(TimePoint{} + 44s) == SessionTimer::Due::nothing);
  CHECK(caller.due(TimePoint{} + 45s) == SessionTimer::Due::refresh);
  caller.refreshing();
  CHECK(caller.next_deadline() == TimePoint{} + 60s);
  CHECK(caller.due(TimePoint{} + 60s) == SessionTimer::Due::expired);
  const auto other = parsed(text, "SIP/2.0 200 OK", "Session-Expires: 1800;refresher=uas\r\n");
  caller.agreed(other, {});
  CHECK(caller.next_deadline() == TimePoint{} + 1768s);
  const auto none = parsed(text, "SIP/2.0 200 OK", "");
  caller.agreed(none, {});
  CHECK_FALSE(caller.active());
  CHECK(caller.next_deadline() == never);
}

TEST_CASE("422 raises what is asked for, once for each minimum") {
  std::string text;
  SessionTimer timer(100);
  const auto refusal = parsed(text, "SIP/2.0 422 x", "Min-SE: 300\r\n");
  CHECK(timer.raise(refusal));
  CHECK(timer.session_expires() == "300");
  CHECK(timer.min_se() == "300");
  CHECK_FALSE(timer.raise(refusal));
  const auto brief = parsed(text, invite, "Session-Expires: 200\r\n");
  CHECK(timer.too_short(brief));
}
