// Everything an operator can set: plain structs with defaults, one per section of the TOML file.
// gateway/gbgate.example.toml has a line on every key. Read once at start and not changed after.
//
// Order of precedence: environment GBGATE_<SECTION>_<KEY> (GBGATE_SIP_PORT=5062), then the file,
// then the defaults below. A list is
// written with commas there. Environment cannot set the tables sip.passwords, sip.users and
// rtsp.users.
#pragma once

#include <boost/system/result.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/error.hpp"
#include "gateway/sip_server_config.hpp"
#include "rtp/ssrc.hpp"

namespace sip {
struct OverloadLimits;
}

namespace gateway {

enum class Role { all, signalling, media };
enum class LogLevel { trace, debug, info, warn, error };
enum class MediaTransport { udp, tcp_passive, tcp_active };  // tcp_passive: the camera connects

const char* to_string(Role role);
const char* to_string(LogLevel level);
const char* to_string(MediaTransport transport);  // as in the API: "udp", "tcp-passive", ...
std::optional<MediaTransport> parse_media_transport(std::string_view word);

struct ServerConfig {
  Role role = Role::all;
  std::string data_dir = "data";
  LogLevel log_level = LogLevel::info;
  bool trust_loopback = true;        // peers on 127.0.0.0/8 and ::1 need no password and no token
  unsigned shards = 1;               // threads that serve media; 0: one per core
  unsigned shard_full_percent = 50;  // so busy, and new streams go to the next
  bool operator==(const ServerConfig&) const = default;
};

struct SipConfig {
  std::string id = "34020000002000000001";
  std::string domain;  // empty: the first 10 digits of id; read it by realm()
  std::string listen_address = "0.0.0.0";
  std::uint16_t port = 5060;
  bool udp = true;
  bool tcp = true;
  std::string advertised_address;   // empty: the local address that faces the device
  std::vector<std::string> listen;  // more listeners, see parse_listener()
  std::string password;             // of all devices without their own; empty: generated (Secrets)
  std::map<std::string, std::string, std::less<>> passwords;  // [sip.passwords], by device id
  // [sip.users] of the SIP server: password, or "ha1:" and 32 hex digits of H(user:realm:password).
  std::map<std::string, std::string, std::less<>> users;
  bool allow_unknown_devices = true;  // false: only ids in [sip.passwords] may register
  std::chrono::seconds min_expires{60};
  std::chrono::seconds max_expires{86400};
  std::chrono::seconds default_expires{3600};
  std::chrono::seconds keepalive_interval{60};
  std::uint32_t keepalive_misses = 3;  // so many in a row, and the device is off line
  std::size_t max_devices = 100000;
  std::size_t max_channels_per_device = 20000;
  std::size_t max_connections = 20000;  // TCP
  std::size_t max_message_bytes = 1024 * 1024;
  // When registrations and the like are put off by 503, and for how long; see sip::OverloadLimits.
  unsigned overload_transactions_percent = 80;
  unsigned overload_backlog_percent = 80;
  std::chrono::milliseconds overload_sustained{10000};
  std::chrono::seconds overload_retry_min{5};
  std::chrono::seconds overload_retry_max{30};

  sip::OverloadLimits overload_limits() const;
  // The SIP domain and digest realm.
  std::string realm() const { return domain.empty() ? id.substr(0, 10) : domain; }
  bool operator==(const SipConfig&) const = default;
};

struct MediaConfig {
  std::string listen_address = "0.0.0.0";
  std::string advertised_address;  // in the SDP to devices; empty: as sip.advertised_address
  std::uint16_t rtp_port_min = 30000;
  std::uint16_t rtp_port_max = 30999;
  std::uint16_t rtp_port = 0;  // not 0: one port for all streams, told apart by SSRC and source
  rtp::SsrcPolicy ssrc = rtp::SsrcPolicy::learn;
  MediaTransport transport = MediaTransport::udp;
  std::chrono::milliseconds invite_timeout{10000};       // no final answer to INVITE
  std::chrono::milliseconds first_media_timeout{10000};  // no RTP after the answer
  std::chrono::milliseconds silence_timeout{15000};      // RTP stopped
  std::chrono::milliseconds linger{10000};               // from the last viewer to BYE
  std::chrono::milliseconds resume{10000};       // a lost source is called again for its viewers
  std::size_t reorder_packets = 256;             // waited for at most
  std::chrono::milliseconds reorder_delay{200};  // and for no longer
  std::size_t max_streams = 1000;
  std::size_t ring_bytes =
      16 * 1024 * 1024;  // held per stream: the newest group of pictures, and ring_age
  std::size_t ring_packets = 32768;
  std::chrono::milliseconds ring_age{2000};
  std::size_t socket_buffer_bytes = 2 * 1024 * 1024;  // asked of the kernel per RTP port
  std::uint16_t rtp_packet_bytes = 1452;              // of RTP packets to players, header included
  bool operator==(const MediaConfig&) const = default;
};

struct RtspConfig {
  std::string listen_address = "0.0.0.0";
  std::uint16_t port = 8554;
  std::string advertised_address;  // in URLs that the API returns; empty: as the client called us
  std::chrono::seconds session_timeout{60};
  std::size_t max_connections = 2000;
  std::size_t max_viewers = 1000;  // all streams together
  std::size_t max_viewers_per_stream = 500;
  std::chrono::milliseconds slow_viewer_age{2000};  // so far behind: skip to the next key frame
  std::size_t slow_viewer_bytes = 4 * 1024 * 1024;  // the same
  std::chrono::seconds slow_viewer_timeout{10};     // nothing could be sent for so long: disconnect
  std::size_t kernel_unsent_bytes = 256 * 1024;     // of a viewer by TCP
  std::map<std::string, std::string, std::less<>> users;  // [rtsp.users] name = "password";
                                                          // empty: "gbgate" with a generated one
  bool operator==(const RtspConfig&) const = default;
};

struct HttpConfig {
  std::string listen_address = "0.0.0.0";
  std::uint16_t port = 8080;
  std::string token;  // Authorization: Bearer <token>; empty: generated (Secrets)
  std::size_t max_connections = 256;
  std::size_t max_header_bytes = 16 * 1024;
  std::size_t max_body_bytes = 1024 * 1024;
  std::chrono::seconds idle_timeout{30};     // between two requests of a connection
  std::chrono::seconds request_timeout{60};  // for reading one request, and for sending its answer
  bool operator==(const HttpConfig&) const = default;
};

struct Config {
  ServerConfig server;
  Gb28181Config gb28181;
  SipConfig sip;
  SipRegistrarConfig sip_registrar;
  SipRedirectConfig sip_redirect;
  SipProxyConfig sip_proxy;
  SipTlsConfig sip_tls;
  SipWebsocketConfig sip_websocket;
  MediaConfig media;
  RtspConfig rtsp;
  HttpConfig http;
  // Whether gbgate is a SIP server, beside GB/T 28181 or alone.
  bool serves_sip() const {
    return sip_registrar.enabled || sip_redirect.enabled || sip_proxy.mode != ProxyMode::off;
  }
  // Whether a listener speaks TLS, and has to show a certificate.
  bool serves_tls() const;
  bool operator==(const Config&) const = default;
};

// `message` is what to print: "gbgate.toml:12: unknown key sip.prot; did you mean sip.port?".
// Never contains the value of a password or token.
struct ConfigError {
  Errc code;
  std::string message;
};

template <class T>
using ConfigResult = boost::system::result<T, ConfigError>;

// Looks up an environment variable; nullptr when it is not set. The default is std::getenv.
using Environment = std::function<const char*(const char* name)>;

// `text` is the file's content, `file_name` is for messages only.
ConfigResult<Config> parse_config(std::string_view text, const std::string& file_name,
                                  const Environment& environment);
// Reads the file and the process's environment. An empty path: defaults and environment only.
ConfigResult<Config> load_config(const std::string& path);

// Every key as "section.key", with its default as TOML would write it; for tests and --help.
struct ConfigKey {
  std::string name, default_value;
};
std::vector<ConfigKey> config_keys();

}  // namespace gateway
