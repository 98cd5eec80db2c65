#include "sip/dialog_token.hpp"

#include <doctest/doctest.h>

#include "sip/scan.hpp"

using namespace sip;

namespace {

const HashKey key{1, 2};

Flow flow(Transport transport, const char* local, const char* remote, std::uint64_t connection) {
  return {transport, *Address::parse(local), *Address::parse(remote), ConnectionId{connection}};
}

std::string text_of(const DialogToken& token, std::string_view call_id = "call@1") {
  std::string text;
  append_token(text, token, call_id, key);
  return text;
}

}  // namespace

TEST_CASE("keyed hash: the vectors of the SipHash paper") {
  // Key 00..0f, message 00..0e: the separator makes the last byte of a text, so it is given as
  // numbers and the tail by hand.
  const HashKey reference{0x0706050403020100u, 0x0f0e0d0c0b0a0908u};
  CHECK(KeyedHash(reference).finish() == 0x726fdb47dd0e0e31u);
  CHECK(KeyedHash(reference).add(0x0706050403020100u).finish() == 0x93f5f5799a932462u);
}

TEST_CASE("keyed hash: parts do not run together") {
  CHECK(KeyedHash(key).add("ab").add("c").finish() != KeyedHash(key).add("a").add("bc").finish());
  CHECK(KeyedHash(key).add("abc").finish() != KeyedHash({1, 3}).add("abc").finish());
  CHECK(KeyedHash(key).add("0123456789abcdef!").finish() ==
        KeyedHash(key).add("0123456789abcdef!").finish());
}

TEST_CASE("dialog token: what goes in comes out, in characters of a user part") {
  const DialogToken cases[] = {
      {{}, {}, 0},
      {{}, {}, mark_of_tag("a1")},
      {flow(Transport::udp, "192.0.2.1:5060", "198.51.100.7:40001", 0), {}, 7},
      {{}, flow(Transport::wss, "192.0.2.1:443", "198.51.100.7:50000", 0xfedcba9876543210u), 7},
      {flow(Transport::tcp, "[2001:db8::1]:5060", "[2001:db8::2]:40001", 3),
       flow(Transport::tls, "[2001:db8::1]:5061", "[2001:db8::3]:40001", 4), 65535},
  };
  for (const auto& token : cases) {
    const auto text = text_of(token);
    CAPTURE(text);
    CHECK(text.size() <= 140);
    CHECK(scan::all(text, scan::token));
    CHECK(parse_token(text, "call@1", key) == token);
  }
}

TEST_CASE("dialog token: that of a Path is good for every call, and made by nobody else") {
  DialogToken token{flow(Transport::wss, "192.0.2.1:443", "198.51.100.7:50000", 9), {}, 0};
  token.of_path = true;
  const auto text = text_of(token, "register@1");
  CHECK(parse_token(text, "call@1", key) == token);
  CHECK_FALSE(parse_token(text, "call@1", HashKey{1, 3}));
  token.of_path = false;
  CHECK_FALSE(parse_token(text_of(token, "register@1"), "call@1", key));
}

TEST_CASE("dialog token: another's, another call's, a changed or cut one is none") {
  const auto text =
      text_of({flow(Transport::udp, "192.0.2.1:5060", "198.51.100.7:40001", 0), {}, 7});
  CHECK_FALSE(parse_token(text, "call@2", key));
  CHECK_FALSE(parse_token(text, "call@1", HashKey{1, 3}));
  CHECK_FALSE(parse_token("", "call@1", key));
  CHECK_FALSE(parse_token("alice", "call@1", key));
  CHECK_FALSE(parse_token(std::string(500, 'A'), "call@1", key));
  for (std::size_t i = 0; i + 1 < text.size(); ++i) {
    auto changed = text;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    CHECK_FALSE(parse_token(changed, "call@1", key));
    CHECK_FALSE(parse_token(text.substr(0, i), "call@1", key));
  }
}
