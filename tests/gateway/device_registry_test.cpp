#include "gateway/device_registry.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

namespace gateway {

TEST_CASE("device registry: each device is found by its id among many, and no other") {
  boost::asio::io_context io;
  AlarmClock clock(io);
  SipConfig config;
  config.max_devices = 5000;
  DeviceRegistry registry(clock, config, nullptr);
  const auto id = [](int i) { return fmt::format("34020000001110{:06}", i); };
  for (int i = 0; i < 4998; ++i) REQUIRE(registry.find_or_add(id(i)) != nullptr);
  // As long as an id may be, and a part of it.
  const std::string longest(32, '7');
  auto* first = registry.find_or_add(longest);
  auto* second = registry.find_or_add(longest.substr(0, 31));
  REQUIRE(first);
  REQUIRE(second);
  CHECK(first != second);
  CHECK(registry.size() == 5000);
  CHECK(registry.find_or_add("one too many") == nullptr);
  for (int i = 0; i < 4998; ++i) {
    const auto* device = registry.find(id(i));
    REQUIRE(device);
    CHECK(device->id() == id(i));
    CHECK(registry.find_or_add(id(i)) == device);
  }
  CHECK(registry.find(longest) == first);
  CHECK(registry.find(longest.substr(0, 31)) == second);
  for (const std::string& unknown : {std::string(), id(4998), std::string(30, '7'), id(1) + "0"})
    CHECK(registry.find(unknown) == nullptr);
  CHECK(registry.sorted().size() == 5000);
  CHECK(registry.online_count() == 0);
}

}  // namespace gateway
