// Digest authentication, RFC 7616 (MD5 of RFC 2617 and 2069 included) and RFC 8760, both sides.
// For SIP and RTSP alike: method, URI and body are arguments. Pure: time and random text come from
// the caller. Passwords are read, never kept in what is returned or printed.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sip/error.hpp"
#include "sip/time.hpp"

namespace sip {

enum class DigestAlgorithm : std::uint8_t { md5, sha256, sha512_256 };
[[nodiscard]] std::string_view to_string(DigestAlgorithm algorithm);  // "MD5", "SHA-256", ...

enum class DigestQop : std::uint8_t { none, auth, auth_int };

// The Authorization header as received; views into it. Quotes are removed, nothing else: nc, uri
// and username go into the hash exactly as the peer wrote them.
struct DigestCredentials {
  std::string_view username, realm, nonce, uri, response, cnonce, nc, opaque;
  DigestAlgorithm algorithm = DigestAlgorithm::md5;  // when the parameter is missing
  bool session = false;                              // "-sess" variant
  DigestQop qop = DigestQop::none;
};
// Accepts missing spaces and any order. Errc::bad_credentials when it is no digest or a part
// without which it cannot be checked is missing, Errc::unsupported_digest.
[[nodiscard]] Result<DigestCredentials> parse_digest_credentials(std::string_view value);

// A WWW-Authenticate or Proxy-Authenticate header as received.
struct DigestChallenge {
  std::string_view realm, nonce, opaque;
  DigestAlgorithm algorithm = DigestAlgorithm::md5;
  bool session = false;
  bool algorithm_given = false;
  bool auth = false;  // qop offers
  bool auth_int = false;
  bool stale = false;
};
[[nodiscard]] Result<DigestChallenge> parse_digest_challenge(std::string_view value);
// Of two challenges for the same request, whether `a` is the stronger.
[[nodiscard]] bool stronger(const DigestChallenge& a, const DigestChallenge& b);

// An Authentication-Info or Proxy-Authentication-Info header as received (RFC 7615, RFC 7616 3.5).
struct DigestInfo {
  std::string_view nextnonce, rspauth, cnonce, nc;
  DigestQop qop = DigestQop::none;
};
[[nodiscard]] Result<DigestInfo> parse_authentication_info(std::string_view value);

// What is being authenticated.
struct DigestRequest {
  std::string_view method;
  std::string_view body;  // hashed only for auth-int
};

// H(username:realm:password) as lower-case hex: what may be stored instead of a password.
[[nodiscard]] std::string digest_ha1(DigestAlgorithm algorithm, std::string_view username,
                                     std::string_view realm, std::string_view password);

// The `response` value for these credentials (their own response is not looked at).
[[nodiscard]] std::string digest_response(const DigestCredentials& credentials,
                                          std::string_view ha1, const DigestRequest& request);

// Time does not depend on where the texts differ.
[[nodiscard]] bool equal_in_constant_time(std::string_view a, std::string_view b);

enum class DigestVerdict : std::uint8_t {
  ok,
  wrong,  // user or password: refuse, and count it
  stale,  // the password is right, the nonce is old or not ours: challenge again with stale=true
};

// Server side. Keeps no state per client: a nonce carries its time and an HMAC over it, so that any
// shard, and any process with the same secret, accepts it while it is fresh.
class DigestAuthenticator {
 public:
  struct Options {
    std::string realm;
    Duration nonce_life = std::chrono::minutes(5);
    bool offer_qop = true;  // false: RFC 2069 style challenges for very old devices
  };

  // `secret`: at least 16 random bytes.
  DigestAuthenticator(Options options, std::string secret);

  [[nodiscard]] const std::string& realm() const { return options_.realm; }

  // A fresh nonce; two made in the same second differ by `salt` (pass any changing number).
  [[nodiscard]] std::string make_nonce(TimePoint now, std::uint64_t salt = 0) const;
  [[nodiscard]] bool nonce_is_ours(std::string_view nonce) const;
  [[nodiscard]] bool nonce_is_fresh(std::string_view nonce, TimePoint now) const;

  // Value of a WWW-Authenticate header. Several algorithms are offered by several headers, the one
  // for old devices (MD5) last.
  [[nodiscard]] std::string challenge(DigestAlgorithm algorithm, TimePoint now, bool stale = false,
                                      std::uint64_t salt = 0) const;

  // Checks the response with the user's password, or with its HA1 for credentials.algorithm and our
  // realm. Credentials for another realm are `wrong`.
  [[nodiscard]] DigestVerdict verify(const DigestCredentials& credentials,
                                     const DigestRequest& request, std::string_view password,
                                     TimePoint now) const;
  [[nodiscard]] DigestVerdict verify_ha1(const DigestCredentials& credentials,
                                         const DigestRequest& request, std::string_view ha1,
                                         TimePoint now) const;

 private:
  Options options_;
  std::string secret_;
};

// Client side: answers one challenge for as long as its nonce is accepted.
class DigestClient {
 public:
  DigestClient(std::string username, std::string password);

  // Takes the challenge headers of one 401 or 407 and chooses the strongest that we can answer.
  // Errc::bad_credentials or Errc::unsupported_digest when there is none.
  [[nodiscard]] Result<void> on_challenges(const std::vector<std::string_view>& values);
  [[nodiscard]] bool ready() const { return !nonce_.empty(); }
  // The last challenge said that only the nonce was old: trying again with the same password helps.
  [[nodiscard]] bool stale() const { return stale_; }

  // Value of the Authorization header for one request; counts nc up. `cnonce`: random text without
  // quotes, used only when the challenge has a qop. auth is preferred to auth-int.
  [[nodiscard]] std::string authorization(const DigestRequest& request, std::string_view uri,
                                          std::string_view cnonce);

  // Authentication-Info of a 2xx with this body: its nextnonce serves from now on. False when it
  // means to prove by rspauth that the server knows the password too, and is wrong, or cannot be
  // read: nothing of it is used then. Of answers to requests before the last one no proof is asked.
  [[nodiscard]] bool on_authentication_info(std::string_view value, std::string_view body);

 private:
  [[nodiscard]] bool proves(const DigestInfo& info, std::string_view body) const;

  std::string username_, password_;
  std::string realm_, nonce_, opaque_;
  DigestAlgorithm algorithm_ = DigestAlgorithm::md5;
  bool session_ = false;
  bool algorithm_given_ = false;
  bool stale_ = false;
  DigestQop qop_ = DigestQop::none;
  std::uint32_t nonce_count_ = 0;
  std::string uri_, cnonce_;  // of the last request
};

}  // namespace sip
