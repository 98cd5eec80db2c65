#include "sip/mask.hpp"

#include <doctest/doctest.h>

namespace sip {

TEST_CASE("mask: what answers a challenge is covered, in its length, and nothing else is") {
  struct {
    const char* name;
    std::string before, after;
  } const cases[] = {
      {"digest",
       "REGISTER sip:a SIP/2.0\r\nAuthorization: Digest username=\"u\", response=\"6f9a\", "
       "uri=\"x\"\r\n\r\n",
       "REGISTER sip:a SIP/2.0\r\nAuthorization: Digest username=\"u\", response=\"****\", "
       "uri=\"x\"\r\n\r\n"},
      {"no quotes, odd spaces, other case",
       "X\r\nproxy-AUTHORIZATION :digest Response = 6f9a,qop=auth\r\n",
       "X\r\nproxy-AUTHORIZATION :digest Response = ****,qop=auth\r\n"},
      {"folded", "X\r\nAuthorization: Digest a=b,\r\n response=\"6f\"\r\nTo: response=\"6f\"\r\n",
       "X\r\nAuthorization: Digest a=b,\r\n response=\"**\"\r\nTo: response=\"6f\"\r\n"},
      {"another scheme", "X\r\nAuthorization: Basic dXNlcjpw\r\n\r\n",
       "X\r\nAuthorization: Basic*********\r\n\r\n"},
      {"two of them",
       "X\nAuthorization: Digest response=\"a\"\nAuthorization: Digest response=\"b\"\n",
       "X\nAuthorization: Digest response=\"*\"\nAuthorization: Digest response=\"*\"\n"},
      {"the body stays", "X\r\nA: b\r\n\r\nAuthorization: Digest response=\"a\"\r\n",
       "X\r\nA: b\r\n\r\nAuthorization: Digest response=\"a\"\r\n"},
      {"cut short", "X\r\nAuthorization: Digest response=\"abc",
       "X\r\nAuthorization: Digest response=\"***"},
      {"cut shorter", "X\r\nAuthorization: Digest response", "X\r\nAuthorization: Digest response"},
      {"a challenge is no secret", "X\r\nWWW-Authenticate: Digest nonce=\"n\"\r\n",
       "X\r\nWWW-Authenticate: Digest nonce=\"n\"\r\n"},
      {"nothing", "", ""},
      {"a ping", "\r\n\r\n", "\r\n\r\n"},
  };
  for (const auto& c : cases) {
    CAPTURE(c.name);
    auto text = c.before;
    mask_credentials(text);
    CHECK(text.size() == c.before.size());
    CHECK(text == c.after);
  }
}

}  // namespace sip
