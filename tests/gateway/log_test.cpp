#include "gateway/log.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace gateway {
namespace {

// What was logged while it lives, as "level component: text".
struct Captured {
  Captured() {
    log::set_sink([this](log::Level level, std::string_view component, std::string_view text) {
      lines.push_back(fmt::format("{} {}: {}", to_string(level), component, text));
    });
  }
  ~Captured() {
    log::set_sink({});
    log::set_level(log::Level::info);
  }
  std::vector<std::string> lines;
};

}  // namespace

TEST_CASE("log: a line has level, component, text and keys, and the level filters") {
  Captured captured;
  log::info("sip", "device on line device={} name={:?}", "34020000001320000001", "front door");
  log::debug("sip", "not shown");
  log::set_level(log::Level::error);
  log::warn("sip", "not shown either");
  log::error("store", "broken");
  CHECK(captured.lines ==
        std::vector<std::string>{
            "info sip: device on line device=34020000001320000001 name=\"front door\"",
            "error store: broken"});
}

TEST_CASE("log: text from outside cannot forge a line or drive a terminal") {
  Captured captured;
  log::info("sip", "name={}", "a\nerror sip: forged\x1b[2J");
  CHECK(captured.lines ==
        std::vector<std::string>{"info sip: name=a\\x0aerror sip: forged\\x1b[2J"});
}

TEST_CASE("log: a very long line is cut") {
  Captured captured;
  log::info("sip", "{}", std::string(100000, 'x'));
  REQUIRE(captured.lines.size() == 1);
  CHECK(captured.lines[0].size() < 2100);
  CHECK(captured.lines[0].ends_with("..."));
}

TEST_CASE("log: a repeating message gets through once a period, with the count of the others") {
  using std::chrono::seconds;
  log::Limited limited(seconds(10));
  const log::Limited::Clock::time_point start{};
  struct {
    int at_s;
    std::optional<std::uint64_t> expected;
  } const steps[] = {{0, 0}, {1, {}}, {9, {}}, {10, 2}, {11, {}}, {20, 1}, {40, 0}};
  for (const auto& step : steps) {
    CAPTURE(step.at_s);
    CHECK(limited.admit(start + seconds(step.at_s)) == step.expected);
  }
}

TEST_CASE("log: the suppressed count is said") {
  Captured captured;
  log::Limited limited{std::chrono::milliseconds(0)};
  limited.at(log::Level::warn, "media", "loss stream={}", 1);
  CHECK(captured.lines == std::vector<std::string>{"warn media: loss stream=1"});
  log::Limited slow;
  for (int i = 0; i < 5; ++i) slow.at(log::Level::warn, "media", "again");
  CHECK(captured.lines.size() == 2);
}

}  // namespace gateway
