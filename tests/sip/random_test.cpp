#include "sip/random.hpp"

#include <doctest/doctest.h>

#include <set>

using namespace sip;

TEST_CASE("the ChaCha20 stream (RFC 8439 A.1, test vectors 1 and 2: key, counter and nonce zero)") {
  Random random(Seed{});
  const std::uint32_t first[] = {0xade0b876, 0x903df1a0, 0xe56a5d40, 0x28bd8653};
  for (const auto word : first) CHECK(random.next() == word);
  for (int i = 4; i < 16; ++i) random.next();
  const std::uint32_t second[] = {0xbee7079f, 0x7a385155, 0x7c97ba98, 0x0d082d73};
  for (const auto word : second) CHECK(random.next() == word);
}

TEST_CASE("text is hexadecimal, of the length asked for, and does not repeat") {
  Random random(Seed{1});
  std::set<std::string> seen;
  for (int i = 0; i < 10'000; ++i) {
    const auto text = random.hex(6);
    REQUIRE(text.size() == 12);
    REQUIRE(text.find_first_not_of("0123456789abcdef") == std::string::npos);
    CHECK(seen.insert(text).second);
  }
  CHECK(random.hex(0).empty());
}
