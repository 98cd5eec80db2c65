#include "gateway/http/access.hpp"

#include <doctest/doctest.h>

namespace gateway::http {

TEST_CASE("http access: who is let in") {
  struct {
    const char* name;
    const char* peer;
    const char* host;
    const char* origin;
    const char* site;
    const char* authorization;
    bool forwarded, trust_loopback, expected;
  } const cases[] = {
      {"loopback", "127.0.0.1", "localhost:8080", "", "", "", false, true, true},
      {"loopback, no Host", "127.0.0.1", "", "", "", "", false, true, false},
      {"all of 127/8", "127.9.9.9", "127.0.0.1", "", "", "", false, true, true},
      {"IPv6", "::1", "[::1]:8080", "", "", "", false, true, true},
      {"IPv4 in IPv6", "::ffff:127.0.0.1", "127.0.0.1", "", "", "", false, true, true},
      {"not trusted by configuration", "127.0.0.1", "localhost", "", "", "", false, false, false},
      {"elsewhere", "10.0.0.9", "localhost", "", "", "", false, true, false},
      {"elsewhere in IPv6", "::ffff:10.0.0.9", "localhost", "", "", "", false, true, false},
      {"through a proxy", "127.0.0.1", "localhost", "", "", "", true, true, false},
      {"a name that was rebound", "127.0.0.1", "evil.example:8080", "", "", "", false, true, false},
      {"a page of elsewhere", "127.0.0.1", "localhost:8080", "http://evil.example", "", "", false,
       true, false},
      {"a page of another port", "127.0.0.1", "localhost:8080", "http://localhost:3000", "", "",
       false, true, false},
      {"a sandboxed page", "127.0.0.1", "localhost:8080", "null", "", "", false, true, false},
      {"our own page", "127.0.0.1", "localhost:8080", "http://localhost:8080", "same-origin", "",
       false, true, true},
      {"a link on a page of elsewhere", "127.0.0.1", "localhost:8080", "", "cross-site", "", false,
       true, false},
      {"typed by hand", "127.0.0.1", "localhost:8080", "", "none", "", false, true, true},
      {"token", "10.0.0.9", "gate.example", "", "", "Bearer s3cret", false, true, true},
      {"token, other case of the scheme", "10.0.0.9", "x", "", "", "bearer s3cret", false, true,
       true},
      {"token through a proxy", "127.0.0.1", "x", "", "", "Bearer s3cret", true, true, true},
      {"wrong token", "10.0.0.9", "x", "", "", "Bearer s3crex", false, true, false},
      {"prefix of the token", "10.0.0.9", "x", "", "", "Bearer s3cre", false, true, false},
      {"longer than the token", "10.0.0.9", "x", "", "", "Bearer s3crets3cret", false, true, false},
      {"no token", "10.0.0.9", "x", "", "", "Bearer ", false, true, false},
      {"basic", "10.0.0.9", "x", "", "", "Basic s3cret", false, true, false},
  };
  for (const auto& c : cases) {
    CAPTURE(c.name);
    Credentials credentials;
    credentials.peer = boost::asio::ip::make_address(c.peer);
    credentials.host = c.host;
    credentials.origin = c.origin;
    credentials.sec_fetch_site = c.site;
    credentials.authorization = c.authorization;
    credentials.forwarded = c.forwarded;
    CHECK(is_trusted(credentials, "s3cret", c.trust_loopback) == c.expected);
  }
}

TEST_CASE("http access: an empty token lets nobody in") {
  Credentials credentials;
  credentials.peer = boost::asio::ip::make_address("10.0.0.9");
  for (const char* authorization : {"", "Bearer", "Bearer ", "Bearer x"}) {
    credentials.authorization = authorization;
    CHECK_FALSE(is_trusted(credentials, "", true));
  }
}

}  // namespace gateway::http
