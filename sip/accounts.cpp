#include "sip/accounts.hpp"

namespace sip {

bool owns(std::string_view user, std::string_view aor) {
  constexpr std::string_view scheme = "sip:";
  if (!aor.starts_with(scheme)) return false;
  aor.remove_prefix(scheme.size());
  return !user.empty() && (aor == user || aor.substr(0, aor.rfind('@')) == user);
}

}  // namespace sip
