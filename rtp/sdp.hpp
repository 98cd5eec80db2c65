// Session descriptions, RFC 8866, as devices write them: any line ending, blanks around values,
// the lines y= and f= of GB/T 28181 (annex G) and lines nobody knows. Pure; owns its strings.
// Says nothing about what y= and f= mean: that is gb28181/sdp_profile.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rtp/error.hpp"

namespace rtp {

// "a=name" or "a=name:value".
struct SdpAttribute {
  std::string name;
  std::optional<std::string> value;
  bool operator==(const SdpAttribute&) const = default;
};
using SdpAttributes = std::vector<SdpAttribute>;

struct SdpOrigin {
  std::string username = "-";
  std::string session_id = "0", session_version = "0";
  std::string net_type = "IN", address_type = "IP4", address = "0.0.0.0";
  bool operator==(const SdpOrigin&) const = default;
};

// "c=IN IP4 192.0.2.10"; the address may carry "/ttl".
struct SdpConnection {
  std::string net_type = "IN", address_type = "IP4", address;
  // The address without "/ttl" and "/count".
  std::string_view host() const;
  bool operator==(const SdpConnection&) const = default;
};

struct SdpBandwidth {
  std::string type;  // "AS", "TIAS", ...
  std::uint64_t value = 0;
  bool operator==(const SdpBandwidth&) const = default;
};

// "t=start stop", numbers as they stand (GB/T 28181: seconds since 1970, RFC 8866: since 1900).
struct SdpTime {
  std::uint64_t start = 0, stop = 0;
  bool operator==(const SdpTime&) const = default;
};

// Any other line, kept as it came.
struct SdpLine {
  char type = 0;
  std::string value;
  bool operator==(const SdpLine&) const = default;
};

struct SdpRtpMap {
  std::uint8_t payload_type = 0;
  std::string encoding;  // as written; compare without regard to case
  std::uint32_t clock_rate_hz = 0;
  std::uint8_t channels = 1;
  bool operator==(const SdpRtpMap&) const = default;
};

enum class SdpDirection : std::uint8_t { sendrecv, sendonly, recvonly, inactive };
enum class SdpSetup : std::uint8_t { active, passive, actpass, holdconn };

const char* to_string(SdpDirection direction);
const char* to_string(SdpSetup setup);

// Shared by a session and its media.
struct SdpSection {
  std::optional<SdpConnection> connection;
  std::vector<SdpBandwidth> bandwidths;
  SdpAttributes attributes;
  std::vector<SdpLine> others;

  bool has(std::string_view name) const;
  // Of the first attribute of that name (any letter case); empty when it has none or is missing.
  std::optional<std::string_view> value(std::string_view name) const;
  std::optional<SdpDirection> direction() const;  // the last one given
  std::optional<SdpSetup> setup() const;          // RFC 4145
  void add(std::string name) { attributes.push_back({std::move(name), std::nullopt}); }
  void add(std::string name, std::string text) {
    attributes.push_back({std::move(name), std::move(text)});
  }
  bool operator==(const SdpSection&) const = default;
};

// "m=video 30000 TCP/RTP/AVP 96 98" and what follows it.
struct SdpMedia : SdpSection {
  std::string type;  // "video", "audio"
  std::uint16_t port = 0;
  std::uint16_t port_count = 1;
  std::string protocol = "RTP/AVP";
  std::vector<std::string> formats;  // payload types for RTP
  std::optional<std::string> title;  // i=

  bool is_tcp() const;  // "TCP/RTP/AVP" or "tcp"
  std::vector<SdpRtpMap> rtpmaps() const;
  // Of that payload type; empty when the description has none (static types need none).
  std::optional<SdpRtpMap> rtpmap(std::uint8_t payload_type) const;
  // The parameters after the payload type: "packetization-mode=1;...".
  std::optional<std::string_view> fmtp(std::uint8_t payload_type) const;
  bool operator==(const SdpMedia&) const = default;
};

struct SessionDescription : SdpSection {
  std::uint32_t version = 0;
  SdpOrigin origin;
  std::string name = "-";
  std::optional<std::string> information;  // i=
  std::optional<std::string> uri;          // u=
  std::vector<SdpTime> times;
  std::vector<SdpMedia> media;
  // Wherever they stood; the first of each. Printed last, after the media.
  std::optional<std::string> y, f;

  // The media's own connection, or the session's; nullptr when there is neither.
  const SdpConnection* connection_of(const SdpMedia& medium) const;
  // The media's own, or the session's, or sendrecv.
  SdpDirection direction_of(const SdpMedia& medium) const;
  bool operator==(const SessionDescription&) const = default;
};

// Limits: 64 KiB, 1024 lines, 32 media, 256 formats a medium: Errc::too_large.
// Errc::bad_value: not a description at all (no line "x=..."), or an m= line without port.
// Odd lines elsewhere are kept in `others` and do no harm; missing lines leave the defaults.
Result<SessionDescription> parse_sdp(std::string_view text);

// CRLF line ends, in the order of the grammar, y= and f= last.
std::string print_sdp(const SessionDescription& description);

// "key=value" of a fmtp parameter list; key in any letter case. Empty when missing.
std::optional<std::string_view> fmtp_parameter(std::string_view parameters, std::string_view key);

}  // namespace rtp
