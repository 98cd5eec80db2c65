#include "gateway/rtsp/authenticator.hpp"

#include <doctest/doctest.h>

#include "tests/gateway/rtsp/talk.hpp"

using namespace gateway::rtsp;
using test::Talk;

namespace {

std::string value_of(const std::string& answer, const std::string& name) {
  const auto at = answer.find(name + ": ");
  if (at == std::string::npos) return {};
  return answer.substr(at + name.size() + 2, answer.find('\r', at) - at - name.size() - 2);
}

std::string ask(Talk& talk, const std::string& authorization, const char* uri = "rtsp://h/cam") {
  std::string request = std::string("DESCRIBE ") + uri + " RTSP/1.0\r\nCSeq: 2\r\n";
  if (!authorization.empty()) request += "Authorization: " + authorization + "\r\n";
  return talk.say(request + "\r\n");
}

// Answers the challenge as a player would.
std::string answer_to(const std::string& challenge, std::string user, std::string password,
                      const char* uri = "rtsp://h/cam") {
  sip::DigestClient client(std::move(user), std::move(password));
  const std::vector<std::string_view> challenges{challenge};
  REQUIRE(client.on_challenges(challenges).has_value());
  return client.authorization({.method = "DESCRIBE", .body = {}}, uri, "abcdef");
}

}  // namespace

TEST_CASE("who may watch") {
  Talk talk(std::vector<User>{{"viewer", "secret"}});
  CHECK(talk.say("OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n").find("200 OK") != std::string::npos);
  const auto refused = ask(talk, "");
  CHECK(refused.find("401 Unauthorized") != std::string::npos);
  CHECK(talk.opened == 0);
  const auto challenge = value_of(refused, "WWW-Authenticate");
  CHECK(challenge.find("MD5") != std::string::npos);

  SUBCASE("the right password") {
    CHECK(ask(talk, answer_to(challenge, "viewer", "secret")).find("200 OK") != std::string::npos);
  }
  SUBCASE("a wrong one, a wrong user, no digest at all") {
    CHECK(ask(talk, answer_to(challenge, "viewer", "guess")).find("401 ") != std::string::npos);
    CHECK(ask(talk, answer_to(challenge, "nobody", "secret")).find("401 ") != std::string::npos);
    CHECK(ask(talk, "Basic dmlld2VyOnNlY3JldA==").find("401 ") != std::string::npos);
    CHECK(talk.opened == 0);
  }
  SUBCASE("credentials made for another stream") {
    const auto other = answer_to(challenge, "viewer", "secret", "rtsp://h/video");
    CHECK(ask(talk, other).find("401 ") != std::string::npos);
  }
  SUBCASE("an old nonce: the challenge says so") {
    const auto authorization = answer_to(challenge, "viewer", "secret");
    talk.now += std::chrono::minutes(6);
    const auto again = ask(talk, authorization);
    CHECK(again.find("401 ") != std::string::npos);
    CHECK(value_of(again, "WWW-Authenticate").find("stale=true") != std::string::npos);
  }
  SUBCASE("after eight guesses the connection is closed") {
    for (int i = 0; i < 8; ++i) {
      CHECK_FALSE(talk.closed);
      ask(talk, answer_to(challenge, "viewer", "guess"));
    }
    CHECK(talk.closed);
  }
}

TEST_CASE("SHA-256 is offered behind MD5, when it is asked for") {
  Authenticator authenticator({.realm = "r", .sha256 = true}, {{"u", "p"}}, "0123456789abcdef");
  const auto response = authenticator.challenge(Authenticator::Verdict::missing, {});
  REQUIRE(response.headers.size() == 2);
  CHECK(response.headers[0].second.find("MD5") != std::string::npos);
  CHECK(response.headers[1].second.find("SHA-256") != std::string::npos);
}
