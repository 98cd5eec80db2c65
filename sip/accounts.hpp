// Who may do what: the users that the registrar and the proxy know. The server's owner implements
// it over its configuration or a database that is in memory: it is asked once a request.
#pragma once

#include <string_view>

namespace sip {

// A password, or H(user:realm:password) for the algorithms for which there is one (lower-case hex).
// The hash is preferred. What is neither cannot be used to authenticate.
struct Secret {
  std::string_view password;
  std::string_view ha1_md5, ha1_sha256, ha1_sha512_256;
};

// "alice" and "alice@example.org" both own sip:alice@example.org.
[[nodiscard]] bool owns(std::string_view user, std::string_view aor);

class Accounts {
 public:
  virtual ~Accounts() = default;

  // False: no such user. The views are valid until the accounts are used again.
  virtual bool find(std::string_view user, std::string_view realm, Secret& secret) const = 0;
  // Whether `user`, whose password was right, may register contacts for the address of record (or
  // call in its name): by default only for its own.
  virtual bool may_act_for(std::string_view user, std::string_view aor) const {
    return owns(user, aor);
  }
};

}  // namespace sip
