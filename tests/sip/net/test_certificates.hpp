// Certificates made while the test runs: an authority of our own, and what it signs, as PEM files
// in a directory that goes with them.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "sip/net/tls_context.hpp"

namespace sip::net {

class TestAuthority {
 public:
  TestAuthority();
  ~TestAuthority();

  std::string ca_file() const { return (folder_ / "ca.pem").string(); }
  // `names` as OpenSSL writes them: "DNS:a.example", "IP:127.0.0.1", "URI:sip:a.example". Files of
  // the same `file` are written anew.
  TlsCertificate issue(const std::string& file, const std::string& common_name,
                       const std::string& names) const;

 private:
  std::filesystem::path folder_;
  std::shared_ptr<EVP_PKEY> key_;
  std::shared_ptr<X509> certificate_;
};

}  // namespace sip::net
