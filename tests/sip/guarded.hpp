// A pair whose b lets nobody in without a password.
#pragma once

#include <string>

#include "sip/digest.hpp"
#include "tests/sip/pair.hpp"

namespace sip::test {

// b asks who it is (401 or 407), knows one password, and accepts who has it.
struct Guarded : Pair {
  explicit Guarded(int challenge_status = 401)
      : authenticator({.realm = "example.org"}, "0123456789abcdef") {
    b.rule = [this, challenge_status](Node& node, const Event& event) {
      if (const auto* e = std::get_if<event::IncomingRequest>(&event)) {
        auto answer = judge(*e->message, challenge_status);
        if (answer.status == 200 && e->message->method() == Method::register_)
          answer.headers.push_back(
              {"Expires",
               granted.empty() ? std::string(e->message->text(HeaderId::expires)) : granted});
        node.endpoint.respond(e->transaction, answer, node.now, node.out);
      } else if (const auto* c = std::get_if<event::IncomingCall>(&event)) {
        node.endpoint.answer(c->call, judge(*c->message, challenge_status), node.now, node.out);
      }
    };
  }
  ResponseSpec judge(const MessageView& request, int challenge_status) {
    ResponseSpec answer;
    last_call_id = request.call_id();
    last_cseq = request.cseq()->number;
    const auto id =
        challenge_status == 401 ? HeaderId::authorization : HeaderId::proxy_authorization;
    const auto credentials = parse_digest_credentials(request.text(id));
    if (credentials && authenticator.verify(*credentials, {request.method_text(), request.body()},
                                            "secret", now()) == DigestVerdict::ok)
      return answer;
    answer.status = challenge_status;
    answer.headers.push_back(
        {challenge_status == 401 ? "WWW-Authenticate" : "Proxy-Authenticate",
         authenticator.challenge(DigestAlgorithm::sha256, now(), false, ++salt)});
    return answer;
  }
  RequestSpec request(std::string password) {
    auto spec = message_to(a, b);
    spec.persistence.credentials = {"alice", std::move(password)};
    return spec;
  }
  DigestAuthenticator authenticator;
  std::uint64_t salt = 0;
  std::string granted;
  std::string last_call_id;
  std::uint32_t last_cseq = 0;
};

}  // namespace sip::test
