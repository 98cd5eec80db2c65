#include "gateway/sip_accounts.hpp"

namespace gateway {
namespace {

constexpr std::string_view hash_mark = "ha1:";

sip::Secret secret_of(std::string_view written) {
  sip::Secret secret;
  if (written.starts_with(hash_mark))
    secret.ha1_md5 = written.substr(hash_mark.size());
  else
    secret.password = written;
  return secret;
}

}  // namespace

bool SipAccounts::find(std::string_view user, std::string_view, sip::Secret& secret) const {
  const auto& users = config_.sip.users;
  auto found = users.find(user);
  if (found == users.end()) found = users.find(user.substr(0, user.find('@')));
  if (found == users.end() && secrets_.sip_user_password.empty()) return false;
  secret = secret_of(found == users.end() ? secrets_.sip_user_password : found->second);
  return true;
}

}  // namespace gateway
