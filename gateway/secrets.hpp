// Passwords that the operator did not configure. They are generated at first start and kept in
// <data_dir>/secrets.toml, readable by the owner only (0600).
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "gateway/config.hpp"
#include "gateway/error.hpp"

namespace gateway {

struct Secrets {
  std::string sip_password;  // config's, else the generated one
  // Of SIP users that [sip.users] does not name: sip.registrar.password, else, when there are no
  // users at all, the generated one. Empty: there are only those users.
  std::string sip_user_password;
  std::string http_token;     // config's, else the generated one
  std::string rtsp_password;  // of the user "gbgate", when [rtsp.users] is empty
  std::string nonce_secret;   // key of digest nonces; always generated, outlives a restart

  // What was made in this start, to be shown once on the console (never in the log).
  struct Generated {
    std::string what, value;  // "SIP password", "..."
  };
  std::vector<Generated> generated;
};

// Makes the data directory (0700) and the file when needed. Errc::data_dir_unusable,
// Errc::no_entropy.
Result<Secrets> load_secrets(const std::filesystem::path& data_dir, const Config& config);

// `bytes` of the system's randomness as hex. Errc::no_entropy.
Result<std::string> random_hex(std::size_t bytes);

}  // namespace gateway
