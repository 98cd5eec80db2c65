#include "tools/gbcam/roster.hpp"

#include <doctest/doctest.h>

#include <stdexcept>

using gbcam::FleetOptions;
using gbcam::Roster;

namespace {

FleetOptions fleet(std::uint32_t devices, std::uint32_t channels) {
  FleetOptions options;
  options.devices = devices;
  options.channels = channels;
  options.first_device_id = "34020000001110000998";
  options.first_channel_id = "34020000001310000010";
  return options;
}

}  // namespace

TEST_CASE("ids count up, channels over all devices") {
  const Roster roster(fleet(3, 4));
  CHECK(roster.device_id(0) == "34020000001110000998");
  CHECK(roster.device_id(2) == "34020000001110001000");
  CHECK(roster.channel_id({0, 0}) == "34020000001310000010");
  CHECK(roster.channel_id({2, 3}) == "34020000001310000021");
}

TEST_CASE("ids are found again, and only those") {
  const Roster roster(fleet(3, 4));
  for (std::uint32_t device = 0; device < 3; ++device)
    for (std::uint32_t channel = 0; channel < 4; ++channel) {
      const auto place = roster.find_channel(roster.channel_id({device, channel}));
      REQUIRE(place);
      CHECK(place->device == device);
      CHECK(place->channel == channel);
    }
  const struct {
    const char* name;
    const char* id;
    bool device, channel;
  } cases[] = {
      {"a device stands for its first channel", "34020000001110000999", true, true},
      {"before the first device", "34020000001110000997", false, false},
      {"after the last device", "34020000001110001001", false, false},
      {"after the last channel", "34020000001310000022", false, false},
      {"another type", "34020000001320000010", false, false},
      {"too short", "340200000013100000", false, false},
      {"letters", "3402000000131000001x", false, false},
      {"nothing", "", false, false},
  };
  for (const auto& c : cases) {
    CAPTURE(c.name);
    CHECK(roster.find_device(c.id).has_value() == c.device);
    CHECK(roster.find_channel(c.id).has_value() == c.channel);
  }
}

TEST_CASE("ids that do not fit are refused at once") {
  FleetOptions options = fleet(3, 4);
  options.first_channel_id = "34020000001310999990";
  CHECK_THROWS_AS(Roster{options}, std::runtime_error);
}
