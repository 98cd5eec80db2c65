#include "sip/net/tls_context.hpp"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <utility>

#include "sip/uri.hpp"

namespace sip::net {
namespace {

struct CtxFree {
  void operator()(SSL_CTX* ctx) const { SSL_CTX_free(ctx); }
};
using UniqueCtx = std::unique_ptr<SSL_CTX, CtxFree>;

std::string last_error(std::string about) {
  const auto code = ERR_peek_error();
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  ERR_clear_error();
  return std::move(about) + ": " + (reason ? reason : "cannot be used");
}

UniqueCtx new_context() {
  UniqueCtx ctx(SSL_CTX_new(TLS_method()));
  SSL_CTX_set_min_proto_version(ctx.get(), TLS1_2_VERSION);
  SSL_CTX_set_options(ctx.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  // Memory of idle connections is given back; a write may take a part, and go on elsewhere.
  SSL_CTX_set_mode(ctx.get(), SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  static constexpr unsigned char session_name[] = "sip";  // needed where client certificates are
  SSL_CTX_set_session_id_context(ctx.get(), session_name, sizeof session_name - 1);
  return ctx;
}

std::optional<std::string> use_certificate(SSL_CTX* ctx, const TlsCertificate& files) {
  if (SSL_CTX_use_certificate_chain_file(ctx, files.certificate_file.c_str()) != 1)
    return last_error("certificate " + files.certificate_file);
  if (SSL_CTX_use_PrivateKey_file(ctx, files.key_file.c_str(), SSL_FILETYPE_PEM) != 1)
    return last_error("key " + files.key_file);
  if (SSL_CTX_check_private_key(ctx) != 1)
    return last_error("key " + files.key_file + " for certificate " + files.certificate_file);
  return std::nullopt;
}

std::optional<std::string> use_authorities(SSL_CTX* ctx, const std::string& ca_file) {
  if (ca_file.empty()) {
    SSL_CTX_set_default_verify_paths(ctx);
    return std::nullopt;
  }
  if (SSL_CTX_load_verify_locations(ctx, ca_file.c_str(), nullptr) != 1)
    return last_error("certificate authorities " + ca_file);
  SSL_CTX_set_client_CA_list(ctx, SSL_load_client_CA_file(ca_file.c_str()));
  return std::nullopt;
}

int verify_mode(ClientCertificates wanted) {
  if (wanted == ClientCertificates::ignored) return SSL_VERIFY_NONE;
  if (wanted == ClientCertificates::asked) return SSL_VERIFY_PEER;
  return SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

std::string_view view(const ASN1_STRING* text) {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
          static_cast<std::size_t>(ASN1_STRING_length(text))};
}

void add_common_name(X509* certificate, std::vector<std::string>& out) {
  const auto* subject = X509_get_subject_name(certificate);
  const int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  if (at >= 0)
    out.push_back(lower(view(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)))));
}

}  // namespace

struct TlsContext::Contexts {
  UniqueCtx client;
  std::vector<UniqueCtx> servers;  // one for each certificate

  // Called within the handshake, when the client has named the server that it wants.
  static int on_server_name(SSL* ssl, int*, void* self) {
    const char* name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    if (!name) return SSL_TLSEXT_ERR_NOACK;
    for (const auto& server : static_cast<const Contexts*>(self)->servers) {
      if (X509_check_host(SSL_CTX_get0_certificate(server.get()), name, 0, 0, nullptr) != 1)
        continue;
      SSL_set_SSL_CTX(ssl, server.get());
      return SSL_TLSEXT_ERR_OK;
    }
    return SSL_TLSEXT_ERR_NOACK;
  }

  std::optional<std::string> add_server(const TlsConfig& config, const TlsCertificate& files) {
    auto ctx = new_context();
    if (auto why = use_certificate(ctx.get(), files)) return why;
    if (config.client_certificates != ClientCertificates::ignored)
      if (auto why = use_authorities(ctx.get(), config.ca_file)) return why;
    SSL_CTX_set_verify(ctx.get(), verify_mode(config.client_certificates), nullptr);
    SSL_CTX_set_tlsext_servername_callback(ctx.get(), &Contexts::on_server_name);
    SSL_CTX_set_tlsext_servername_arg(ctx.get(), this);
    servers.push_back(std::move(ctx));
    return std::nullopt;
  }
  std::optional<std::string> make_client(const TlsConfig& config) {
    client = new_context();
    if (!config.certificates.empty())
      if (auto why = use_certificate(client.get(), config.certificates.front())) return why;
    SSL_CTX_set_verify(client.get(), config.verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
    return use_authorities(client.get(), config.ca_file);
  }
};

std::optional<std::string> TlsContext::load(TlsConfig config) {
  ERR_clear_error();
  auto fresh = std::make_shared<Contexts>();
  for (const auto& files : config.certificates)
    if (auto why = fresh->add_server(config, files)) return why;
  if (auto why = fresh->make_client(config)) return why;
  config_ = std::move(config);
  contexts_ = std::move(fresh);
  return std::nullopt;
}

std::optional<std::string> TlsContext::reload() {
  return load(config_);
}

bool TlsContext::can_accept() const {
  return contexts_ && !contexts_->servers.empty();
}

TlsSession TlsContext::accept() const {
  TlsSession session{std::unique_ptr<SSL, SslFree>(SSL_new(contexts_->servers.front().get())),
                     contexts_};
  if (session.ssl) SSL_set_accept_state(session.ssl.get());
  return session;
}

TlsSession TlsContext::connect(const std::string& server_name) const {
  TlsSession session{std::unique_ptr<SSL, SslFree>(SSL_new(contexts_->client.get())), contexts_};
  if (!session.ssl) return session;
  SSL_set_connect_state(session.ssl.get());
  if (!server_name.empty()) SSL_set_tlsext_host_name(session.ssl.get(), server_name.c_str());
  return session;
}

std::vector<std::string> sip_identities(X509* certificate) {
  std::vector<std::string> uris, names;
  auto* found = static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
  for (int i = 0; i < sk_GENERAL_NAME_num(found); ++i) {
    const auto* name = sk_GENERAL_NAME_value(found, i);
    if (name->type == GEN_DNS) names.push_back(lower(view(name->d.dNSName)));
    if (name->type != GEN_URI) continue;
    const std::string text(view(name->d.uniformResourceIdentifier));
    const auto uri = parse_uri(text);
    if (uri && uri->scheme == UriScheme::sip && uri->user.empty())
      uris.push_back(lower(uri->host.host));
  }
  const bool has_names = found != nullptr;
  GENERAL_NAMES_free(found);
  if (!uris.empty()) return uris;
  if (names.empty() && !has_names) add_common_name(certificate, names);
  return names;
}

bool is_certificate_of(X509* certificate, std::string_view domain, const IpAddress& ip) {
  if (!certificate) return false;
  if (domain.empty()) return X509_check_ip_asc(certificate, to_string(ip).c_str(), 0) == 1;
  return std::ranges::count(sip_identities(certificate), lower(domain)) != 0;
}

}  // namespace sip::net
