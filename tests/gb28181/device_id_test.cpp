#include "gb28181/device_id.hpp"

#include <doctest/doctest.h>

#include <unordered_set>

using gb28181::DeviceId;

TEST_CASE("a 20-digit id has fields") {
  const auto id = DeviceId::parse(" 34020000001320000017\r\n");
  REQUIRE(id.has_value());
  CHECK(id->str() == "34020000001320000017");
  CHECK(id->is_standard());
  CHECK(id->centre_code() == "34020000");
  CHECK(id->domain() == "3402000000");
  CHECK(id->industry() == 0u);
  CHECK(id->type() == 132u);
  CHECK(id->network() == 0u);
  CHECK(id->serial() == 17u);
}

TEST_CASE("other ids are opaque keys") {
  struct Case {
    const char* text;
    bool accepted;
  };
  const Case cases[] = {
      {"340200000132000001", true},  // 18 digits: rule B of 2016
      {"IPC-7F_a.3", true},
      {"1", true},
      {"12345678901234567890123456789012", true},
      {"123456789012345678901234567890123", false},
      {"", false},
      {"   ", false},
      {"a b", false},
      {"a/b", false},
      {"a\"b", false},
      {"\xE4\xB8\xAD", false},
  };
  for (const auto& c : cases) {
    CAPTURE(c.text);
    const auto id = DeviceId::parse(c.text);
    CHECK(id.has_value() == c.accepted);
    if (!id) continue;
    CHECK_FALSE(id->is_standard());
    CHECK_FALSE(id->type());
    CHECK(id->domain().empty());
  }
}

TEST_CASE("ids compare, order and hash by their text") {
  const auto a = *DeviceId::parse("34020000001320000001");
  const auto b = *DeviceId::parse("34020000001320000002");
  CHECK(a == *DeviceId::parse("34020000001320000001"));
  CHECK(a != b);
  CHECK(a < b);
  CHECK(std::unordered_set<DeviceId>{a, b, a}.size() == 2);
}

TEST_CASE("the type code hints at what can be played") {
  struct Case {
    const char* id;
    bool playable, organisation;
  };
  const Case cases[] = {
      {"34020000001310000001", true, false},
      {"34020000001320000001", true, false},
      {"34020000001340000001", false, false},
      {"34020000001350000001", false, false},
      {"34020000001360000001", false, false},
      {"34020000001370000001", false, false},
      {"34020000001380000001", true, false},
      {"34020000001180000001", true, false},
      {"34020000002000000001", false, true},
      {"34020000002150000001", false, true},
      {"34020000002160000001", false, true},
      {"340200", false, true},
      {"channel-1", true, false},
  };
  for (const auto& c : cases) {
    CAPTURE(c.id);
    CHECK(gb28181::may_be_playable(c.id) == c.playable);
    CHECK(gb28181::is_organisation(c.id) == c.organisation);
  }
}
