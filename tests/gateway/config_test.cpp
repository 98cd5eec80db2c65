// The configuration: what a file and the environment make of it, and what is said of a wrong one.
#include "gateway/config.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <fstream>
#include <map>
#include <sstream>
#include <string>

#include "sip/overload.hpp"

namespace gateway {
namespace {

using Variables = std::map<std::string, std::string>;

ConfigResult<Config> parse(std::string_view text, const Variables& variables = {}) {
  return parse_config(text, "gbgate.toml", [&](const char* name) -> const char* {
    auto it = variables.find(name);
    return it == variables.end() ? nullptr : it->second.c_str();
  });
}

std::string read_example() {
  const char* path = std::getenv("GBGATE_EXAMPLE_TOML");
  REQUIRE(path != nullptr);
  std::ifstream file(path);
  REQUIRE(file.good());
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

// "section.key" -> value as written, of every uncommented assignment.
std::map<std::string, std::string> assignments(const std::string& toml) {
  std::map<std::string, std::string> found;
  std::stringstream lines(toml);
  std::string line, section;
  while (std::getline(lines, line)) {
    if (line.starts_with('[')) section = line.substr(1, line.find(']') - 1);
    auto equals = line.find(" = ");
    if (line.starts_with('#') || equals == line.npos) continue;
    found[section + "." + line.substr(0, equals)] = line.substr(equals + 3);
  }
  return found;
}

}  // namespace

TEST_CASE("config: nothing given means the defaults") {
  auto config = parse("");
  REQUIRE(config.has_value());
  CHECK(*config == Config{});
  CHECK(config->sip.realm() == "3402000000");
}

TEST_CASE("config: the example names every key with its default, and nothing else") {
  const std::string example = read_example();
  auto config = parse(example);
  REQUIRE_MESSAGE(config.has_value(), (config ? "" : config.error().message));
  CHECK(*config == Config{});

  auto written = assignments(example);
  for (const ConfigKey& key : config_keys()) {
    CAPTURE(key.name);
    REQUIRE(written.count(key.name) == 1);
    CHECK(written[key.name] == key.default_value);
    written.erase(key.name);
  }
  for (const auto& [name, value] : written) FAIL_CHECK("not a key: ", name);
}

TEST_CASE("config: values reach their places") {
  auto config = parse(R"(
[server]
role = "media"
log_level = "debug"
trust_loopback = false
[sip]
port = 5062
domain = "example.org"
keepalive_interval_s = 15
[sip.passwords]
34020000001320000001 = "one"
"34020000001320000002" = "two"
[media]
transport = "tcp-passive"
linger_ms = 0
[rtsp.users]
operator = "secret"
[gb28181]
enabled = false
[sip.registrar]
enabled = true
domains = ["example.org", "example.net"]
digest = ["SHA-256", "MD5"]
[sip.proxy]
mode = "stateful"
next_hop = "sip:10.0.0.9;lr"
next_hop_for = "foreign"
[sip.users]
alice = "wonder"
bob = "ha1:0123456789abcdef0123456789abcdef"
)");
  REQUIRE_MESSAGE(config.has_value(), (config ? "" : config.error().message));
  CHECK(config->server.role == Role::media);
  CHECK(config->server.log_level == LogLevel::debug);
  CHECK_FALSE(config->server.trust_loopback);
  CHECK(config->sip.port == 5062);
  CHECK(config->sip.realm() == "example.org");
  CHECK(config->sip.keepalive_interval == std::chrono::seconds(15));
  CHECK(config->sip.passwords.at("34020000001320000001") == "one");
  CHECK(config->sip.passwords.size() == 2);
  CHECK(config->media.transport == MediaTransport::tcp_passive);
  CHECK(config->media.linger == std::chrono::milliseconds(0));
  CHECK(config->rtsp.users.at("operator") == "secret");
  CHECK_FALSE(config->gb28181.enabled);
  CHECK(config->serves_sip());
  CHECK(config->sip_registrar.domains == std::vector<std::string>{"example.org", "example.net"});
  CHECK(config->sip_registrar.digest == std::vector<std::string>{"SHA-256", "MD5"});
  CHECK(config->sip_proxy.mode == ProxyMode::stateful);
  CHECK(config->sip_proxy.next_hop_for == NextHopUse::foreign);
  CHECK(config->sip.users.at("alice") == "wonder");
  CHECK(config->sip.users.size() == 2);
}

TEST_CASE("config: overload") {
  const auto limits = Config{}.sip.overload_limits();
  const sip::OverloadLimits defaults;
  CHECK(limits.transactions_percent == defaults.transactions_percent);
  CHECK(limits.backlog_percent == defaults.backlog_percent);
  CHECK(limits.sustained == defaults.sustained);
  CHECK(limits.wait == defaults.wait);
  CHECK(limits.spread == defaults.spread);
  const auto config = parse(
      "[sip]\noverload_sustained_ms = 1500\noverload_retry_min_s = 20\noverload_retry_max_s = 50\n");
  REQUIRE(config.has_value());
  CHECK(config->sip.overload_limits().sustained == std::chrono::milliseconds(1500));
  CHECK(config->sip.overload_limits().wait == std::chrono::seconds(20));
  CHECK(config->sip.overload_limits().spread == std::chrono::seconds(30));
}

TEST_CASE("config: listeners as they are written") {
  const struct {
    const char* text;
    SipListener listener;  // no transport: refused
  } rows[] = {
      {"udp:0.0.0.0:5060", {"udp", "0.0.0.0:5060", "", 0}},
      {"tls:[::]:5061=sip.example.org", {"tls", "[::]:5061", "sip.example.org", 0}},
      {"ws:10.0.0.1:80=203.0.113.7:8080", {"ws", "10.0.0.1:80", "203.0.113.7", 8080}},
      {"tcp:10.0.0.1:5060=[2001:db8::1]:5070", {"tcp", "10.0.0.1:5060", "[2001:db8::1]", 5070}},
      {"sctp:0.0.0.0:5060", {}},
      {"udp:0.0.0.0", {}},
      {"udp:0.0.0.0:0", {}},
      {"udp:0.0.0.0:70000", {}},
      {"udp:[::1]", {}},
      {"udp::5060", {}},
      {"udp:0.0.0.0:5060=", {}},
      {"udp:0.0.0.0:5060=x:y", {}},
      {"5060", {}},
      {"", {}},
  };
  for (const auto& row : rows) {
    CAPTURE(row.text);
    const auto listener = parse_listener(row.text);
    CHECK(listener.has_value() == !row.listener.transport.empty());
    if (listener) CHECK(*listener == row.listener);
  }
}

TEST_CASE("config: a wrong file is refused with its place") {
  struct {
    const char* name;
    const char* text;
    Errc code;
    const char* message;
  } const cases[] = {
      {"mistyped key", "[sip]\nprot = 5060\n", Errc::config_unknown_key,
       "gbgate.toml:2: unknown key sip.prot; did you mean sip.port?"},
      {"key of another section", "[sip]\n\ndata_dir = \"x\"\n", Errc::config_unknown_key,
       "gbgate.toml:3: unknown key sip.data_dir; did you mean server.data_dir?"},
      {"unit forgotten", "[media]\nlinger = 5\n", Errc::config_unknown_key,
       "gbgate.toml:2: unknown key media.linger; did you mean media.linger_ms?"},
      {"nothing near", "[sip]\nxyzzyplugh = 1\n", Errc::config_unknown_key,
       "gbgate.toml:2: unknown key sip.xyzzyplugh"},
      {"mistyped section", "\n[spi]\nport = 1\n", Errc::config_unknown_key,
       "gbgate.toml:2: unknown section [spi]; did you mean [sip]?"},
      {"mistyped table", "[sip.password_]\na = \"b\"\n", Errc::config_unknown_key,
       "gbgate.toml:1: unknown section [sip.password_]; did you mean [sip.passwords]?"},
      {"key outside sections", "port = 1\n", Errc::config_unknown_key,
       "gbgate.toml:1: unknown key port; did you mean sip.port?"},
      {"section as a value", "sip = 3\n", Errc::config_wrong_type,
       "gbgate.toml:1: sip must be a table: [sip]"},
      {"text for a number", "[sip]\nport = \"5060\"\n", Errc::config_wrong_type,
       "gbgate.toml:2: sip.port must be a whole number"},
      {"fraction for a number", "[sip]\nport = 5060.5\n", Errc::config_wrong_type,
       "gbgate.toml:2: sip.port must be a whole number"},
      {"number for a flag", "[sip]\nudp = 1\n", Errc::config_wrong_type,
       "gbgate.toml:2: sip.udp must be true or false"},
      {"number for a text", "[sip]\nid = 34020000002000000001\n", Errc::config_syntax, nullptr},
      {"port too large", "[sip]\nport = 65536\n", Errc::config_out_of_range,
       "gbgate.toml:2: sip.port must be 1 to 65535"},
      {"port zero", "[rtsp]\nport = 0\n", Errc::config_out_of_range,
       "gbgate.toml:2: rtsp.port must be 1 to 65535"},
      {"no such choice", "[media]\ntransport = \"sctp\"\n", Errc::config_out_of_range,
       "gbgate.toml:2: media.transport must be one of \"udp\", \"tcp-passive\", \"tcp-active\""},
      {"short id", "[sip]\nid = \"123\"\n", Errc::config_out_of_range,
       "gbgate.toml:2: sip.id must have 20 digits"},
      {"name to listen on", "[http]\nlisten_address = \"localhost\"\n", Errc::config_out_of_range,
       "gbgate.toml:2: http.listen_address must be an IP address of this machine, or 0.0.0.0 or "
       "::"},
      {"address with port", "[sip]\nadvertised_address = \"a.org/x\"\n", Errc::config_out_of_range,
       "gbgate.toml:2: sip.advertised_address must be a host name or an IP address without port"},
      {"ports reversed", "[media]\nrtp_port_min = 40000\nrtp_port_max = 39999\n",
       Errc::config_out_of_range,
       "gbgate.toml:3: media.rtp_port_max must not be below media.rtp_port_min"},
      {"no transport", "[sip]\nudp = false\ntcp = false\n", Errc::config_out_of_range,
       "gbgate.toml:2: sip.udp and sip.tcp cannot both be false"},
      {"bad device id", "[sip.passwords]\n123 = \"x\"\n", Errc::config_out_of_range,
       "gbgate.toml:2: sip.passwords.123: a device id must have 20 digits"},
      {"empty password", "[rtsp.users]\na = \"\"\n", Errc::config_wrong_type,
       "gbgate.toml:2: rtsp.users.a must be text in quotes, not empty"},
      {"mistyped table of a table", "[sip.registar]\nenabled = true\n", Errc::config_unknown_key,
       "gbgate.toml:1: unknown section [sip.registar]; did you mean [sip.registrar]?"},
      {"table of a table as a value", "[sip]\nproxy = 1\n", Errc::config_wrong_type,
       "gbgate.toml:2: sip.proxy must be a table: [sip.proxy]"},
      {"key of a table of a table", "[sip.proxy]\nmod = \"off\"\n", Errc::config_unknown_key,
       "gbgate.toml:2: unknown key sip.proxy.mod; did you mean sip.proxy.mode?"},
      {"text for a list", "[sip.registrar]\ndomains = \"a\"\n", Errc::config_wrong_type,
       "gbgate.toml:2: sip.registrar.domains must be a list of texts: [\"...\"]"},
      {"list with a number", "[sip.registrar]\ndomains = [\"a\", 1]\n", Errc::config_wrong_type,
       "gbgate.toml:2: sip.registrar.domains must be a list of texts: [\"...\"]"},
      {"unknown digest", "[sip.registrar]\ndigest = [\"sha\"]\n", Errc::config_out_of_range,
       "gbgate.toml:2: sip.registrar.digest \"sha\": must be MD5, SHA-256 or SHA-512-256"},
      {"no digest", "[sip.registrar]\ndigest = []\n", Errc::config_out_of_range,
       "gbgate.toml:2: sip.registrar.digest must name an algorithm: [\"MD5\"]"},
      {"bad listener", "[sip]\nlisten = [\"5060\"]\n", Errc::config_out_of_range,
       "gbgate.toml:2: sip.listen \"5060\": must be like udp:0.0.0.0:5060, or "
       "tls:0.0.0.0:5061=sip.example.org:5061"},
      {"bad hash", "[sip.users]\nalice = \"ha1:12\"\n", Errc::config_out_of_range,
       "gbgate.toml:1: sip.users.alice: \"ha1:\" must be followed by 32 hex digits"},
      {"nothing to do", "[gb28181]\nenabled = false\n", Errc::config_out_of_range,
       "gbgate.toml:2: gb28181.enabled cannot be false while [sip.registrar], [sip.redirect] and "
       "[sip.proxy] are off, too: there would be nothing to do"},
      {"next hop missing", "[sip.proxy]\nnext_hop_for = \"foreign\"\n", Errc::config_out_of_range,
       "gbgate.toml:2: sip.proxy.next_hop_for needs sip.proxy.next_hop"},
      {"comes back before it may", "[sip]\noverload_retry_min_s = 31\n", Errc::config_out_of_range,
       "configuration: sip.overload_retry_max_s must not be below sip.overload_retry_min_s"},
      {"TLS without certificate", "[sip.tls]\nenabled = true\n", Errc::config_out_of_range,
       "configuration: sip.tls.certificate and sip.tls.key are due where TLS is spoken"},
      {"not TOML", "[sip\nport = 1\n", Errc::config_syntax, nullptr},
  };
  for (const auto& c : cases) {
    CAPTURE(c.name);
    auto config = parse(c.text);
    REQUIRE(config.has_error());
    CHECK(config.error().code == c.code);
    if (c.message)
      CHECK(config.error().message == c.message);
    else
      CHECK(config.error().message.starts_with("gbgate.toml:"));
  }
}

TEST_CASE("config: a complaint never repeats a password") {
  auto config = parse("[sip]\npassword = \"hunter2\\u0001\"\n");
  REQUIRE(config.has_error());
  CHECK(config.error().message.find("hunter2") == std::string::npos);
}

TEST_CASE("config: the environment overrides the file") {
  auto config = parse("[sip]\nport = 5062\n", {{"GBGATE_SIP_PORT", "5070"},
                                               {"GBGATE_SIP_TCP", "false"},
                                               {"GBGATE_MEDIA_TRANSPORT", "tcp-active"},
                                               {"GBGATE_MEDIA_LINGER_MS", "250"},
                                               {"GBGATE_SIP_PROXY_MODE", "stateless"},
                                               {"GBGATE_SIP_REGISTRAR_DOMAINS", "a.org,b.org"},
                                               {"GBGATE_HTTP_TOKEN", "abc"}});
  REQUIRE(config.has_value());
  CHECK(config->sip.port == 5070);
  CHECK_FALSE(config->sip.tcp);
  CHECK(config->media.transport == MediaTransport::tcp_active);
  CHECK(config->media.linger == std::chrono::milliseconds(250));
  CHECK(config->http.token == "abc");
  CHECK(config->sip_proxy.mode == ProxyMode::stateless);
  CHECK(config->sip_registrar.domains == std::vector<std::string>{"a.org", "b.org"});
}

TEST_CASE("config: a wrong environment is refused by the variable's name") {
  struct {
    Variables variables;
    const char* message;
  } const cases[] = {
      {{{"GBGATE_SIP_PORT", "5060x"}}, "environment: GBGATE_SIP_PORT must be a whole number"},
      {{{"GBGATE_SIP_PORT", ""}}, "environment: GBGATE_SIP_PORT must be a whole number"},
      {{{"GBGATE_SIP_PORT", "0"}}, "environment: GBGATE_SIP_PORT must be 1 to 65535"},
      {{{"GBGATE_SIP_UDP", "yes"}}, "environment: GBGATE_SIP_UDP must be true or false"},
      {{{"GBGATE_MEDIA_RTP_PORT_MAX", "2000"}},
       "environment: media.rtp_port_max must not be below media.rtp_port_min"},
  };
  for (const auto& c : cases) {
    auto config = parse("", c.variables);
    REQUIRE(config.has_error());
    CHECK(config.error().message == c.message);
  }
}

TEST_CASE("config: a file that is not there is an error, no file is none") {
  auto missing = load_config("/nonexistent/gbgate.toml");
  REQUIRE(missing.has_error());
  CHECK(missing.error().code == Errc::config_unreadable);
  CHECK(missing.error().message ==
        "/nonexistent/gbgate.toml: cannot be opened: No such file or directory");
  CHECK(load_config("").has_value());
}

}  // namespace gateway
