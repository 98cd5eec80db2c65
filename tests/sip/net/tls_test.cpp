// TLS over loopback: names, certificates of either side, reload, reuse.
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <boost/asio/ip/tcp.hpp>

#include "echo_core.hpp"
#include "test_certificates.hpp"

using namespace std::chrono_literals;
using namespace sip;
using namespace sip::net;
namespace asio = boost::asio;

namespace {

std::shared_ptr<TlsContext> context(TlsConfig config) {
  auto made = std::make_shared<TlsContext>();
  const auto why = made->load(std::move(config));
  REQUIRE_MESSAGE(!why, *why);
  return made;
}

TlsConfig trusting(const TestAuthority& authority, std::vector<TlsCertificate> own = {}) {
  TlsConfig config;
  config.certificates = std::move(own);
  config.ca_file = authority.ca_file();
  return config;
}

// The common name of the certificate that a server shows to who asks for `name`.
std::string shown_to(asio::io_context& io, const Address& server, const char* name) {
  const std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)> ctx(SSL_CTX_new(TLS_client_method()),
                                                         SSL_CTX_free);
  const std::unique_ptr<SSL, void (*)(SSL*)> ssl(SSL_new(ctx.get()), SSL_free);
  asio::ip::tcp::socket socket(io);
  socket.connect({asio::ip::address_v4::loopback(), server.port});
  socket.non_blocking(true);
  SSL_set_fd(ssl.get(), socket.native_handle());
  if (name) SSL_set_tlsext_host_name(ssl.get(), name);
  CHECK(run_until(io, [&] { return SSL_connect(ssl.get()) == 1; }));
  auto* certificate = SSL_get0_peer_certificate(ssl.get());
  char text[100] = "";
  if (certificate)
    X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, text, 100);
  return text;
}

struct TlsPair {
  TestAuthority authority;
  asio::io_context io;
  EchoSide server{io}, client{io};
  std::shared_ptr<TlsContext> tls;
  Address at;

  void serve(TlsConfig config) {
    tls = context(std::move(config));
    at = server.listen({Transport::tls, {}, {}, 0, tls});
  }
  bool asks_well(const std::string& domain) {
    if (!domain.empty()) client.driver.name_server(at, domain);
    const auto heard = client.core.heard.size(), failed = client.core.failed.size();
    client.send({Transport::tls, {}, at, {}}, options("TLS"));
    run_until(
        io, [&] { return client.core.heard.size() > heard || client.core.failed.size() > failed; });
    return client.core.heard.size() > heard && is_200(client.core.heard.back());
  }
};

}  // namespace

TEST_CASE("TLS: a request, and who the server must be") {
  const struct {
    const char* name;
    const char* certificate;
    const char* domain;  // empty: none is known, the address counts
    bool believed;
  } rows[] = {
      {"its domain", "DNS:example.com", "example.com", true},
      {"in any letter case", "DNS:Example.COM", "exAmple.com", true},
      {"another domain", "DNS:example.com", "example.org", false},
      {"no wildcards in SIP", "DNS:*.example.com", "a.example.com", false},
      {"a SIP URI", "URI:sip:example.com", "example.com", true},
      {"a SIP URI counts before DNS names", "DNS:example.com,URI:sip:other.com", "example.com",
       false},
      {"the common name where there is nothing else", "", "common.example", true},
      {"no common name beside others", "DNS:example.com", "common.example", false},
      {"its address", "IP:127.0.0.1", "", true},
      {"a name does not prove an address", "DNS:localhost", "", false},
  };
  for (const auto& row : rows) {
    CAPTURE(row.name);
    TlsPair pair;
    pair.serve(trusting(pair.authority,
                        {pair.authority.issue("server", "common.example", row.certificate)}));
    pair.client.driver.connect_with(context(trusting(pair.authority)));
    CHECK(pair.asks_well(row.domain) == row.believed);
    CHECK(pair.client.counters().tls_failures == (row.believed ? 0 : 1));
    CHECK(pair.server.core.heard.size() == (row.believed ? 1 : 0));
  }
}

TEST_CASE("TLS: authorities that we do not know, and verification switched off") {
  TlsPair pair;
  const TestAuthority stranger;
  pair.serve(trusting(stranger, {stranger.issue("server", "x", "DNS:example.com")}));
  SUBCASE("verified") {
    pair.client.driver.connect_with(context(trusting(pair.authority)));
    CHECK(!pair.asks_well("example.com"));
    CHECK(pair.client.counters().tls_failures == 1);
    CHECK(pair.client.counters().connections == 0);
  }
  SUBCASE("not verified") {
    auto config = trusting(pair.authority);
    config.verify = false;
    pair.client.driver.connect_with(context(config));
    CHECK(pair.asks_well("example.com"));
  }
  SUBCASE("without a context there is no TLS") {
    CHECK(!pair.asks_well("example.com"));
    CHECK(pair.client.counters().connections == 0);
  }
}

TEST_CASE("TLS: a connection is used again, for its own domain only") {
  TlsPair pair;
  pair.serve(trusting(pair.authority,
                      {pair.authority.issue("server", "x", "DNS:one.example,DNS:two.example")}));
  pair.client.driver.connect_with(context(trusting(pair.authority)));
  for (int i = 0; i < 3; ++i) CHECK(pair.asks_well("one.example"));
  CHECK(pair.client.counters().connections_opened == 1);
  CHECK(pair.asks_well("two.example"));
  CHECK(pair.client.counters().connections_opened == 2);
}

TEST_CASE("TLS: who says goodbye behind a request is answered") {
  TlsPair pair;
  pair.serve(trusting(pair.authority, {pair.authority.issue("server", "x", "DNS:example.com")}));
  const std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)> ctx(SSL_CTX_new(TLS_client_method()),
                                                         SSL_CTX_free);
  const std::unique_ptr<SSL, void (*)(SSL*)> ssl(SSL_new(ctx.get()), SSL_free);
  asio::ip::tcp::socket socket(pair.io);
  socket.connect({asio::ip::address_v4::loopback(), pair.at.port});
  socket.non_blocking(true);
  SSL_set_fd(ssl.get(), socket.native_handle());
  CHECK(run_until(pair.io, [&] { return SSL_connect(ssl.get()) == 1; }));
  const auto request = options("TLS");
  SSL_write(ssl.get(), request.data(), static_cast<int>(request.size()));
  SSL_shutdown(ssl.get());
  std::string answer;
  CHECK(run_until(pair.io, [&] {
    char buffer[1000];
    const int n = SSL_read(ssl.get(), buffer, sizeof buffer);
    if (n > 0) answer.append(buffer, static_cast<std::size_t>(n));
    return answer.ends_with("\r\n\r\n");
  }));
  CHECK(is_200(answer));
}

TEST_CASE("TLS: large messages both ways, many at once") {
  TlsPair pair;
  pair.serve(trusting(pair.authority, {pair.authority.issue("server", "x", "DNS:example.com")}));
  pair.client.driver.connect_with(context(trusting(pair.authority)));
  pair.server.core.extra = "Subject: " + std::string(8'000, 's') + "\r\n";
  pair.client.driver.name_server(pair.at, "example.com");
  const auto request = options("TLS", "", std::string(8'000, 'b'));
  pair.client.driver.run([&](TimePoint, Output& out) {
    for (int i = 0; i < 100; ++i) out.send({Transport::tls, {}, pair.at, {}}, request);
  });
  CHECK(run_until(pair.io, [&] { return pair.client.core.heard.size() == 100; }));
  CHECK(pair.server.core.heard.back() == request);
  CHECK(is_200(pair.client.core.heard.back()));
  CHECK(pair.client.core.heard.back().size() > 8'000);
}

TEST_CASE("TLS: the certificate that a client asks for (SNI)") {
  TlsPair pair;
  pair.serve(trusting(pair.authority, {pair.authority.issue("one", "one", "DNS:one.example"),
                                       pair.authority.issue("two", "two", "DNS:two.example"),
                                       pair.authority.issue("any", "any", "DNS:*.wild.example")}));
  CHECK(shown_to(pair.io, pair.at, "one.example") == "one");
  CHECK(shown_to(pair.io, pair.at, "two.example") == "two");
  CHECK(shown_to(pair.io, pair.at, "a.wild.example") == "any");
  CHECK(shown_to(pair.io, pair.at, "else.example") == "one");
  CHECK(shown_to(pair.io, pair.at, nullptr) == "one");
}

TEST_CASE("TLS: certificates are read anew, and connections stay") {
  TlsPair pair;
  pair.serve(trusting(pair.authority, {pair.authority.issue("server", "old", "DNS:example.com")}));
  pair.client.driver.connect_with(context(trusting(pair.authority)));
  CHECK(pair.asks_well("example.com"));
  CHECK(shown_to(pair.io, pair.at, nullptr) == "old");
  const auto files = pair.authority.issue("server", "new", "DNS:example.com");
  CHECK(shown_to(pair.io, pair.at, nullptr) == "old");
  CHECK(!pair.tls->reload());
  CHECK(shown_to(pair.io, pair.at, nullptr) == "new");
  CHECK(pair.asks_well("example.com"));
  CHECK(pair.client.counters().connections_opened == 1);
  // A file that is broken changes nothing, and is named.
  std::filesystem::resize_file(files.key_file, 10);
  const auto why = pair.tls->reload();
  REQUIRE(why);
  CHECK(why->find(files.key_file) != std::string::npos);
  CHECK(shown_to(pair.io, pair.at, nullptr) == "new");
}

TEST_CASE("TLS: certificates of clients") {
  const struct {
    const char* name;
    ClientCertificates wanted;
    bool has_one, of_our_authority, served;
  } rows[] = {
      {"nobody asks", ClientCertificates::ignored, false, false, true},
      {"asked, has none", ClientCertificates::asked, false, false, true},
      {"asked, has one", ClientCertificates::asked, true, true, true},
      {"asked, one of a stranger", ClientCertificates::asked, true, false, false},
      {"required, has none", ClientCertificates::required, false, false, false},
      {"required, has one", ClientCertificates::required, true, true, true},
      {"required, one of a stranger", ClientCertificates::required, true, false, false},
  };
  for (const auto& row : rows) {
    CAPTURE(row.name);
    TlsPair pair;
    const TestAuthority stranger;
    auto config =
        trusting(pair.authority, {pair.authority.issue("server", "x", "DNS:example.com")});
    config.client_certificates = row.wanted;
    pair.serve(config);
    const auto& signer = row.of_our_authority ? pair.authority : stranger;
    std::vector<TlsCertificate> own;
    if (row.has_one) own.push_back(signer.issue("client", "c", "DNS:client.example.com"));
    pair.client.driver.connect_with(context(trusting(pair.authority, own)));
    pair.client.driver.name_server(pair.at, "example.com");
    pair.client.send({Transport::tls, {}, pair.at, {}}, options("TLS"));
    // In TLS 1.3 the client learns after its handshake that it was refused.
    CHECK(run_until(pair.io, [&] {
      return !pair.client.core.heard.empty() || !pair.client.core.failed.empty() ||
             !pair.client.core.closed.empty();
    }));
    CHECK(pair.client.core.heard.size() == (row.served ? 1 : 0));
    CHECK(pair.server.counters().tls_failures == (row.served ? 0 : 1));
  }
}

TEST_CASE("TLS: an alias is believed of whoever proved its name (RFC 5923)") {
  for (const char* name : {"DNS:client.example.com", "DNS:other.example.com"}) {
    CAPTURE(name);
    const bool proven = std::string_view(name) == "DNS:client.example.com";
    TlsPair pair;
    auto config =
        trusting(pair.authority, {pair.authority.issue("server", "x", "DNS:example.com")});
    config.client_certificates = ClientCertificates::asked;
    pair.serve(config);
    pair.client.driver.connect_with(
        context(trusting(pair.authority, {pair.authority.issue("client", "c", name)})));
    pair.client.driver.name_server(pair.at, "example.com");
    pair.client.send({Transport::tls, {}, pair.at, {}}, options("TLS", ";alias"));
    CHECK(run_until(pair.io, [&] { return pair.client.core.heard.size() == 1; }));
    CHECK(pair.server.counters().aliases == (proven ? 1 : 0));
    // To the port that its Via named, where nobody listens.
    pair.server.send({Transport::tls, {}, {IpAddress::loopback(), 5071}, {}}, options("TLS"));
    CHECK(run_until(pair.io, [&] {
      return pair.server.core.heard.size() == 2 || !pair.server.core.failed.empty();
    }));
    CHECK(pair.client.core.heard.size() == (proven ? 2 : 1));
  }
}

TEST_CASE("TLS: over IPv6") {
  TlsPair pair;
  pair.tls = context(
      trusting(pair.authority, {pair.authority.issue("server", "x", "IP:0:0:0:0:0:0:0:1")}));
  pair.at = pair.server.listen({Transport::tls, {*IpAddress::parse("::1"), 0}, {}, 0, pair.tls});
  pair.client.driver.connect_with(context(trusting(pair.authority)));
  CHECK(pair.asks_well(""));
}

TEST_CASE("TLS: a peer that does not shake hands is closed") {
  TestAuthority authority;
  asio::io_context io;
  TransportLimits limits;
  limits.connect_within = 100ms;
  EchoSide server(io, limits);
  const auto tls = context(trusting(authority, {authority.issue("server", "x", "DNS:x")}));
  const auto at = server.listen({Transport::tls, {}, {}, 0, tls});
  asio::ip::tcp::socket one(io), two(io);
  one.connect({asio::ip::address_v4::loopback(), at.port});
  two.connect({asio::ip::address_v4::loopback(), at.port});
  two.write_some(asio::buffer(std::string_view("OPTIONS sip:a SIP/2.0\r\n\r\n")));
  CHECK(run_until(io, [&] { return server.counters().tls_failures == 1; }));
  CHECK(run_until(io, [&] { return server.counters().connections_timed_out == 1; }));
  CHECK(server.counters().connections == 0);
}

TEST_CASE("TLS: files that cannot be used are named") {
  TestAuthority authority;
  const auto good = authority.issue("good", "x", "DNS:x");
  const auto other = authority.issue("other", "x", "DNS:x");
  const struct {
    TlsCertificate files;
    std::string ca_file;
    const char* expected;
  } rows[] = {
      {{"/nowhere.pem", good.key_file}, "", "certificate /nowhere.pem"},
      {{good.certificate_file, "/nowhere.key"}, "", "key /nowhere.key"},
      {{good.certificate_file, other.key_file}, "", "other.key"},
      {good, "/nowhere-ca.pem", "certificate authorities /nowhere-ca.pem"},
  };
  for (const auto& row : rows) {
    TlsContext tls;
    TlsConfig config;
    config.certificates = {row.files};
    config.ca_file = row.ca_file;
    const auto why = tls.load(config);
    REQUIRE(why);
    CHECK(why->find(row.expected) != std::string::npos);
    CHECK(!tls.can_accept());
  }
  asio::io_context io;
  EchoSide server(io);
  const ListenOn without{Transport::tls, {IpAddress::loopback(), 0}, {}, 0, {}};
  CHECK(server.driver.listen(without).has_error());
}
