#include "rtp/source_table.hpp"

#include <doctest/doctest.h>

namespace rtp {
namespace {

SourceAddress at(std::uint8_t host, std::uint16_t port) {
  SourceAddress address;
  address.ip[15] = host;
  address.port = port;
  return address;
}

}  // namespace

TEST_CASE("whose a packet is on a shared port") {
  struct Case {
    const char* name;
    std::uint32_t ssrc;
    SourceAddress from;
    int strict, learn, any;  // the session; 0: a stranger
  };
  // Session 1 has SSRC 100 and sends; 2 has 200 and waits for host 2; 3 has 300, waits for host 3.
  const Case cases[] = {
      {"the agreed SSRC, as before", 100, at(1, 5000), 1, 1, 1},
      {"the agreed SSRC from elsewhere", 100, at(9, 1), 1, 1, 1},
      {"another SSRC from a known sender", 7, at(1, 5000), 0, 1, 1},
      {"SSRC 0 from a known sender", 0, at(1, 5000), 0, 1, 1},
      {"another SSRC from a host that is waited for", 7, at(2, 4000), 0, 2, 2},
      {"a stranger", 7, at(9, 4000), 0, 0, 0},
      {"another port of a known sender", 7, at(1, 5001), 0, 0, 0},
  };
  for (const auto& c : cases) {
    for (const auto policy : {SsrcPolicy::strict, SsrcPolicy::learn, SsrcPolicy::any}) {
      CAPTURE(c.name);
      CAPTURE(to_string(policy));
      SourceTable table(policy);
      for (std::uint32_t session = 1; session <= 3; ++session) {
        REQUIRE(table.add(session, std::vector{session * 100}));
        table.expect_host(session, at(static_cast<std::uint8_t>(session), 0).ip);
      }
      table.bind(1, at(1, 5000));
      const int expected = policy == SsrcPolicy::strict  ? c.strict
                           : policy == SsrcPolicy::learn ? c.learn
                                                         : c.any;
      CHECK(table.find(c.ssrc, c.from).value_or(0) == static_cast<std::uint32_t>(expected));
    }
  }
}

TEST_CASE("a stranger is taken for the only session that waits, when the policy is any") {
  SourceTable table(SsrcPolicy::any);
  REQUIRE(table.add(1, std::vector<std::uint32_t>{100}));
  CHECK(table.find(7, at(9, 9)) == 1u);
  REQUIRE(table.add(2, std::vector<std::uint32_t>{200}));
  CHECK_FALSE(table.find(7, at(9, 9)));
}

TEST_CASE("two sessions that wait for one host are told apart by SSRC alone") {
  SourceTable table(SsrcPolicy::learn);
  for (std::uint32_t session = 1; session <= 2; ++session) {
    REQUIRE(table.add(session, std::vector{session * 100}));
    table.expect_host(session, at(5, 0).ip);
  }
  CHECK_FALSE(table.find(7, at(5, 1)));
  CHECK(table.find(200, at(5, 1)) == 2u);
  table.bind(2, at(5, 1));
  CHECK(table.find(7, at(5, 2)) == 1u);
}

TEST_CASE("channels of a recorder that come from one port of its") {
  SourceTable table(SsrcPolicy::learn);
  REQUIRE(table.add(1, std::vector<std::uint32_t>{100}));
  REQUIRE(table.add(2, std::vector<std::uint32_t>{200}));
  table.bind(1, at(5, 1));
  table.bind(2, at(5, 1));
  CHECK(table.find(100, at(5, 1)) == 1u);
  CHECK_FALSE(table.find(7, at(5, 1)));
  table.remove(2);
  CHECK(table.find(7, at(5, 1)) == 1u);
  CHECK_FALSE(table.find(200, at(6, 1)));
}

TEST_CASE("an SSRC belongs to one session, and is free again after it") {
  SourceTable table(SsrcPolicy::learn);
  REQUIRE(table.add(1, std::vector<std::uint32_t>{100, 101}));
  CHECK_FALSE(table.add(2, std::vector<std::uint32_t>{102, 101}));
  CHECK(table.size() == 1);
  CHECK_FALSE(table.find(102, at(1, 1)));
  CHECK(table.expect(1, 100));
  CHECK_FALSE(table.expect(1, 0));
  table.remove(1);
  CHECK(table.add(2, std::vector<std::uint32_t>{102, 101}));
  table.remove(2);
  CHECK(table.size() == 0);
}

}  // namespace rtp
