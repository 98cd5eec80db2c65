// Who may register: each row a REGISTER and the answer it gets.
#include "gateway/registrar.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <string>

namespace {

using namespace gateway;

constexpr const char* camera = "34020000001320000001";

sip::Flow from(const char* address) {
  sip::Flow flow;
  flow.remote = *sip::Address::parse(address);
  return flow;
}

std::string register_request(const std::string& id, const std::string& more = "Expires: 3600\r\n") {
  return fmt::format(
      "REGISTER sip:34020000002000000001@3402000000 SIP/2.0\r\n"
      "Via: SIP/2.0/UDP 10.0.0.5:5060;rport;branch=z9hG4bK1\r\n"
      "From: <sip:{0}@3402000000>;tag=1\r\nTo: <sip:{0}@3402000000>\r\n"
      "Call-ID: 1\r\nCSeq: 1 REGISTER\r\nContact: <sip:{0}@10.0.0.5:5060>\r\n"
      "{1}Content-Length: 0\r\n\r\n",
      id, more);
}

struct Bench {
  Config config;
  Secrets secrets{.sip_password = "generated",
                  .http_token = {},
                  .rtsp_password = {},
                  .nonce_secret = "0123456789abcdef0123456789abcdef",
                  .generated = {}};
  std::string text;

  Registrar::Decision decide(const std::string& request, const char* peer = "10.0.0.5:5060") {
    Registrar registrar(config, secrets);
    return decide(registrar, request, peer, sip::TimePoint{} + std::chrono::hours(1));
  }
  Registrar::Decision decide(Registrar& registrar, const std::string& request, const char* peer,
                             sip::TimePoint now) {
    text = request;
    sip::MessageView message;
    REQUIRE(sip::parse_message(text, message).has_value());
    return registrar.decide(message, from(peer), now, sip::WallTime{});
  }
};

std::string header(const Registrar::Decision& decision, const std::string& name) {
  for (const auto& field : decision.answer.headers)
    if (field.name == name) return field.value;
  return {};
}

std::string authorization(const Registrar::Decision& challenge, const std::string& password) {
  sip::DigestClient client(camera, password);
  const auto value = header(challenge, "WWW-Authenticate");
  REQUIRE(client.on_challenges({value}).has_value());
  return fmt::format("Authorization: {}\r\nExpires: 3600\r\n",
                     client.authorization({.method = "REGISTER", .body = {}},
                                          "sip:34020000002000000001@3402000000", "abc"));
}

}  // namespace

TEST_CASE("who is challenged") {
  struct Case {
    const char* name;
    const char* peer;
    const char* configured;  // sip.password
    bool trust_loopback;
    int status;
  };
  const Case cases[] = {
      {"this machine is trusted", "127.0.0.1:40000", "", true, 200},
      {"so is its IPv6 self", "[::1]:40000", "", true, 200},
      {"another machine is not", "10.0.0.5:5060", "", true, 401},
      {"a password that was set is asked of everyone", "127.0.0.1:40000", "secret", true, 401},
      {"no trust at all", "127.0.0.1:40000", "", false, 401},
  };
  for (const auto& c : cases) {
    SUBCASE(c.name) {
      Bench bench;
      bench.config.sip.password = bench.secrets.sip_password = c.configured;
      bench.config.server.trust_loopback = c.trust_loopback;
      CHECK(bench.decide(register_request(camera), c.peer).answer.status == c.status);
    }
  }
}

TEST_CASE("what is answered without a password") {
  struct Case {
    const char* name;
    std::string id, more;
    int status;
    std::optional<std::chrono::seconds> expires;
  };
  using std::chrono::seconds;
  const Case cases[] = {
      {"as asked", camera, "Expires: 600\r\n", 200, seconds(600)},
      {"not asked", camera, "", 200, seconds(3600)},
      {"too long", camera, "Expires: 9999999\r\n", 200, seconds(86400)},
      {"too short", camera, "Expires: 5\r\n", 423, std::nullopt},
      {"unregister", camera, "Expires: 0\r\n", 200, seconds(0)},
      {"the platform's own id", "34020000002000000001", "", 403, std::nullopt},
      {"an id that is none", "not%20an%20id", "", 403, std::nullopt},
  };
  for (const auto& c : cases) {
    SUBCASE(c.name) {
      Bench bench;
      const auto decision = bench.decide(register_request(c.id, c.more), "127.0.0.1:1");
      CHECK(decision.answer.status == c.status);
      CHECK(decision.expires == c.expires);
      CHECK(header(decision, "X-GB-Ver") == "3.0");
      CHECK((header(decision, "Date") != "") == (c.status == 200));
      CHECK((decision.refusal != "") == (c.status >= 300));
    }
  }
}

TEST_CASE("the digest decides") {
  Bench bench;
  Registrar registrar(bench.config, bench.secrets);
  const auto begin = sip::TimePoint{} + std::chrono::hours(1);
  const char* peer = "10.0.0.5:5060";
  const auto challenge = bench.decide(registrar, register_request(camera), peer, begin);
  REQUIRE(challenge.answer.status == 401);
  CHECK(header(challenge, "WWW-Authenticate").find("MD5") != std::string::npos);

  const auto good = register_request(camera, authorization(challenge, "generated"));
  const auto bad = register_request(camera, authorization(challenge, "guess"));
  CHECK(bench.decide(registrar, good, peer, begin).answer.status == 200);
  const auto refused = bench.decide(registrar, bad, peer, begin);
  CHECK(refused.answer.status == 403);
  CHECK(refused.wrong_password);
  CHECK(refused.refusal.find("guess") == std::string::npos);

  const auto late = bench.decide(registrar, good, peer, begin + std::chrono::hours(1));
  CHECK(late.answer.status == 401);
  CHECK(header(late, "WWW-Authenticate").find("stale=true") != std::string::npos);
}

TEST_CASE("a device's own password comes before the common one") {
  Bench bench;
  bench.config.sip.passwords[camera] = "own";
  Registrar registrar(bench.config, bench.secrets);
  const auto now = sip::TimePoint{} + std::chrono::hours(1);
  const auto challenge = bench.decide(registrar, register_request(camera), "10.0.0.5:1", now);
  const auto with = [&](const char* password) {
    return bench
        .decide(registrar, register_request(camera, authorization(challenge, password)),
                "10.0.0.5:1", now)
        .answer.status;
  };
  CHECK(with("own") == 200);
  CHECK(with("generated") == 403);
}

TEST_CASE("strangers are refused when only known devices may register") {
  Bench bench;
  bench.config.sip.allow_unknown_devices = false;
  CHECK(bench.decide(register_request(camera), "127.0.0.1:1").answer.status == 403);
}
