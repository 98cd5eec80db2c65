// Asks who sent a request and checks the answer: digest with MD5, SHA-256 and SHA-512-256 (RFC
// 3261 22, 7616, 8760), for the registrar (401) and the proxy (407) alike. Pure; a challenge and a
// check allocate nothing.
//
// Nonces need no memory to be recognized: they carry their time, a number and a MAC over both and
// the address that they were given to. Beside that, of the last so many nonces each has a few bytes
// in which its nonce counts are crossed off, so that a request that was overheard is not accepted
// again. What is older than these, too old, or was given to another address is stale: the client
// tries again with a fresh one.
//
// Guessing is slowed, see GuessLimits.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sip/accounts.hpp"
#include "sip/address.hpp"
#include "sip/digest.hpp"
#include "sip/digest_hash.hpp"
#include "sip/guess_limiter.hpp"
#include "sip/keyed_hash.hpp"
#include "sip/message.hpp"
#include "sip/message_builder.hpp"
#include "sip/nonce_table.hpp"
#include "sip/time.hpp"

namespace sip {

struct AuthenticatorOptions {
  std::string realm = {};
  // One challenge each, in this order. MD5 first, since old devices look at the first alone.
  std::vector<DigestAlgorithm> algorithms = {DigestAlgorithm::md5, DigestAlgorithm::sha256,
                                             DigestAlgorithm::sha512_256};
  bool offer_qop = true;  // false: RFC 2069 style challenges for very old devices
  bool offer_auth_int = false;
  // MD5 without qop (RFC 2069): cameras. There are no counts to cross off: for as long as the nonce
  // lives such a request can be repeated by whoever has overheard it.
  bool accept_without_qop = true;
  std::chrono::seconds nonce_life{300};
  std::size_t nonces = 1 << 18;  // whose counts are kept, 16 bytes each; rounded up to 2^n
  GuessLimits guesses = {};
};

class Authenticator {
 public:
  enum class Kind : std::uint8_t { registrar, proxy };  // WWW-Authenticate, Proxy-Authenticate

  enum class Finding : std::uint8_t {
    accepted,
    absent,     // no credentials for our realm: challenge
    stale,      // the nonce is not (any more) good for this: challenge with stale=true
    wrong,      // unknown user or wrong password: challenge (22.1), or refuse
    locked,     // too many of these: 403 with Retry-After, nothing was checked
    malformed,  // 400
  };
  struct Verdict {
    Finding finding = Finding::absent;
    std::string_view user;                // accepted: whose password it was; into the message
    std::chrono::seconds retry_after{0};  // locked
  };

  // `accounts` must outlive it. `seed`: random, secret and another for each; nonces of another seed
  // are stale.
  Authenticator(AuthenticatorOptions options, const Accounts& accounts, const HashKey& seed);

  // Of a request that validate() has passed. Looks at the first credentials for our realm.
  [[nodiscard]] Verdict check(const MessageView& request, Kind kind, const Flow& from,
                              TimePoint now);

  // Adds the challenge headers to a 401 or 407 that is being written.
  void challenge(MessageBuilder& out, Kind kind, bool stale, const Flow& from, TimePoint now);

  // The whole answer to anything but `accepted`: 400, 401, 403 or 407.
  std::string_view refuse(const MessageView& request, Kind kind, const Verdict& verdict,
                          const Flow& from, TimePoint now, const ResponseOptions& options,
                          std::string& buffer);

  const std::string& realm() const { return options_.realm; }

  struct Counters {
    std::uint64_t challenges = 0, accepted = 0, stale = 0, replayed = 0, wrong = 0, locked = 0,
                  malformed = 0;
  };
  const Counters& counters() const { return counters_; }

 private:
  std::uint64_t mac(std::uint64_t time_and_number, const Flow& from) const;
  bool read_nonce(std::string_view nonce, const Flow& from, TimePoint now,
                  std::uint32_t& number) const;
  bool acceptable(const DigestCredentials& credentials) const;
  Verdict verify(const MessageView& request, const DigestCredentials& credentials, const Flow& from,
                 TimePoint now);
  bool password_is_right(const MessageView& request, const DigestCredentials& credentials);
  std::string_view ha2_of(const MessageView& request, const DigestCredentials& credentials);
  bool use(std::uint32_t number, std::uint32_t count, const MessageView& request, const Flow& from);
  void count(Finding finding);

  AuthenticatorOptions options_;
  const Accounts& accounts_;
  HashKey key_;
  std::uint64_t table_seed_;
  NonceTable nonces_;
  GuessLimiter guesses_;
  std::vector<std::string> challenges_;  // one of each algorithm, but for its nonce
  std::size_t nonce_at_ = 0;             // in each
  std::string line_;
  struct {
    DigestAlgorithm algorithm = DigestAlgorithm::md5;
    std::string method, uri;  // no method: nothing is remembered
    DigestHex hash;
  } last_ha2_;
  Counters counters_;
};

}  // namespace sip
