#include "gateway/metrics.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <limits>
#include <thread>

namespace gateway {

TEST_CASE("metrics: the page is Prometheus text, families and labels in order") {
  Metrics metrics;
  metrics.counter("gbgate_sip_messages_total", "SIP messages", {{"method", "REGISTER"}}).add(3);
  metrics.counter("gbgate_sip_messages_total", "SIP messages", {{"method", "INVITE"}}).add();
  metrics.gauge("gbgate_devices", "Devices\nknown \\ all").set(-2);
  auto uptime = metrics.on_render(MetricKind::gauge, "gbgate_load", "Load", {{"core", "0"}},
                                  [] { return 0.25; });
  CHECK(metrics.render() ==
        "# HELP gbgate_devices Devices\\nknown \\\\ all\n"
        "# TYPE gbgate_devices gauge\n"
        "gbgate_devices -2\n"
        "# HELP gbgate_load Load\n"
        "# TYPE gbgate_load gauge\n"
        "gbgate_load{core=\"0\"} 0.25\n"
        "# HELP gbgate_sip_messages_total SIP messages\n"
        "# TYPE gbgate_sip_messages_total counter\n"
        "gbgate_sip_messages_total{method=\"INVITE\"} 1\n"
        "gbgate_sip_messages_total{method=\"REGISTER\"} 3\n");
}

TEST_CASE("metrics: the same name and labels are the same counter") {
  Metrics metrics;
  Counter& first = metrics.counter("gbgate_a_total", "a", {{"x", "1"}});
  Counter& again = metrics.counter("gbgate_a_total", "a", {{"x", "1"}});
  CHECK(&first == &again);
  CHECK(&first != &metrics.counter("gbgate_a_total", "a", {{"x", "2"}}));
}

TEST_CASE("metrics: label values cannot break the page") {
  Metrics metrics;
  metrics.counter("gbgate_a_total", "a", {{"x", "a\"b\\c\nd"}}).add();
  CHECK(metrics.render().find("gbgate_a_total{x=\"a\\\"b\\\\c\\nd\"} 1\n") != std::string::npos);
}

TEST_CASE("metrics: too many label values share one series") {
  Metrics metrics(3);
  for (int i = 0; i < 100; ++i)
    metrics.counter("gbgate_a_total", "a", {{"x", std::to_string(i)}}).add();
  const std::string page = metrics.render();
  CHECK(std::count(page.begin(), page.end(), '\n') == 2 + 4);
  CHECK(page.find("gbgate_a_total{x=\"other\"} 97\n") != std::string::npos);
}

TEST_CASE("metrics: a callback is read at each rendering and leaves with its handle") {
  Metrics metrics;
  double value = 1;
  {
    auto handle =
        metrics.on_render(MetricKind::gauge, "gbgate_g", "g", {}, [&value] { return value; });
    CHECK(metrics.render().find("gbgate_g 1\n") != std::string::npos);
    value = 2.5;
    auto moved = std::move(handle);
    CHECK(metrics.render().find("gbgate_g 2.5\n") != std::string::npos);
    value = std::numeric_limits<double>::infinity();
    CHECK(metrics.render().find("gbgate_g +Inf\n") != std::string::npos);
    auto second = metrics.on_render(MetricKind::gauge, "gbgate_g", "g", {}, [] { return 1.0; });
    value = 4;
    CHECK(metrics.render().find("gbgate_g 5\n") != std::string::npos);
  }
  CHECK(metrics.render().empty());
}

TEST_CASE("metrics: counting from several threads loses nothing") {
  Metrics metrics;
  Counter& counter = metrics.counter("gbgate_a_total", "a");
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&counter] {
      for (int i = 0; i < 10000; ++i) counter.add();
    });
  for (auto& thread : threads) thread.join();
  CHECK(counter.value() == 40000);
}

TEST_CASE("pages of several registries are one: sums, the largest, the series of each") {
  Metrics a, b;
  a.counter("gbgate_x_total", "x").add(3);
  b.counter("gbgate_x_total", "").add(4);
  a.gauge("gbgate_y", "y", {{"shard", "0"}}).set(1);
  b.gauge("gbgate_y", "y", {{"shard", "1"}}).set(2);
  const auto old =
      a.on_render(MetricKind::maximum, "gbgate_age_max", "age", {}, [] { return 0.5; });
  const auto young =
      b.on_render(MetricKind::maximum, "gbgate_age_max", "age", {}, [] { return 0.25; });
  b.counter("gbgate_only_b_total", "b").add();
  auto page = a.sample();
  page.add(b.sample());
  CHECK(page.text() ==
        "# HELP gbgate_age_max age\n# TYPE gbgate_age_max gauge\ngbgate_age_max 0.5\n"
        "# HELP gbgate_only_b_total b\n# TYPE gbgate_only_b_total counter\ngbgate_only_b_total 1\n"
        "# HELP gbgate_x_total x\n# TYPE gbgate_x_total counter\ngbgate_x_total 7\n"
        "# HELP gbgate_y y\n# TYPE gbgate_y gauge\n"
        "gbgate_y{shard=\"0\"} 1\ngbgate_y{shard=\"1\"} 2\n");
}

}  // namespace gateway
