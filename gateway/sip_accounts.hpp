// The users of the SIP server: [sip.users], and one password for all others when there is one.
#pragma once

#include <string>
#include <string_view>

#include "gateway/config.hpp"
#include "gateway/secrets.hpp"
#include "sip/accounts.hpp"

namespace gateway {

class SipAccounts final : public sip::Accounts {
 public:
  // The references must outlive it.
  SipAccounts(const Config& config, const Secrets& secrets) : config_(config), secrets_(secrets) {}

  // `user`: "alice" or "alice@example.org"; the longer name is looked for first.
  bool find(std::string_view user, std::string_view realm, sip::Secret& secret) const override;
  // Whether [sip.users] names it.
  bool names(std::string_view user) const { return config_.sip.users.contains(user); }

 private:
  const Config& config_;
  const Secrets& secrets_;
};

}  // namespace gateway
