// What an operator can set of gbgate as a SIP server: [sip.registrar], [sip.redirect], [sip.proxy],
// [sip.tls], [sip.websocket], and whether it is a GB/T 28181 platform at all. As config.hpp.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sip/digest.hpp"

namespace gateway {

struct Gb28181Config {
  bool enabled = true;  // false: devices are not served, gbgate is a SIP server alone
  bool operator==(const Gb28181Config&) const = default;
};

struct SipRegistrarConfig {
  bool enabled = false;
  std::vector<std::string> domains;  // whose users are ours; the addresses we listen at are anyway
  bool authenticate = true;          // false: anybody may register as anybody
  // Algorithms, a challenge each, in this order: "MD5", "SHA-256", "SHA-512-256". More than one
  // stops clients that take the last, or only one: baresip, JsSIP and sipsak among them.
  std::vector<std::string> digest{"MD5"};
  std::string password;  // of users without their own; empty: see Secrets::sip_user_password
  std::chrono::seconds min_expires{60};
  std::chrono::seconds max_expires{86400};
  std::chrono::seconds default_expires{3600};
  std::size_t max_bindings = 2'000'000;
  std::size_t max_bindings_per_user = 16;
  bool operator==(const SipRegistrarConfig&) const = default;
};

// Of sip.registrar.digest; nullopt: none that we know.
std::optional<sip::DigestAlgorithm> digest_algorithm(std::string_view name);

struct SipRedirectConfig {
  bool enabled = false;  // 302 for our users, in place of proxying
  bool operator==(const SipRedirectConfig&) const = default;
};

enum class ProxyMode { off, stateless, stateful };
enum class RelayTo { nobody, users, everyone };  // whose requests to other domains are carried
enum class NextHopUse { nothing, foreign, everything };
const char* to_string(ProxyMode mode);
const char* to_string(RelayTo relay);
const char* to_string(NextHopUse use);

struct SipProxyConfig {
  ProxyMode mode = ProxyMode::off;
  bool authenticate = true;  // 407: requests whose From is a user of ours
  RelayTo relay_for = RelayTo::users;
  bool record_route = true;
  bool follow_redirects = true;
  std::string next_hop;  // SIP URI
  NextHopUse next_hop_for = NextHopUse::nothing;
  bool accept_messages = true;   // MESSAGE to the server itself: 200, else 405
  bool stateful_answers = true;  // the server's own answers are remembered for repeats
  std::chrono::seconds timer_c{185};
  std::size_t max_transactions = 400'000;
  bool operator==(const SipProxyConfig&) const = default;
};

struct SipTlsConfig {
  bool enabled = false;
  std::uint16_t port = 5061;
  std::string certificate;  // PEM files
  std::string key;
  std::string ca;              // whose signatures we believe; empty: the system's
  bool verify_servers = true;  // that we connect to
  bool ask_clients = false;    // for a certificate, and refuse those whose is not signed by `ca`
  bool operator==(const SipTlsConfig&) const = default;
};

struct SipWebsocketConfig {
  bool enabled = false;
  std::uint16_t port = 5066;
  std::uint16_t secure_port = 0;  // with the certificate of [sip.tls]; 0: none
  bool operator==(const SipWebsocketConfig&) const = default;
};

// "tls:0.0.0.0:5061=sip.example.org:5061": transport, address, and what the world calls it.
struct SipListener {
  std::string transport;  // "udp", "tcp", "tls", "ws", "wss"
  std::string address;    // "0.0.0.0:5061", "[::]:5061"
  std::string host;       // announced; empty: as bound
  std::uint16_t port = 0;
  bool operator==(const SipListener&) const = default;
};
// nullopt when it is not written so. The address is looked at when it is bound.
std::optional<SipListener> parse_listener(std::string_view text);

}  // namespace gateway
