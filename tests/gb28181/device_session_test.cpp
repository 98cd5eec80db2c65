// Each case lists what happens and when, and the whole trace that must come out. Time is virtual.
#include "gb28181/device_session.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace gb28181;
using namespace std::chrono_literals;
using namespace gb28181::device_action;

namespace {

constexpr const char* camera = "34020000001320000001";

struct Describe {
  std::string operator()(const SendQuery& a) const {
    return "ask " + a.cmd_type + '#' + std::to_string(a.sn);
  }
  std::string operator()(const SendResponse& a) const { return "respond " + a.cmd_type; }
  std::string operator()(const StateChanged& a) const {
    return std::string(to_string(a.state)) + " (" + a.reason + ')';
  }
  std::string operator()(const DeviceInfoReceived& a) const { return "info " + a.info.model; }
  std::string operator()(const CatalogReceived& a) const {
    return std::string("catalog ") + (a.complete ? "complete " : "incomplete ") +
           std::to_string(a.items.size()) + (a.reason.empty() ? "" : " (" + a.reason + ')');
  }
  std::string operator()(const CatalogChanged& a) const {
    return "changed " + std::to_string(a.events.size());
  }
  std::string operator()(const DeviceStatusReceived&) const { return "status"; }
  std::string operator()(const AlarmReceived& a) const { return "alarm " + a.alarm.method; }
  std::string operator()(const MediaStatusReceived& a) const { return "media " + a.notify_type; }
};

// A session on a virtual clock. Every call first lets all deadlines pass that lie before it.
class Bench {
 public:
  explicit Bench(DeviceConfig config = {}) : session(camera, config, 0) {}

  void at(std::chrono::seconds when) {
    while (session.next_deadline() <= start + when) {
      const auto due = std::max(session.next_deadline(), now);
      now = due;
      session.on_deadline(now, actions);
      record();
      REQUIRE(session.next_deadline() > now);
    }
    now = start + when;
  }
  void register_at(std::chrono::seconds when, std::chrono::seconds expires = 3600s,
                   bool over_connection = false) {
    at(when);
    session.on_registered({expires, Edition::y2022, "10.0.0.5:5060/udp", over_connection}, now,
                          actions);
    record();
  }
  int message_at(std::chrono::seconds when, std::uint64_t sn, manscdp::Body body) {
    at(when);
    const int status =
        session.on_message(manscdp::make_message(sn, camera, std::move(body)), now, actions);
    record();
    return status;
  }
  int keepalive_at(std::chrono::seconds when) { return message_at(when, 1, manscdp::Keepalive{}); }
  void result_at(std::chrono::seconds when, std::uint64_t sn, int status) {
    at(when);
    session.on_query_result(sn, status, now, actions);
    record();
  }
  void record() {
    const auto s = std::chrono::duration_cast<std::chrono::seconds>(now - start).count();
    for (const auto& action : actions)
      trace += std::to_string(s) + ':' + std::visit(Describe{}, action) + '\n';
    actions.clear();
  }
  std::string take() { return std::exchange(trace, {}); }

  const sip::TimePoint start = sip::TimePoint{} + std::chrono::hours(1000);
  sip::TimePoint now = start;
  DeviceSession session;
  DeviceActions actions;
  std::string trace;
};

manscdp::CatalogPage page(std::uint32_t sum_num, std::initializer_list<const char*> ids) {
  manscdp::CatalogPage made;
  made.sum_num = sum_num;
  for (const auto* id : ids) made.items.emplace_back().device_id = id;
  return made;
}

manscdp::DeviceInfo info(const char* model) {
  manscdp::DeviceInfo made;
  made.model = model;
  return made;
}

}  // namespace

TEST_CASE("a device registers, tells what it is and which channels it has") {
  Bench bench;
  bench.register_at(0s);
  bench.at(1s);
  bench.result_at(1s, 1, 200);
  bench.message_at(2s, 1, info("C1"));
  bench.result_at(2s, 2, 200);
  bench.message_at(3s, 2, page(3, {"a", "b"}));
  bench.message_at(4s, 2, page(3, {"c"}));
  CHECK(bench.take() ==
        "0:online (registered from 10.0.0.5:5060/udp for 3600 s)\n"
        "1:ask DeviceInfo#1\n"
        "2:info C1\n"
        "2:ask Catalog#2\n"
        "4:catalog complete 3\n");
  CHECK(bench.session.edition() == Edition::y2022);
  CHECK(bench.session.online());
}

TEST_CASE("queries are whole MANSCDP bodies in the edition of the device") {
  Bench bench;
  bench.register_at(0s);
  bench.now += 1s;
  bench.session.on_deadline(bench.now, bench.actions);
  REQUIRE(bench.actions.size() == 1);
  const auto& query = std::get<SendQuery>(bench.actions[0]);
  CHECK(query.body == manscdp::print(manscdp::make_message(1, camera, manscdp::DeviceInfoQuery{}),
                                     Edition::y2022));
}

TEST_CASE("a refresh asks nothing again, silence takes it off line, a keepalive back") {
  DeviceConfig config;
  config.catalog_interval = 0s;
  Bench bench(config);
  bench.register_at(0s);
  bench.message_at(1s, 1, info("C1"));
  bench.message_at(2s, 2, page(1, {"a"}));
  bench.take();
  for (auto when = 60s; when <= 600s; when += 60s) CHECK(bench.keepalive_at(when) == 200);
  bench.register_at(620s);
  CHECK(bench.take() == "");
  bench.at(900s);
  CHECK(bench.take() == "800:offline (no keepalive for 180 s (3 x 60 s))\n");
  CHECK(bench.keepalive_at(1000s) == 200);
  bench.message_at(1002s, 3, page(1, {"a"}));
  CHECK(bench.take() ==
        "1000:online (Keepalive received)\n"
        "1001:ask Catalog#3\n"
        "1002:catalog complete 1\n");
}

TEST_CASE("a keepalive that reports a fault still means that the device is there") {
  Bench bench;
  bench.register_at(0s);
  bench.take();
  CHECK(bench.message_at(0s, 1, manscdp::Keepalive{false, {"x"}}) == 200);
  CHECK(bench.session.online());
}

TEST_CASE("without a registration every message is refused") {
  Bench bench;
  CHECK(bench.keepalive_at(0s) == 403);
  CHECK(bench.message_at(0s, 1, info("C1")) == 403);
  CHECK(bench.take() == "");
  CHECK(bench.session.next_deadline() == sip::never);
}

TEST_CASE("expiry and unregistration end it") {
  DeviceConfig config;
  config.query_delay = 1000s;
  Bench bench(config);
  bench.register_at(0s, 100s);
  bench.at(100s);
  CHECK(bench.take() ==
        "0:online (registered from 10.0.0.5:5060/udp for 100 s)\n"
        "100:unregistered (its registration expired)\n");
  CHECK(bench.keepalive_at(101s) == 403);
  bench.register_at(110s, 100s);
  bench.at(120s);
  bench.session.on_unregistered(bench.now, bench.actions);
  bench.record();
  CHECK(bench.take() ==
        "110:online (registered from 10.0.0.5:5060/udp for 100 s)\n"
        "120:unregistered (it unregistered)\n");
  CHECK(bench.keepalive_at(121s) == 403);
}

TEST_CASE("a keepalive that comes with the expiry unnoticed is refused and told") {
  Bench bench;
  bench.register_at(0s, 100s);
  bench.take();
  bench.now = bench.start + 150s;  // the caller's timer is late
  CHECK(bench.session.on_message(manscdp::make_message(1, camera, manscdp::Keepalive{}), bench.now,
                                 bench.actions) == 403);
  bench.record();
  CHECK(bench.take() == "150:unregistered (its registration expired)\n");
}

TEST_CASE("after a restart") {
  struct Case {
    const char* name;
    std::chrono::seconds registered_for, last_seen_ago;
    bool over_connection;
    const char* trace;
    int keepalive;
    const char* after;
  };
  const Case cases[] = {
      {"by UDP, heard a minute ago", 3000s, 60s, false,
       "0:online (known from before the restart, last seen 60 s ago)\n", 200, ""},
      {"by UDP, silent for long", 3000s, 500s, false,
       "0:offline (no keepalive for 180 s (3 x 60 s))\n", 200, "0:online (Keepalive received)\n"},
      {"by TCP", 3000s, 10s, true, "0:offline (its connection ended with us)\n", 200,
       "0:online (Keepalive received)\n"},
      {"expired meanwhile", -1s, 10s, false, "", 403, ""},
  };
  for (const auto& c : cases) {
    CAPTURE(c.name);
    Bench bench;
    bench.session.restore({bench.now + c.registered_for, bench.now - c.last_seen_ago,
                           Edition::y2016, "10.0.0.5:5060/udp", c.over_connection},
                          bench.now, bench.actions);
    bench.record();
    CHECK(bench.take() == c.trace);
    CHECK(bench.keepalive_at(0s) == c.keepalive);
    CHECK(bench.take() == c.after);
  }
}

TEST_CASE("a lost TCP connection takes it off line, one by UDP does not care") {
  Bench tcp;
  tcp.register_at(0s, 3600s, true);
  tcp.take();
  tcp.session.on_connection_lost(tcp.now, tcp.actions);
  tcp.record();
  CHECK(tcp.take() == "0:offline (its connection 10.0.0.5:5060/udp was closed)\n");
  CHECK(tcp.keepalive_at(5s) == 200);
  CHECK(tcp.session.online());

  Bench udp;
  udp.register_at(0s);
  udp.take();
  udp.session.on_connection_lost(udp.now, udp.actions);
  udp.record();
  CHECK(udp.take() == "");
}

TEST_CASE("a device that does not answer DeviceInfo is still asked for its channels") {
  Bench bench;
  bench.register_at(0s);
  bench.at(12s);
  CHECK(bench.take() ==
        "0:online (registered from 10.0.0.5:5060/udp for 3600 s)\n"
        "1:ask DeviceInfo#1\n"
        "11:ask Catalog#2\n");
  Bench refusing;
  refusing.register_at(0s);
  refusing.result_at(3s, 1, 400);
  CHECK(refusing.take() ==
        "0:online (registered from 10.0.0.5:5060/udp for 3600 s)\n"
        "1:ask DeviceInfo#1\n"
        "3:ask Catalog#2\n");
}

TEST_CASE("a catalog that fails is asked for once more, then reported and tried later") {
  DeviceConfig config;
  config.catalog_interval = 120s;
  Bench bench(config);
  bench.register_at(0s);
  bench.message_at(1s, 1, info("C1"));
  bench.take();
  bench.result_at(3s, 2, 408);
  bench.keepalive_at(40s);
  bench.keepalive_at(100s);
  bench.keepalive_at(160s);
  CHECK(bench.take() ==
        "8:ask Catalog#3\n"
        "38:catalog incomplete 0 (no answer to the Catalog query within 30 s)\n"
        "158:ask Catalog#4\n");
}

TEST_CASE("half a catalog is delivered at once and asked for again") {
  Bench bench;
  bench.register_at(0s);
  bench.message_at(1s, 1, info("C1"));
  bench.take();
  bench.message_at(2s, 2, page(3, {"a"}));
  bench.result_at(3s, 2, 408);  // the answer came all the same
  bench.message_at(18s, 3, page(2, {"a", "b"}));
  CHECK(bench.take() ==
        "12:catalog incomplete 1 (1 of 3 channels in 1 messages, then nothing for 10 s)\n"
        "17:ask Catalog#3\n"
        "18:catalog complete 2\n");
}

TEST_CASE("pages behind a SumNum that was too small are not lost") {
  Bench bench;
  bench.register_at(0s);
  bench.message_at(1s, 1, info("C1"));
  bench.message_at(2s, 2, page(1, {"a"}));
  bench.take();
  bench.message_at(3s, 2, page(1, {"b"}));
  bench.message_at(3s, 77, page(1, {"c"}));  // nobody's answer
  CHECK(bench.take() == "3:changed 1\n");
}

TEST_CASE("the catalog is asked for again from time to time and on request") {
  Bench bench;
  bench.register_at(0s, 86400s);
  bench.message_at(1s, 1, info("C1"));
  bench.message_at(2s, 2, page(1, {"a"}));
  bench.take();
  for (auto when = 60s; when <= 1800s; when += 60s) bench.keepalive_at(when);
  bench.message_at(1803s, 3, page(1, {"a"}));
  CHECK(bench.take() == "1802:ask Catalog#3\n1803:catalog complete 1\n");
  bench.session.request_catalog(bench.now, bench.actions);
  bench.session.request_catalog(bench.now, bench.actions);
  bench.record();
  CHECK(bench.take() == "1803:ask Catalog#4\n");
}

TEST_CASE("what a device reports is passed on") {
  Bench bench;
  bench.register_at(0s);
  bench.take();
  manscdp::Alarm alarm;
  alarm.method = "5";
  auto notify = manscdp::make_message(9, camera, page(1, {"a"}));
  notify.root = manscdp::Root::notify;
  bench.message_at(0s, 5, alarm);
  bench.message_at(0s, 6, manscdp::MediaStatus{});
  bench.message_at(0s, 7, manscdp::DeviceStatus{});
  bench.session.on_message(notify, bench.now, bench.actions);
  bench.record();
  CHECK(bench.take() == "0:respond Alarm\n0:alarm 5\n0:media 121\n0:status\n0:changed 1\n");
}

TEST_CASE("expiry policy") {
  const ExpiryPolicy policy{60s, 86400s, 3600s};
  CHECK(policy.grant({}) == 3600s);
  CHECK(policy.grant(0s) == 0s);
  CHECK(policy.grant(30s) == std::nullopt);
  CHECK(policy.grant(60s) == 60s);
  CHECK(policy.grant(100'000s) == 86400s);
}
