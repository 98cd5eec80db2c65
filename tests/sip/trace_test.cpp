#include "sip/trace.hpp"

#include <doctest/doctest.h>

#include "tests/sip/trace_support.hpp"

namespace sip {
namespace {

using namespace std::chrono_literals;

const TimePoint start{};
const WallTime wall{std::chrono::seconds(1'795'000'000)};

TraceFilter with_user(std::string user) {
  TraceFilter filter;
  filter.user = std::move(user);
  return filter;
}

}  // namespace

TEST_CASE("trace: what fits a filter") {
  const auto camera = flow_of("10.0.0.5:5062");
  const auto bytes = request("MESSAGE");
  const auto message = parse_message(bytes).value();
  TraceFilter host, port, other_port, alice, bob, call, other_call, both;
  host.peer = port.peer = other_port.peer = IpAddress::parse("10.0.0.5");
  port.peer_port = 5062;
  other_port.peer_port = 5060;
  alice.user = "alice";
  bob.user = "bob";
  call.call_id = "c1";
  other_call.call_id = "c2";
  both = other_port;
  both.call_id = "c1";
  const struct {
    const char* name;
    TraceFilter filter;
    bool with_message, without;
  } rows[] = {{"everything", {}, true, true},
              {"host", host, true, true},
              {"host and port", port, true, true},
              {"another port", other_port, false, false},
              {"From", alice, true, false},
              {"To and Request-URI", bob, true, false},
              {"nobody", with_user("carol"), false, false},
              {"Call-ID", call, true, false},
              {"another Call-ID", other_call, false, false},
              {"one of two is enough", both, true, false}};
  for (const auto& row : rows) {
    CAPTURE(row.name);
    CHECK(row.filter.fits(camera, &message) == row.with_message);
    CHECK(row.filter.fits(camera, nullptr) == row.without);
  }
}

TEST_CASE("trace: the newest messages stay, within bytes and count") {
  const TraceLimits limits{.bytes = 1000, .messages = 4, .lasts = 1min};
  Trace trace({}, limits, start, wall);
  for (int i = 0; i < 6; ++i)
    trace.record(std::string(10, static_cast<char>('a' + i)), false, flow_of("10.0.0.5:1"), start);
  CHECK(trace.messages().size() == 4);
  CHECK(trace.messages().front().bytes == "cccccccccc");
  CHECK(trace.dropped() == 2);
  CHECK(trace.bytes() == 40);
  trace.record(std::string(970, 'x'), true, flow_of("10.0.0.5:1"), start);
  CHECK(trace.messages().size() == 4);
  CHECK(trace.bytes() == 1000);
  trace.record(std::string(1001, 'y'), true, flow_of("10.0.0.5:1"), start);  // never fits
  CHECK(trace.messages().size() == 4);
  CHECK(trace.dropped() == 4);
}

TEST_CASE("tracer: a trace that was forgotten stops by itself and can be read") {
  Tracer tracer({.traces = 2, .trace = {.bytes = 1 << 20, .messages = 100, .lasts = 10min}});
  CHECK_FALSE(tracer.running(start));
  CHECK(tracer.next_end(start) == never);
  const auto brief = tracer.start({}, 5s, start, wall);
  const auto lasting = tracer.start(with_user("alice"), 24h, start, wall);  // 10 minutes at most
  CHECK(tracer.start({}, 5s, start, wall) == 0);                            // both run
  CHECK(tracer.next_end(start) == start + 5s);
  tracer.on_received(request("OPTIONS"), flow_of("10.0.0.5:1"), start + 4s);
  tracer.on_sent("junk", flow_of("10.0.0.5:1"), start + 4s);
  tracer.on_sent(request("OPTIONS"), flow_of("10.0.0.5:1"), start + 6s);
  REQUIRE(tracer.find(brief));
  CHECK(tracer.find(brief)->messages().size() == 2);
  CHECK(tracer.find(lasting)->messages().size() == 2);
  CHECK_FALSE(tracer.find(brief)->running(start + 5s));
  CHECK(tracer.running(start + 9min));
  CHECK_FALSE(tracer.running(start + 10min));
  const auto third = tracer.start({}, 5s, start + 6s, wall);  // in the place of the stopped one
  CHECK(third != 0);
  CHECK(tracer.find(brief) == nullptr);
  CHECK(tracer.stop(third, start + 7s));
  CHECK_FALSE(tracer.stop(99, start));
  CHECK(tracer.remove(third));
  CHECK_FALSE(tracer.remove(third));
}

TEST_CASE("trace: no credentials are kept") {
  Trace trace({}, {}, start, wall);
  trace.record(request("REGISTER", {.extra = "Authorization: Digest response=\"6f9a\"\r\n"}), false,
               flow_of("10.0.0.5:1"), start);
  CHECK(trace.messages()[0].bytes.find("6f9a") == std::string::npos);
  CHECK(trace.messages()[0].bytes.find("\"****\"") != std::string::npos);
  CHECK(trace.wall(start + 1500ms) == wall + 1500ms);
}

}  // namespace sip
