#include "gateway/alarm_clock.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <string>

using namespace std::chrono_literals;

TEST_CASE("alarms ring in order of their deadlines, once for each time they are set") {
  boost::asio::io_context io(1);
  gateway::AlarmClock clock(io);
  std::string rung;
  const auto start = sip::Clock::now();

  gateway::Alarm late(clock, [&](auto) { rung += "late "; });
  gateway::Alarm moved_later(
      clock, [&](auto now) { rung += now >= start + 30ms ? "moved " : "too-early "; });
  gateway::Alarm moved_earlier(clock, [&](auto) { rung += "earlier "; });
  gateway::Alarm cleared(clock, [&](auto) { rung += "cleared "; });
  auto gone = std::make_unique<gateway::Alarm>(clock, [&](auto) { rung += "gone "; });
  int left = 2;
  std::unique_ptr<gateway::Alarm> again;
  again = std::make_unique<gateway::Alarm>(clock, [&](auto now) {
    rung += "again ";
    if (--left > 0) again->set(now + 1ms);
  });

  late.set(start + 40ms);
  moved_later.set(start + 5ms);
  moved_later.set(start + 30ms);
  moved_earlier.set(start + 60ms);
  moved_earlier.set(start + 20ms);
  cleared.set(start + 10ms);
  cleared.clear();
  gone->set(start + 10ms);
  gone.reset();
  again->set(start + 2ms);

  io.run_until(start + 100ms);
  CHECK(rung == "again again earlier moved late ");
}

TEST_CASE("an alarm may destroy its owner when it rings") {
  boost::asio::io_context io(1);
  gateway::AlarmClock clock(io);
  std::unique_ptr<gateway::Alarm> alarm;
  bool rung = false;
  alarm = std::make_unique<gateway::Alarm>(clock, [&](auto) {
    alarm.reset();
    rung = true;
  });
  alarm->set(sip::Clock::now() + 1ms);
  io.run_for(50ms);
  CHECK(rung);
}

TEST_CASE("an alarm that is always set for the past does not keep others from their turn") {
  boost::asio::io_context io(1);
  gateway::AlarmClock clock(io);
  std::unique_ptr<gateway::Alarm> eager;
  int rung = 0;
  eager = std::make_unique<gateway::Alarm>(clock, [&](auto now) {
    ++rung;
    eager->set(now - 1ms);
  });
  eager->set(sip::Clock::now());
  bool served = false;
  boost::asio::steady_timer other(io, 5ms);
  other.async_wait([&](auto) { served = true; });
  const auto give_up = sip::Clock::now() + 2s;
  while (!served && sip::Clock::now() < give_up) io.run_one_for(10ms);
  CHECK(served);
  CHECK(rung > 1);
}
