#include "sip/digest.hpp"

#include <doctest/doctest.h>

#include <string>

#include "sip/digest_hash.hpp"

using namespace std::chrono_literals;
using sip::DigestAlgorithm;
using sip::DigestQop;
using sip::DigestVerdict;

namespace {

// gb28181-reference 3.2: REGISTER of a camera, password 12345678.
const std::string username = "34020000001320000001", realm = "3402000000";
const std::string uri = "sip:34020000002000000001@3402000000";
const std::string nonce = "b700dc7cb094478503a21148184a3731";

std::string header(const std::string& response, const std::string& more = ", algorithm=MD5") {
  return "Digest username=\"" + username + "\", realm=\"" + realm + "\",nonce=\"" + nonce +
         "\", uri=\"" + uri + "\", response=\"" + response + "\"" + more;
}

std::string response_of(const std::string& value, const std::string& password,
                        const sip::DigestRequest& request) {
  const auto c = sip::parse_digest_credentials(value);
  if (!c) return c.error().message();
  return sip::digest_response(*c, sip::digest_ha1(c->algorithm, c->username, c->realm, password),
                              request);
}

const sip::DigestAuthenticator gate({.realm = realm}, "0123456789abcdef");
const sip::TimePoint start = sip::TimePoint() + 1000h;

// Value of the parameter, quotes removed.
std::string parameter(const std::string& text, const std::string& name) {
  auto at = text.find(name + "=");
  REQUIRE(at != std::string::npos);
  at += name.size() + 1;
  const bool quoted = text[at] == '"';
  const auto end = quoted ? text.find('"', at + 1) : std::min(text.find(',', at), text.size());
  return quoted ? text.substr(at + 1, end - at - 1) : text.substr(at, end - at);
}

}  // namespace

TEST_CASE("the check values of GB/T 28181 (reference 3.2)") {
  const sip::DigestRequest request{.method = "REGISTER", .body = {}};
  CHECK(sip::digest_ha1(DigestAlgorithm::md5, username, realm, "12345678") ==
        "8258341d7dd730ce4d3b8fd2db050320");
  const struct {
    const char* name;
    std::string value;
    const char* response;
  } rows[] = {
      {"no qop", header("x"), "d3b2112a038f2ec70ff611dd397f24e6"},
      {"no algorithm", header("x", ""), "d3b2112a038f2ec70ff611dd397f24e6"},
      {"qop", header("x", ",qop=auth,nc=00000001,cnonce=\"0a4f113b\""),
       "3a1e43cc1b1878cd7f23e4c5fbf75170"},
      {"qop in quotes", header("x", ", qop=\"auth\", nc=\"00000001\", cnonce=\"0a4f113b\""),
       "3a1e43cc1b1878cd7f23e4c5fbf75170"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.name);
    CHECK(response_of(row.value, "12345678", request) == row.response);
  }
}

TEST_CASE("the examples of RFC 7616 3.9.1") {
  const std::string common =
      "Digest username=\"Mufasa\", realm=\"http-auth@example.org\", uri=\"/dir/index.html\", "
      "nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", nc=00000001, "
      "cnonce=\"f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ\", qop=auth, response=\"x\", "
      "opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\", algorithm=";
  const sip::DigestRequest request{.method = "GET", .body = {}};
  CHECK(response_of(common + "MD5", "Circle of Life", request) ==
        "8ca523f5e9506fed4657c9700eebdbec");
  CHECK(response_of(common + "SHA-256", "Circle of Life", request) ==
        "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1");
}

TEST_CASE("SHA-512-256 and HMAC-SHA-256 against published values") {
  // FIPS 180-4 examples and RFC 4231 test cases 2 and 6.
  CHECK(sip::DigestHash(DigestAlgorithm::sha512_256).add("abc").hex() ==
        "53048e2681941ef99b2e29b76b4c7dabe4c2d0c634fc6d46e0e2f13107e7af23");
  CHECK(sip::hmac_sha256_hex("Jefe", "what do ya want for nothing?") ==
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  CHECK(sip::hmac_sha256_hex(std::string(131, '\xaa'),
                             "Test Using Larger Than Block-Size Key - Hash Key First") ==
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

TEST_CASE("credentials that cannot be used") {
  const struct {
    const char* name;
    std::string value;
    const char* expected;
  } rows[] = {
      {"another scheme", "Basic abc", "bad credentials"},
      {"GB certificate variant", "Capability algorithm=\"A:RSA\"", "bad credentials"},
      {"empty", "", "bad credentials"},
      {"scheme only", "Digest", "bad credentials"},
      {"no response", "Digest username=\"a\", realm=\"b\", nonce=\"c\", uri=\"d\"",
       "bad credentials"},
      {"open quote", header("x") + ", opaque=\"", "bad credentials"},
      {"qop without nc", header("x", ", qop=auth, cnonce=\"1\""), "bad credentials"},
      {"unknown algorithm", header("x", ", algorithm=SM3"), "unsupported digest algorithm"},
      {"unknown qop", header("x", ", qop=conf"), "unsupported digest algorithm"},
      {"rubbish at the end", header("x") + ", y", "bad credentials"},
      {"trailing comma", header("x", ",") + " ", ""},
  };
  for (const auto& row : rows) {
    CAPTURE(row.name);
    const auto c = sip::parse_digest_credentials(row.value);
    CHECK((c ? "" : c.error().message()) == row.expected);
  }
}

TEST_CASE("client and server agree: each algorithm, each qop, 2069 style, -sess") {
  const struct {
    const char* name;
    DigestAlgorithm algorithm;
    const char* more;
    bool qop;
  } rows[] = {
      {"MD5, auth", DigestAlgorithm::md5, "", true},
      {"MD5, no qop", DigestAlgorithm::md5, "", false},
      {"SHA-256, auth", DigestAlgorithm::sha256, "", true},
      {"SHA-512-256, auth", DigestAlgorithm::sha512_256, "", true},
      {"SHA-256, auth-int", DigestAlgorithm::sha256, ", qop=\"auth-int\"", false},
      {"SHA-256-sess", DigestAlgorithm::sha256, "-sess", true},
      {"MD5-sess", DigestAlgorithm::md5, "-sess", true},
  };
  for (const auto& row : rows) {
    CAPTURE(row.name);
    const sip::DigestAuthenticator server({.realm = realm, .offer_qop = row.qop},
                                          "0123456789abcdef");
    auto challenge = server.challenge(row.algorithm, start);
    const std::string more = row.more;
    if (more == "-sess")
      challenge.insert(challenge.find(", qop"), more);
    else
      challenge += more;
    sip::DigestClient client("user", "pass");
    REQUIRE(client.on_challenges({challenge}).has_value());
    const sip::DigestRequest request{.method = "MESSAGE", .body = "the body"};
    const auto first = client.authorization(request, "sip:x@y", "c1");
    const auto second = client.authorization(request, "sip:x@y", "c2");
    for (const auto& value : {first, second}) {
      const auto c = sip::parse_digest_credentials(value);
      REQUIRE(c.has_value());
      CHECK(server.verify(*c, request, "pass", start + 1min) == DigestVerdict::ok);
      CHECK(server.verify(*c, request, "Pass", start + 1min) == DigestVerdict::wrong);
      CHECK(server.verify(*c, {"INVITE", "the body"}, "pass", start) == DigestVerdict::wrong);
      const bool covers_body = more.find("auth-int") != std::string::npos;
      CHECK((server.verify(*c, {"MESSAGE", "another"}, "pass", start) == DigestVerdict::wrong) ==
            covers_body);
    }
    if (row.qop) {
      CHECK(parameter(first, "nc") == "00000001");
      CHECK(parameter(second, "nc") == "00000002");
    }
  }
}

TEST_CASE("nonces are ours, fresh, and need no memory") {
  const auto fresh = gate.make_nonce(start);
  CHECK(gate.nonce_is_fresh(fresh, start));
  CHECK(gate.nonce_is_fresh(fresh, start + 5min));
  CHECK(!gate.nonce_is_fresh(fresh, start + 5min + 1s));
  CHECK(!gate.nonce_is_fresh(fresh, start - 2s));
  CHECK(gate.nonce_is_ours(fresh));
  CHECK(gate.make_nonce(start, 1) != fresh);
  CHECK(gate.make_nonce(start + 1s) != fresh);
  for (std::size_t i = 0; i < fresh.size(); ++i) {
    auto forged = fresh;
    forged[i] = forged[i] == '0' ? '1' : '0';
    CHECK(!gate.nonce_is_ours(forged));
  }
  CHECK(!gate.nonce_is_ours(""));
  CHECK(!gate.nonce_is_ours(fresh + "0"));
  CHECK(!sip::DigestAuthenticator({.realm = "other"}, "0123456789abcdef").nonce_is_ours(fresh));
  CHECK(!sip::DigestAuthenticator({.realm = realm}, "0123456789abcdeF").nonce_is_ours(fresh));
}

TEST_CASE("an old or foreign nonce with the right password is stale, not wrong") {
  sip::DigestClient client("user", "pass");
  const sip::DigestRequest request{.method = "REGISTER", .body = {}};
  auto verdict = [&](const std::string& password, sip::TimePoint now) {
    const auto value = client.authorization(request, "sip:x@y", "c");
    return gate.verify(*sip::parse_digest_credentials(value), request, password, now);
  };
  REQUIRE(client.on_challenges({gate.challenge(DigestAlgorithm::md5, start)}).has_value());
  CHECK(verdict("pass", start) == DigestVerdict::ok);
  CHECK(verdict("pass", start + 1h) == DigestVerdict::stale);
  CHECK(verdict("word", start + 1h) == DigestVerdict::wrong);
  REQUIRE(client.on_challenges({"Digest realm=\"" + realm + "\",nonce=\"abc\""}).has_value());
  CHECK(verdict("pass", start) == DigestVerdict::stale);
  REQUIRE(client.on_challenges({"Digest realm=\"other\",nonce=\"abc\""}).has_value());
  CHECK(verdict("pass", start) == DigestVerdict::wrong);

  const auto again = gate.challenge(DigestAlgorithm::md5, start, true);
  CHECK(parameter(again, "stale") == "true");
  REQUIRE(client.on_challenges({again}).has_value());
  CHECK(client.stale());
}

TEST_CASE("HA1 instead of a password; upper-case response") {
  const sip::DigestRequest request{.method = "REGISTER", .body = {}};
  const auto ha1 = sip::digest_ha1(DigestAlgorithm::md5, username, realm, "12345678");
  const auto value = header("D3B2112A038F2EC70FF611DD397F24E6");
  const auto c = *sip::parse_digest_credentials(value);
  CHECK(gate.verify_ha1(c, request, ha1, start) == DigestVerdict::stale);  // not our nonce
  CHECK(gate.verify_ha1(c, request, "0" + ha1.substr(1), start) == DigestVerdict::wrong);
}

TEST_CASE("the client chooses what it can do best") {
  const std::string md5 = "Digest realm=\"r\", nonce=\"1\", algorithm=MD5",
                    sha =
                        "Digest realm=\"r\", nonce=\"2\", qop=\"auth-int,auth\", algorithm=SHA-256",
                    sm3 = "Digest realm=\"r\", nonce=\"3\", algorithm=SM3",
                    old = "Digest realm=\"r\",nonce=\"4\"";
  const struct {
    const char* name;
    std::vector<std::string_view> challenges;
    const char* nonce;   // empty: none
    const char* absent;  // parameter that must not be there
  } rows[] = {{"strongest", {md5, sha, sm3}, "2", "opaque"},
              {"order does not matter", {sm3, sha, md5}, "2", "opaque"},
              {"only one known", {sm3, md5}, "1", "qop"},
              {"RFC 2069", {old}, "4", "algorithm"},
              {"nothing known", {sm3}, "", ""},
              {"nothing", {}, "", ""},
              {"line break in a value", {"Digest realm=\"r\", nonce=\"1\r\n2\""}, "", ""}};
  for (const auto& row : rows) {
    CAPTURE(row.name);
    sip::DigestClient client("u", "p");
    CHECK(client.on_challenges(row.challenges).has_value() == (*row.nonce != '\0'));
    CHECK(client.ready() == (*row.nonce != '\0'));
    if (!client.ready()) continue;
    const auto value = client.authorization({"REGISTER", {}}, "sip:x", "c");
    CHECK(parameter(value, "nonce") == row.nonce);
    CHECK(value.find(std::string(row.absent) + "=") == std::string::npos);
  }
}

TEST_CASE("nothing leaves its quotes") {
  sip::DigestClient client("a\"\r\nEvil: 1", "p");
  REQUIRE(client.on_challenges({"Digest realm=\"r\", nonce=\"1\""}).has_value());
  const auto value = client.authorization({"REGISTER", {}}, "sip:x\"\r\n", "c");
  CHECK(parameter(value, "username") == "aEvil: 1");
  CHECK(value.find_first_of("\r\n") == std::string::npos);
  const sip::DigestAuthenticator odd({.realm = "a\"b\\\r\n"}, "0123456789abcdef");
  CHECK(parameter(odd.challenge(DigestAlgorithm::md5, start), "realm") == "ab");
}

TEST_CASE("constant-time comparison compares") {
  CHECK(sip::equal_in_constant_time("abc", "abc"));
  CHECK(!sip::equal_in_constant_time("abc", "abd"));
  CHECK(!sip::equal_in_constant_time("abc", "ab"));
  CHECK(sip::equal_in_constant_time("", ""));
}
