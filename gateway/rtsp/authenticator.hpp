// Who may watch: RTSP digest authentication (RFC 2326 with RFC 7616 digests). Pure; passwords are
// never part of what is returned.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "gateway/rtsp/message.hpp"
#include "sip/digest.hpp"

namespace gateway::rtsp {

struct User {
  std::string name, password;
};

class Authenticator {
 public:
  struct Options {
    std::string realm = "gbgate";
    // Offers SHA-256 behind MD5. Off by default: ffmpeg knows MD5 only, and old clients take the
    // last offer.
    bool sha256 = false;
  };
  enum class Verdict : std::uint8_t {
    ok,
    missing,  // no credentials yet: challenge
    stale,    // right password, old nonce: challenge, which is no failure
    wrong,    // challenge again and count it
  };

  // `secret`: at least 16 random bytes. Without users nobody is let in.
  Authenticator(Options options, std::vector<User> users, std::string secret);

  Verdict check(const Request& request, sip::TimePoint now) const;
  // The 401 with its WWW-Authenticate headers, MD5 first.
  Response challenge(Verdict verdict, sip::TimePoint now);

 private:
  const User* find(std::string_view name) const;

  Options options_;
  std::vector<User> users_;
  sip::DigestAuthenticator digest_;
  std::uint64_t challenges_ = 0;
};

}  // namespace gateway::rtsp
