// Overload: what is put off, what is not, and until when.
#include "sip/overload.hpp"

#include <doctest/doctest.h>

#include <deque>
#include <map>

#include "sip/endpoint.hpp"
#include "tests/sip/server_scene.hpp"

using namespace sip;
using namespace sip::test;

namespace {

std::string registering(const std::string& user, std::string_view extra = {}, int n = 1) {
  const auto aor = "<sip:" + user + "@example.org>";
  const auto via = "SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bK-" + user + std::to_string(n);
  return request(
      "REGISTER", "sip:example.org",
      {.from = aor + ";tag=r", .to = aor, .via = via, .call_id = user, .cseq = n, .extra = extra});
}

constexpr auto credentials = "Authorization: Digest username=\"alice\"\r\n";

}  // namespace

TEST_CASE("overload: what can wait") {
  const struct {
    const char* name;
    const char* method;
    const char* to;
    const char* extra;
    const char* waits;  // "nobody", "at half", "when high"
  } cases[] = {
      {"who is not challenged yet", "REGISTER", "<sip:a@h>", "", "at half"},
      {"who is on the way", "REGISTER", "<sip:a@h>", credentials, "when high"},
      {"a publication", "PUBLISH", "<sip:a@h>", "", "at half"},
      {"a subscription", "SUBSCRIBE", "<sip:a@h>", "", "at half"},
      {"its refresh", "SUBSCRIBE", "<sip:a@h>;tag=1", "", "nobody"},
      {"a call", "INVITE", "<sip:a@h>", "", "nobody"},
      {"a keepalive", "MESSAGE", "<sip:a@h>", "", "nobody"},
      {"the end of a call", "BYE", "<sip:a@h>;tag=1", "", "nobody"},
  };
  for (const auto& c : cases) {
    CAPTURE(c.name);
    const auto text = request(c.method, "sip:h", {.to = c.to, .extra = c.extra});
    const auto message = parse_message(text);
    REQUIRE(message.has_value());
    const std::string waits = c.waits;
    Overload overload({.transactions_percent = 50, .backlog_percent = 50, .sustained = {}}, 200);
    const auto at = [&](unsigned percent, std::size_t transactions) {
      overload.on_backlog(percent);
      return overload.sheds(*message, transactions, TimePoint{});
    };
    CHECK_FALSE(at(0, 0));
    CHECK_FALSE(at(49, 99));
    CHECK(at(50, 0) == (waits == "at half"));
    CHECK(at(74, 99) == (waits == "at half"));
    CHECK(at(75, 0) == (waits != "nobody"));
    CHECK(at(0, 100) == (waits != "nobody"));
    CHECK_FALSE(at(0, 0));
  }
}

TEST_CASE("overload: a burst is none, a buffer that stays full is one") {
  struct Step {
    double at_s;
    unsigned percent;
    bool sheds;
  };
  const struct {
    const char* name;
    std::vector<Step> steps;
  } cases[] = {
      {"a burst", {{0, 95, false}, {0.2, 99, false}, {0.4, 0, false}}},
      {"it does not end",
       {{0, 95, false}, {5, 95, false}, {9.9, 95, false}, {10, 95, true}, {14, 95, true}}},
      {"served in between",
       {{0, 95, false},
        {0.2, 0, false},
        {4, 95, false},
        {8, 95, false},
        {12, 95, true},
        {12.1, 79, false},
        {16, 95, true}}},
      {"calm in between",
       {{0, 95, false},
        {4, 95, false},
        {9.1, 95, false},
        {13, 95, false},
        {18, 95, false},
        {19.1, 95, true}}},
      {"over, and again", {{0, 95, false}, {5, 95, false}, {10, 95, true}, {16, 95, false}}},
  };
  const auto text = registering("alice");
  const auto message = parse_message(text);
  REQUIRE(message.has_value());
  for (const auto& c : cases) {
    CAPTURE(c.name);
    Overload overload({}, 400'000);
    for (const auto& step : c.steps) {
      CAPTURE(step.at_s);
      overload.on_backlog(step.percent);
      const auto now = TimePoint(std::chrono::milliseconds(static_cast<int>(step.at_s * 1000)));
      CHECK(overload.sheds(*message, 0, now) == step.sheds);
    }
  }
}

TEST_CASE("overload: a table that is nearly full is one at once") {
  const auto text = registering("alice", credentials);
  const auto message = parse_message(text);
  REQUIRE(message.has_value());
  Overload overload({}, 400'000);
  CHECK_FALSE(overload.sheds(*message, 319'999, TimePoint{}));
  CHECK(overload.sheds(*message, 320'000, TimePoint{}));
}

TEST_CASE("overload: who is put off comes back between 5 and 30 s, not all at once") {
  const Overload overload({}, 400'000);
  std::map<std::uint32_t, int> times;
  for (int i = 0; i < 2600; ++i) {
    const auto text = registering("3402000000132" + std::to_string(1000000 + i));
    const auto message = parse_message(text);
    REQUIRE(message.has_value());
    const auto after = overload.retry_after(*message);
    CHECK(after == overload.retry_after(*message));
    ++times[after];
  }
  CHECK(times.begin()->first == 5);
  CHECK(times.rbegin()->first == 30);
  CHECK(times.size() == 26);
  for (const auto& [after, count] : times) {
    CAPTURE(after);
    CHECK(count > 50);
    CHECK(count < 150);
  }
}

TEST_CASE(
    "overload: a server puts registrations off without state, and serves "
    "calls") {
  auto config = open_proxy();
  config.authenticate_register = false;
  config.limits.overload.sustained = std::chrono::seconds(2);
  Scene s(config);
  s.bind("bob", "sip:bob@192.0.2.20:5060", "bob");
  s.server.on_backlog(80);
  s.send("alice", registering("dave"));
  CHECK(s.take() == "alice<200");
  s.now += std::chrono::seconds(2);
  s.send("alice", registering("alice"));
  CHECK(s.take() == "alice<503");
  CHECK(s.server.counters().transactions == 0);
  CHECK(s.server.counters().refused_overload == 1);
  CHECK(s.location.count("sip:alice@example.org") == 0);
  const int after = std::stoi(header_of(s.last("alice", "503"), "Retry-After"));
  CHECK(after >= 5);
  CHECK(after <= 30);
  s.send("alice", request("INVITE", "sip:bob@example.org"));
  CHECK(s.take() == "alice<100 bob<INVITE");
  s.server.on_backlog(0);
  s.send("alice", registering("alice", {}, 2));
  CHECK(s.take() == "alice<200");
  CHECK(s.location.count("sip:alice@example.org") == 1);
}

TEST_CASE("overload: an endpoint keeps the rest of its table for what cannot wait") {
  EndpointConfig config;
  config.limits.overload.transactions_percent = 50;
  config.limits.transactions = 4;
  Endpoint endpoint(config, Seed{1});
  endpoint.on_listening({Transport::udp, *Address::parse("192.0.2.1:5060"), {}, 0});
  const auto flow = flow_between("192.0.2.1:5060", "192.0.2.10:5060");
  Output out;
  int n = 0;
  const auto answer = [&](const char* method) {
    const auto branch = "SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bK-" + std::to_string(++n);
    const auto text = request(method, "sip:h", {.via = branch, .call_id = branch});
    out.clear();
    endpoint.on_message(text, flow, TimePoint(std::chrono::hours(1)), out);
    return out.sends.empty() ? "waits" : std::string(word_of(out.bytes(out.sends.front())));
  };
  CHECK(answer("REGISTER") == "waits");  // for the user
  CHECK(answer("REGISTER") == "waits");
  CHECK(answer("REGISTER") == "503");
  CHECK(answer("MESSAGE") == "waits");
  CHECK(answer("MESSAGE") == "waits");
  CHECK(answer("MESSAGE") == "503");
  CHECK(endpoint.counters().transactions == 4);
  CHECK(endpoint.counters().refused_overload == 2);
}

TEST_CASE("overload: a storm in virtual time loses nobody") {
  // The server takes 300 a second; what waits stands in a buffer of 500, and
  // what finds no room is lost. Devices repeat after 0.5, 1, 2, 4, 4... s, give
  // up after 32 s and come back after a minute.
  struct Device {
    TimePoint next{}, give_up{};
    Duration gap{};
    bool done = false;
    int n = 0;
  };
  using namespace std::chrono_literals;
  auto config = open_proxy();
  config.authenticate_register = false;
  Scene s(config);
  std::vector<Device> devices(5000);
  const auto begin = s.now;
  for (auto& device : devices) device = {begin, begin + 32s, 500ms, false, 1};
  std::deque<std::size_t> buffer;
  std::uint64_t put_off = 0, lost = 0;
  std::size_t served = 0;
  for (; s.now < begin + 10min && served < devices.size(); s.now += 10ms) {
    for (std::size_t i = 0; i < devices.size(); ++i) {
      auto& d = devices[i];
      if (d.done || d.next > s.now) continue;
      if (s.now >= d.give_up) {
        d = {s.now + 60s, s.now + 92s, 500ms, false, d.n + 1};
        continue;
      }
      d.next = s.now + d.gap;
      d.gap = std::min<Duration>(d.gap * 2, 4s);
      buffer.size() < 500 ? buffer.push_back(i) : void(++lost);
    }
    for (int k = 0; k < 3 && !buffer.empty(); ++k) {
      const auto i = buffer.front();
      buffer.pop_front();
      auto& d = devices[i];
      s.server.on_backlog(static_cast<unsigned>(buffer.size() / 5));
      s.send("alice", registering("u" + std::to_string(i), {}, d.n));
      const auto answer = s.take();
      if (d.done) continue;
      if (answer == "alice<200") {
        d.done = true;
        ++served;
        continue;
      }
      ++put_off;
      const auto wait = std::stoi(header_of(s.last("alice", "503"), "Retry-After"));
      d = {s.now + std::chrono::seconds(wait), s.now + std::chrono::seconds(wait + 32), 500ms,
           false, d.n + 1};
    }
    s.got.clear();
  }
  CHECK(served == devices.size());
  CHECK(put_off > 0);
  CHECK(lost > 0);
  CHECK(s.location.addresses() == devices.size());
  CHECK(s.server.counters().refused_overload == put_off);
  MESSAGE("5000 at once, 300/s: all registered after " << (s.now - begin) / 1s << " s, " << put_off
                                                       << " put off, " << lost
                                                       << " datagrams lost");
}
