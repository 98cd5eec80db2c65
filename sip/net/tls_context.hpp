// Certificates and keys of ours, and whose we believe (RFC 3261 26, RFC 5922): what TLS listeners
// and connections are made from. Shell (it reads files).
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sip/address.hpp"

namespace sip::net {

struct TlsCertificate {
  std::string certificate_file;  // PEM, with its chain behind it
  std::string key_file;          // PEM, without a pass phrase
};

enum class ClientCertificates { ignored, asked, required };

struct TlsConfig {
  // A client that names a server (SNI) is shown the first that is made out to that name, others the
  // very first. We show the very first to servers that ask for one.
  std::vector<TlsCertificate> certificates;
  ClientCertificates client_certificates = ClientCertificates::ignored;
  std::string ca_file;  // PEM: whose signatures we believe; empty: those that the system does
  bool verify = true;   // that servers we connect to are who they should be
};

struct SslFree {
  void operator()(SSL* ssl) const { SSL_free(ssl); }
};

// One side of one TLS connection. Holds what it was made from, so that a reload does not disturb
// it.
struct TlsSession {
  std::unique_ptr<SSL, SslFree> ssl;
  std::shared_ptr<const void> made_from;
};

class TlsContext {
 public:
  // Reads all files. What failed in words, with the name of the file; nullopt: well.
  [[nodiscard]] std::optional<std::string> load(TlsConfig config);
  // Reads the same files again: for connections from now on. When that fails all stays as it was.
  [[nodiscard]] std::optional<std::string> reload();

  bool can_accept() const;  // there is a certificate
  bool verifies_servers() const { return config_.verify; }

  TlsSession accept() const;
  // `server_name` goes into SNI unless it is empty.
  TlsSession connect(const std::string& server_name) const;

 private:
  struct Contexts;

  TlsConfig config_;
  std::shared_ptr<const Contexts> contexts_;
};

// The SIP domains that a certificate stands for (RFC 5922 7.1): its sip URIs, else its DNS names,
// else its common name. No user parts, lower case.
std::vector<std::string> sip_identities(X509* certificate);
// Whether `certificate` is that of `domain`, without wildcards (RFC 5922 7.2); with an empty domain
// whether it names the address.
bool is_certificate_of(X509* certificate, std::string_view domain, const IpAddress& ip);

}  // namespace sip::net
