#include "gateway/log_burst.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace std::chrono_literals;

namespace gateway {
namespace {

struct Captured {
  Captured() {
    log::set_sink([this](log::Level, std::string_view component, std::string_view text) {
      lines.push_back(fmt::format("{}: {}", component, text));
    });
  }
  ~Captured() {
    log::set_sink({});
    log::set_level(log::Level::info);
  }
  std::vector<std::string> take() { return std::exchange(lines, {}); }
  std::vector<std::string> lines;
};

using Lines = std::vector<std::string>;

}  // namespace

TEST_CASE("log burst: the first of a second are written, the rest are counted") {
  boost::asio::io_context io(1);
  AlarmClock clock(io);
  Captured captured;
  log::Burst burst(clock, log::Level::info, "sip", "device on line", 2);
  const auto start = sip::Clock::now();
  for (int i = 1; i <= 5; ++i) burst.write(start, "device on line device={}", i);
  CHECK(captured.take() == Lines{"sip: device on line device=1", "sip: device on line device=2"});
  SUBCASE("told by the next line that is written") {
    burst.write(start + 1s, "device on line device=6");
    CHECK(captured.take() ==
          Lines{"sip: device on line: 3 more in the last second", "sip: device on line device=6"});
  }
  SUBCASE("told when nothing follows, once") {
    io.run_until(start + 990ms);
    CHECK(captured.take() == Lines{});
    io.restart();
    io.run_until(start + 1100ms);
    CHECK(captured.take() == Lines{"sip: device on line: 3 more in the last second"});
    burst.write(start + 2s, "device on line device=6");
    CHECK(captured.take() == Lines{"sip: device on line device=6"});
  }
  SUBCASE("not at all below the level") {
    log::set_level(log::Level::error);
    burst.write(start + 1s, "device on line device=6");
    io.run_until(start + 1100ms);
    CHECK(captured.take() == Lines{});
  }
}

TEST_CASE("log burst: a few a second are all written") {
  boost::asio::io_context io(1);
  AlarmClock clock(io);
  Captured captured;
  log::Burst burst(clock, log::Level::info, "sip", "device on line", 2);
  const auto start = sip::Clock::now();
  for (int i = 0; i < 6; ++i) burst.write(start + i * 500ms, "{}", i);
  CHECK(captured.take().size() == 6);
}

}  // namespace gateway
