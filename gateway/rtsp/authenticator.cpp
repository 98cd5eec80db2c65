#include "gateway/rtsp/authenticator.hpp"

#include "gateway/rtsp/scan.hpp"
#include "gateway/rtsp/target.hpp"

namespace gateway::rtsp {
namespace {

// Credentials made for one presentation do not open another. Which form of the URL a client puts
// into them (with track or without, absolute or not) differs.
bool made_for(std::string_view credentials_uri, std::string_view request_uri) {
  const auto claimed = parse_target(credentials_uri), asked = parse_target(request_uri);
  return claimed && asked && claimed->path == asked->path;
}

}  // namespace

Authenticator::Authenticator(Options options, std::vector<User> users, std::string secret)
    : options_(std::move(options)),
      users_(std::move(users)),
      digest_(
          sip::DigestAuthenticator::Options{
              .realm = options_.realm, .nonce_life = std::chrono::minutes(5), .offer_qop = true},
          std::move(secret)) {}

const User* Authenticator::find(std::string_view name) const {
  for (const auto& user : users_)
    if (user.name == name) return &user;
  return nullptr;
}

Authenticator::Verdict Authenticator::check(const Request& request, sip::TimePoint now) const {
  const auto header = request.header("Authorization");
  if (header.empty()) return Verdict::missing;
  const auto credentials = sip::parse_digest_credentials(header);
  if (!credentials) return Verdict::wrong;
  const User* user = find(credentials->username);
  if (!user || !made_for(credentials->uri, request.uri)) return Verdict::wrong;
  const sip::DigestRequest digested{.method = request.method_name, .body = request.body};
  switch (digest_.verify(*credentials, digested, user->password, now)) {
    case sip::DigestVerdict::ok:
      return Verdict::ok;
    case sip::DigestVerdict::stale:
      return Verdict::stale;
    case sip::DigestVerdict::wrong:
      break;
  }
  return Verdict::wrong;
}

Response Authenticator::challenge(Verdict verdict, sip::TimePoint now) {
  const bool stale = verdict == Verdict::stale;
  Response response{.status = 401, .reason = {}, .headers = {}, .body = {}};
  const auto offer = [&](sip::DigestAlgorithm algorithm) {
    response.add("WWW-Authenticate", digest_.challenge(algorithm, now, stale, ++challenges_));
  };
  offer(sip::DigestAlgorithm::md5);
  if (options_.sha256) offer(sip::DigestAlgorithm::sha256);
  return response;
}

}  // namespace gateway::rtsp
