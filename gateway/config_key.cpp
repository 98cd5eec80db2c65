#include "gateway/config_key.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <limits>
#include <type_traits>
#include <vector>

namespace gateway {
namespace {

using Complaint = std::optional<std::string>;
using TextCheck = Complaint (*)(const std::string&);

struct Range {
  std::int64_t min, max;
};

constexpr std::size_t boolean = 0, integer = 1, text = 2, list = 3;

template <class T>
struct IsDuration : std::false_type {};
template <class R, class P>
struct IsDuration<std::chrono::duration<R, P>> : std::true_type {};

template <class T>
std::int64_t to_integer(const T& value) {
  if constexpr (IsDuration<T>::value)
    return value.count();
  else
    return static_cast<std::int64_t>(value);
}

class Table {
 public:
  template <class S>
  void boolean_key(S Config::*section, const char* section_name, const char* name,
                   bool S::*member) {
    rules.push_back({section_name, name, boolean,
                     [=](Config& config, const ConfigValue& value) -> Complaint {
                       config.*section.*member = std::get<bool>(value);
                       return {};
                     },
                     [=](const Config& config) -> ConfigValue { return config.*section.*member; }});
  }

  template <class S, class T>
  void number_key(S Config::*section, const char* section_name, const char* name, T S::*member,
                  Range range) {
    auto set = [=](Config& config, const ConfigValue& value) -> Complaint {
      const std::int64_t number = std::get<std::int64_t>(value);
      if (number < range.min || number > range.max)
        return fmt::format("must be {} to {}", range.min, range.max);
      config.*section.*member = static_cast<T>(number);
      return {};
    };
    rules.push_back({section_name, name, integer, set, [=](const Config& config) -> ConfigValue {
                       return to_integer(config.*section.*member);
                     }});
  }

  template <class S>
  void text_key(S Config::*section, const char* section_name, const char* name,
                std::string S::*member, TextCheck check) {
    auto set = [=](Config& config, const ConfigValue& value) -> Complaint {
      const std::string& word = std::get<std::string>(value);
      if (Complaint complaint = check(word)) return complaint;
      config.*section.*member = word;
      return {};
    };
    rules.push_back({section_name, name, text, set,
                     [=](const Config& config) -> ConfigValue { return config.*section.*member; }});
  }

  template <class S>
  void list_key(S Config::*section, const char* section_name, const char* name,
                std::vector<std::string> S::*member, TextCheck check) {
    auto set = [=](Config& config, const ConfigValue& value) -> Complaint {
      const auto& words = std::get<std::vector<std::string>>(value);
      for (const auto& word : words)
        if (Complaint complaint = check(word)) return fmt::format("{:?}: {}", word, *complaint);
      config.*section.*member = words;
      return {};
    };
    rules.push_back({section_name, name, list, set,
                     [=](const Config& config) -> ConfigValue { return config.*section.*member; }});
  }

  template <class S, class E>
  void choice_key(S Config::*section, const char* section_name, const char* name, E S::*member,
                  std::vector<E> choices) {
    auto set = [=](Config& config, const ConfigValue& value) -> Complaint {
      std::string words;
      for (E choice : choices) {
        if (std::get<std::string>(value) == to_string(choice)) {
          config.*section.*member = choice;
          return {};
        }
        words += fmt::format("{}\"{}\"", words.empty() ? "" : ", ", to_string(choice));
      }
      return "must be one of " + words;
    };
    rules.push_back({section_name, name, text, set, [=](const Config& config) -> ConfigValue {
                       return std::string(to_string(config.*section.*member));
                     }});
  }

  std::vector<ConfigKeyRule> rules;
};

bool all_digits(std::string_view word) {
  return std::all_of(word.begin(), word.end(), [](char c) { return c >= '0' && c <= '9'; });
}

bool is_host_character(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '-' || c == ':';
}

Complaint secret_text(const std::string& word) {
  for (char c : word)
    if (static_cast<unsigned char>(c) < 0x20 || c == '\x7f')
      return "must not contain control characters";
  return {};
}

Complaint path_text(const std::string& word) {
  return word.empty() ? Complaint("must not be empty") : std::nullopt;
}

Complaint gb_id_text(const std::string& word) {
  return word.size() == 20 && all_digits(word) ? std::nullopt : Complaint("must have 20 digits");
}

Complaint ip_text(const std::string& word) {
  std::array<unsigned char, 16> address{};
  if (inet_pton(AF_INET, word.c_str(), address.data()) == 1) return {};
  if (inet_pton(AF_INET6, word.c_str(), address.data()) == 1) return {};
  return "must be an IP address of this machine, or 0.0.0.0 or ::";
}

Complaint host_text(const std::string& word) {
  if (word.size() > 255 || !std::all_of(word.begin(), word.end(), is_host_character))
    return "must be a host name or an IP address without port";
  return {};
}

Complaint domain_text(const std::string& word) {
  return word.empty() ? Complaint("must not be empty") : host_text(word);
}

Complaint digest_text(const std::string& word) {
  if (digest_algorithm(word)) return {};
  return "must be MD5, SHA-256 or SHA-512-256";
}

Complaint listener_text(const std::string& word) {
  if (parse_listener(word)) return {};
  return "must be like udp:0.0.0.0:5060, or tls:0.0.0.0:5061=sip.example.org:5061";
}

Complaint sip_uri_text(const std::string& word) {
  if (word.empty() || word.starts_with("sip:") || word.starts_with("sips:"))
    return secret_text(word);
  return "must be a SIP URI: sip:host:port";
}

Complaint any_text(const std::string& word) {
  return secret_text(word);
}

constexpr std::int64_t kib = 1024, mib = 1024 * kib, day_s = 86400, minute_ms = 60000;

void add_server(Table& t) {
  constexpr auto s = &Config::server;
  using C = ServerConfig;
  t.choice_key(s, "server", "role", &C::role,
               std::vector{Role::all, Role::signalling, Role::media});
  t.text_key(s, "server", "data_dir", &C::data_dir, path_text);
  t.choice_key(s, "server", "log_level", &C::log_level,
               std::vector{LogLevel::trace, LogLevel::debug, LogLevel::info, LogLevel::warn,
                           LogLevel::error});
  t.boolean_key(s, "server", "trust_loopback", &C::trust_loopback);
  t.number_key(s, "server", "shards", &C::shards, {0, 64});
  t.number_key(s, "server", "shard_full_percent", &C::shard_full_percent, {0, 100});
}

void add_sip(Table& t) {
  constexpr auto s = &Config::sip;
  using C = SipConfig;
  t.text_key(s, "sip", "id", &C::id, gb_id_text);
  t.text_key(s, "sip", "domain", &C::domain, host_text);
  t.text_key(s, "sip", "listen_address", &C::listen_address, ip_text);
  t.number_key(s, "sip", "port", &C::port, {1, 65535});
  t.boolean_key(s, "sip", "udp", &C::udp);
  t.boolean_key(s, "sip", "tcp", &C::tcp);
  t.text_key(s, "sip", "advertised_address", &C::advertised_address, host_text);
  t.list_key(s, "sip", "listen", &C::listen, listener_text);
  t.text_key(s, "sip", "password", &C::password, secret_text);
  t.boolean_key(s, "sip", "allow_unknown_devices", &C::allow_unknown_devices);
  t.number_key(s, "sip", "min_expires_s", &C::min_expires, {1, 30 * day_s});
  t.number_key(s, "sip", "max_expires_s", &C::max_expires, {1, 30 * day_s});
  t.number_key(s, "sip", "default_expires_s", &C::default_expires, {1, 30 * day_s});
  t.number_key(s, "sip", "keepalive_interval_s", &C::keepalive_interval, {1, 3600});
  t.number_key(s, "sip", "keepalive_misses", &C::keepalive_misses, {1, 100});
  t.number_key(s, "sip", "max_devices", &C::max_devices, {1, 1000000});
  t.number_key(s, "sip", "max_channels_per_device", &C::max_channels_per_device, {1, 1000000});
  t.number_key(s, "sip", "max_connections", &C::max_connections, {1, 1000000});
  t.number_key(s, "sip", "max_message_bytes", &C::max_message_bytes, {4096, 16 * mib});
  t.number_key(s, "sip", "overload_transactions_percent", &C::overload_transactions_percent,
               {1, 100});
  t.number_key(s, "sip", "overload_backlog_percent", &C::overload_backlog_percent, {1, 100});
  t.number_key(s, "sip", "overload_sustained_ms", &C::overload_sustained, {0, 10 * minute_ms});
  t.number_key(s, "sip", "overload_retry_min_s", &C::overload_retry_min, {1, 3600});
  t.number_key(s, "sip", "overload_retry_max_s", &C::overload_retry_max, {1, 3600});
}

void add_gb28181(Table& t) {
  t.boolean_key(&Config::gb28181, "gb28181", "enabled", &Gb28181Config::enabled);
}

void add_registrar(Table& t) {
  constexpr auto s = &Config::sip_registrar;
  constexpr auto name = "sip.registrar";
  using C = SipRegistrarConfig;
  t.boolean_key(s, name, "enabled", &C::enabled);
  t.list_key(s, name, "domains", &C::domains, domain_text);
  t.boolean_key(s, name, "authenticate", &C::authenticate);
  t.list_key(s, name, "digest", &C::digest, digest_text);
  t.text_key(s, name, "password", &C::password, secret_text);
  t.number_key(s, name, "min_expires_s", &C::min_expires, {1, 30 * day_s});
  t.number_key(s, name, "max_expires_s", &C::max_expires, {1, 30 * day_s});
  t.number_key(s, name, "default_expires_s", &C::default_expires, {1, 30 * day_s});
  t.number_key(s, name, "max_bindings", &C::max_bindings, {1, 100'000'000});
  t.number_key(s, name, "max_bindings_per_user", &C::max_bindings_per_user, {1, 1000});
}

void add_proxy(Table& t) {
  t.boolean_key(&Config::sip_redirect, "sip.redirect", "enabled", &SipRedirectConfig::enabled);
  constexpr auto s = &Config::sip_proxy;
  constexpr auto name = "sip.proxy";
  using C = SipProxyConfig;
  t.choice_key(s, name, "mode", &C::mode,
               std::vector{ProxyMode::off, ProxyMode::stateless, ProxyMode::stateful});
  t.boolean_key(s, name, "authenticate", &C::authenticate);
  t.choice_key(s, name, "relay_for", &C::relay_for,
               std::vector{RelayTo::nobody, RelayTo::users, RelayTo::everyone});
  t.boolean_key(s, name, "record_route", &C::record_route);
  t.boolean_key(s, name, "follow_redirects", &C::follow_redirects);
  t.text_key(s, name, "next_hop", &C::next_hop, sip_uri_text);
  t.choice_key(s, name, "next_hop_for", &C::next_hop_for,
               std::vector{NextHopUse::nothing, NextHopUse::foreign, NextHopUse::everything});
  t.boolean_key(s, name, "accept_messages", &C::accept_messages);
  t.boolean_key(s, name, "stateful_answers", &C::stateful_answers);
  t.number_key(s, name, "timer_c_s", &C::timer_c, {181, 3600});
  t.number_key(s, name, "max_transactions", &C::max_transactions, {100, 100'000'000});
}

void add_secure(Table& t) {
  constexpr auto s = &Config::sip_tls;
  using C = SipTlsConfig;
  t.boolean_key(s, "sip.tls", "enabled", &C::enabled);
  t.number_key(s, "sip.tls", "port", &C::port, {1, 65535});
  t.text_key(s, "sip.tls", "certificate", &C::certificate, any_text);
  t.text_key(s, "sip.tls", "key", &C::key, any_text);
  t.text_key(s, "sip.tls", "ca", &C::ca, any_text);
  t.boolean_key(s, "sip.tls", "verify_servers", &C::verify_servers);
  t.boolean_key(s, "sip.tls", "ask_clients", &C::ask_clients);
  constexpr auto w = &Config::sip_websocket;
  using W = SipWebsocketConfig;
  t.boolean_key(w, "sip.websocket", "enabled", &W::enabled);
  t.number_key(w, "sip.websocket", "port", &W::port, {1, 65535});
  t.number_key(w, "sip.websocket", "secure_port", &W::secure_port, {0, 65535});
}

void add_media(Table& t) {
  constexpr auto s = &Config::media;
  using C = MediaConfig;
  t.text_key(s, "media", "listen_address", &C::listen_address, ip_text);
  t.text_key(s, "media", "advertised_address", &C::advertised_address, host_text);
  t.number_key(s, "media", "rtp_port_min", &C::rtp_port_min, {1024, 65535});
  t.number_key(s, "media", "rtp_port_max", &C::rtp_port_max, {1024, 65535});
  t.number_key(s, "media", "rtp_port", &C::rtp_port, {0, 65534});
  t.choice_key(s, "media", "ssrc", &C::ssrc,
               std::vector{rtp::SsrcPolicy::strict, rtp::SsrcPolicy::learn, rtp::SsrcPolicy::any});
  t.choice_key(
      s, "media", "transport", &C::transport,
      std::vector{MediaTransport::udp, MediaTransport::tcp_passive, MediaTransport::tcp_active});
  t.number_key(s, "media", "invite_timeout_ms", &C::invite_timeout, {100, 5 * minute_ms});
  t.number_key(s, "media", "first_media_timeout_ms", &C::first_media_timeout, {100, 5 * minute_ms});
  t.number_key(s, "media", "silence_timeout_ms", &C::silence_timeout, {100, 60 * minute_ms});
  t.number_key(s, "media", "linger_ms", &C::linger, {0, 60 * minute_ms});
  t.number_key(s, "media", "resume_ms", &C::resume, {0, 10 * minute_ms});
  t.number_key(s, "media", "reorder_packets", &C::reorder_packets, {1, 8192});
  t.number_key(s, "media", "reorder_delay_ms", &C::reorder_delay, {0, 10000});
  t.number_key(s, "media", "max_streams", &C::max_streams, {1, 100000});
  t.number_key(s, "media", "ring_bytes", &C::ring_bytes, {256 * kib, 1024 * mib});
  t.number_key(s, "media", "ring_packets", &C::ring_packets, {256, 1048576});
  t.number_key(s, "media", "ring_age_ms", &C::ring_age, {1000, 10 * minute_ms});
  t.number_key(s, "media", "socket_buffer_bytes", &C::socket_buffer_bytes, {4096, 256 * mib});
  t.number_key(s, "media", "rtp_packet_bytes", &C::rtp_packet_bytes, {200, 9000});
}

void add_rtsp(Table& t) {
  constexpr auto s = &Config::rtsp;
  using C = RtspConfig;
  t.text_key(s, "rtsp", "listen_address", &C::listen_address, ip_text);
  t.number_key(s, "rtsp", "port", &C::port, {1, 65535});
  t.text_key(s, "rtsp", "advertised_address", &C::advertised_address, host_text);
  t.number_key(s, "rtsp", "session_timeout_s", &C::session_timeout, {5, day_s});
  t.number_key(s, "rtsp", "max_connections", &C::max_connections, {1, 1000000});
  t.number_key(s, "rtsp", "max_viewers", &C::max_viewers, {1, 1000000});
  t.number_key(s, "rtsp", "max_viewers_per_stream", &C::max_viewers_per_stream, {1, 1000000});
  t.number_key(s, "rtsp", "slow_viewer_age_ms", &C::slow_viewer_age, {200, 60000});
  t.number_key(s, "rtsp", "slow_viewer_bytes", &C::slow_viewer_bytes, {64 * kib, 256 * mib});
  t.number_key(s, "rtsp", "slow_viewer_timeout_s", &C::slow_viewer_timeout, {1, 3600});
  t.number_key(s, "rtsp", "kernel_unsent_bytes", &C::kernel_unsent_bytes, {16 * kib, 64 * mib});
}

void add_http(Table& t) {
  constexpr auto s = &Config::http;
  using C = HttpConfig;
  t.text_key(s, "http", "listen_address", &C::listen_address, ip_text);
  t.number_key(s, "http", "port", &C::port, {1, 65535});
  t.text_key(s, "http", "token", &C::token, secret_text);
  t.number_key(s, "http", "max_connections", &C::max_connections, {1, 100000});
  t.number_key(s, "http", "max_header_bytes", &C::max_header_bytes, {1024, mib});
  t.number_key(s, "http", "max_body_bytes", &C::max_body_bytes, {1024, 64 * mib});
  t.number_key(s, "http", "idle_timeout_s", &C::idle_timeout, {1, 3600});
  t.number_key(s, "http", "request_timeout_s", &C::request_timeout, {1, 3600});
}

std::vector<ConfigKeyRule> make_rules() {
  Table table;
  add_server(table);
  add_gb28181(table);
  add_sip(table);
  add_registrar(table);
  add_proxy(table);
  add_secure(table);
  add_media(table);
  add_rtsp(table);
  add_http(table);
  return std::move(table.rules);
}

// Levenshtein distance with a transposition of neighbours as one step.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] != b[j - 1])});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = std::min(row[j], before[j - 2] + 1);
    }
    std::swap(before, last);
    std::swap(last, row);
  }
  return last[b.size()];
}

std::string nearest(std::string_view name, const std::vector<std::string>& candidates) {
  std::string best;
  std::size_t best_distance = std::max<std::size_t>(2, name.size() / 3) + 1;
  for (const std::string& candidate : candidates) {
    const std::size_t d = distance(name, candidate);
    if (d < best_distance) best = candidate, best_distance = d;
  }
  return best;
}

}  // namespace

std::span<const ConfigKeyRule> config_key_rules() {
  static const std::vector<ConfigKeyRule> rules = make_rules();
  return rules;
}

std::string nearest_config_key(std::string_view name) {
  name = name.substr(0, 64);
  const std::string_view bare = name.substr(name.rfind('.') + 1);
  std::vector<std::string> candidates{"sip.passwords", "sip.users", "rtsp.users"};
  for (const ConfigKeyRule& rule : config_key_rules()) {
    if (rule.name == bare) return rule.full_name();  // the right key in the wrong section
    candidates.push_back(rule.full_name());
  }
  return nearest(name, candidates);
}

std::string nearest_config_section(std::string_view name) {
  std::vector<std::string> sections{"sip.passwords", "sip.users", "rtsp.users"};
  for (const ConfigKeyRule& rule : config_key_rules())
    if (sections.back() != rule.section) sections.push_back(rule.section);
  return nearest(name.substr(0, 64), sections);
}

bool is_config_section(std::string_view name) {
  auto rules = config_key_rules();
  return std::any_of(rules.begin(), rules.end(),
                     [name](const ConfigKeyRule& rule) { return rule.section == name; });
}

}  // namespace gateway
