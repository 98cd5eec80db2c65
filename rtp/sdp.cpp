#include "rtp/sdp.hpp"

#include <algorithm>
#include <charconv>

namespace rtp {
namespace {

constexpr std::size_t max_bytes = 64 * 1024;
constexpr std::size_t max_lines = 1024;
constexpr std::size_t max_media = 32;
constexpr std::size_t max_formats = 256;

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool same(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, {}, lower, lower);
}

bool blank(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\0';
}

std::string_view trim(std::string_view s) {
  while (!s.empty() && blank(s.front())) s.remove_prefix(1);
  while (!s.empty() && blank(s.back())) s.remove_suffix(1);
  return s;
}

// The next word of `s`, which is moved behind it; empty at the end.
std::string_view word(std::string_view& s) {
  s = trim(s);
  const auto end = std::min(s.find_first_of(" \t"), s.size());
  const auto found = s.substr(0, end);
  s.remove_prefix(end);
  return found;
}

// Splits at the first `separator`; the second half is empty when there is none.
std::pair<std::string_view, std::string_view> split(std::string_view s, char separator) {
  const auto at = s.find(separator);
  if (at == std::string_view::npos) return {trim(s), {}};
  return {trim(s.substr(0, at)), trim(s.substr(at + 1))};
}

template <class T>
std::optional<T> number(std::string_view s) {
  T value{};
  const auto [end, error] = std::from_chars(s.data(), s.data() + s.size(), value);
  if (error != std::errc{} || end != s.data() + s.size()) return std::nullopt;
  return value;
}

std::optional<SdpConnection> parse_connection(std::string_view s) {
  SdpConnection connection;
  connection.net_type = word(s);
  connection.address_type = word(s);
  connection.address = word(s);
  if (connection.address.empty()) return std::nullopt;
  return connection;
}

// Short forms exist: what is missing keeps its default.
SdpOrigin parse_origin(std::string_view s) {
  SdpOrigin origin;
  for (auto* field : {&origin.username, &origin.session_id, &origin.session_version,
                      &origin.net_type, &origin.address_type, &origin.address}) {
    const auto w = word(s);
    if (w.empty()) break;
    *field = w;
  }
  return origin;
}

std::optional<SdpBandwidth> parse_bandwidth(std::string_view s) {
  const auto [type, text] = split(s, ':');
  const auto value = number<std::uint64_t>(text);
  if (type.empty() || !value) return std::nullopt;
  return SdpBandwidth{std::string(type), *value};
}

std::optional<SdpTime> parse_time(std::string_view s) {
  const auto start = number<std::uint64_t>(word(s));
  const auto stop = number<std::uint64_t>(word(s));
  if (!start || !stop) return std::nullopt;
  return SdpTime{*start, *stop};
}

SdpAttribute parse_attribute(std::string_view s) {
  const auto at = s.find(':');
  if (at == std::string_view::npos) return {std::string(trim(s)), std::nullopt};
  return {std::string(trim(s.substr(0, at))), std::string(trim(s.substr(at + 1)))};
}

Result<SdpMedia> parse_media(std::string_view s) {
  SdpMedia medium;
  medium.type = word(s);
  const auto [port, count] = split(word(s), '/');
  const auto port_number = number<std::uint16_t>(port);
  if (medium.type.empty() || !port_number) return Errc::bad_value;
  medium.port = *port_number;
  medium.port_count = number<std::uint16_t>(count).value_or(1);
  medium.protocol = word(s);
  for (auto format = word(s); !format.empty(); format = word(s)) {
    if (medium.formats.size() == max_formats) return Errc::too_large;
    medium.formats.emplace_back(format);
  }
  return medium;
}

template <class T>
bool append_if(std::vector<T>& list, std::optional<T> value) {
  if (value) list.push_back(std::move(*value));
  return value.has_value();
}

// One description being read, line by line.
class Parser {
 public:
  Result<void> line(char type, std::string_view value) {
    if (type == 'm') return medium(value);
    auto& section = here();
    if (!shared_line(section, type, value) && !session_line(type, value) &&
        !medium_line(type, value))
      section.others.push_back({type, std::string(value)});
    return {};
  }
  SessionDescription take() { return std::move(description_); }

 private:
  bool in_media() const { return !description_.media.empty(); }
  SdpSection& here() {
    if (in_media()) return description_.media.back();
    return description_;
  }
  Result<void> medium(std::string_view value) {
    if (description_.media.size() == max_media) return Errc::too_large;
    auto parsed = parse_media(value);
    if (!parsed) return parsed.error();
    description_.media.push_back(std::move(*parsed));
    return {};
  }
  bool shared_line(SdpSection& section, char type, std::string_view value) {
    switch (type) {
      case 'c': {
        auto connection = parse_connection(value);
        if (!connection || section.connection) return false;
        section.connection = std::move(connection);
        return true;
      }
      case 'b':
        return append_if(section.bandwidths, parse_bandwidth(value));
      case 'a':
        section.attributes.push_back(parse_attribute(value));
        return true;
      case 'y':
        set_once(description_.y, value);
        return true;  // a repeated one is dropped: it would come first when printed
      case 'f':
        set_once(description_.f, value);
        return true;
      default:
        return false;
    }
  }
  bool session_line(char type, std::string_view value) {
    if (in_media()) return false;
    switch (type) {
      case 'v':
        description_.version = number<std::uint32_t>(value).value_or(0);
        return true;
      case 'o':
        description_.origin = parse_origin(value);
        return true;
      case 's':
        description_.name = value;
        return true;
      case 'i':
        return set_once(description_.information, value);
      case 'u':
        return set_once(description_.uri, value);
      case 't':
        return append_if(description_.times, parse_time(value));
      default:
        return false;
    }
  }
  bool medium_line(char type, std::string_view value) {
    return in_media() && type == 'i' && set_once(description_.media.back().title, value);
  }
  static bool set_once(std::optional<std::string>& field, std::string_view value) {
    if (field) return false;
    field = value;
    return true;
  }

  SessionDescription description_;
};

std::string_view next_line(std::string_view& text) {
  const auto end = text.find_first_of("\r\n");
  const auto line = text.substr(0, std::min(end, text.size()));
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return trim(line);
}

std::optional<SdpRtpMap> parse_rtpmap(std::string_view s) {
  const auto payload_type = number<std::uint8_t>(word(s));
  const auto [encoding, parameters] = split(trim(s), '/');
  const auto [rate, channels] = split(parameters, '/');
  const auto rate_hz = number<std::uint32_t>(rate);
  if (!payload_type || encoding.empty() || !rate_hz) return std::nullopt;
  const auto channel_count = number<std::uint8_t>(channels).value_or(1);
  return SdpRtpMap{*payload_type, std::string(encoding), *rate_hz, channel_count};
}

// ---- printing ----

void print_line(std::string& out, char type, std::string_view value) {
  out += type;
  out += '=';
  // A line break inside a value would be a line of the caller's choosing.
  for (const char c : value) out += c == '\r' || c == '\n' ? ' ' : c;
  out += "\r\n";
}

void print_words(std::string& out, char type, std::initializer_list<std::string_view> words) {
  std::string value;
  for (const auto w : words) {
    if (!value.empty()) value += ' ';
    value += w;
  }
  print_line(out, type, value);
}

void print_optional(std::string& out, char type, const std::optional<std::string>& value) {
  if (value) print_line(out, type, *value);
}

void print_connection(std::string& out, const SdpSection& section) {
  if (!section.connection) return;
  const auto& c = *section.connection;
  print_words(out, 'c', {c.net_type, c.address_type, c.address});
}

void print_bandwidths(std::string& out, const SdpSection& section) {
  for (const auto& b : section.bandwidths)
    print_line(out, 'b', b.type + ":" + std::to_string(b.value));
}

void print_attributes(std::string& out, const SdpSection& section) {
  for (const auto& a : section.attributes)
    print_line(out, 'a', a.value ? a.name + ":" + *a.value : a.name);
  for (const auto& line : section.others) print_line(out, line.type, line.value);
}

void print_times(std::string& out, const std::vector<SdpTime>& times) {
  for (const auto& t : times)
    print_words(out, 't', {std::to_string(t.start), std::to_string(t.stop)});
  if (times.empty()) print_line(out, 't', "0 0");
}

void print_medium(std::string& out, const SdpMedia& medium) {
  auto value = medium.type + " " + std::to_string(medium.port);
  if (medium.port_count != 1) value += "/" + std::to_string(medium.port_count);
  value += " " + medium.protocol;
  for (const auto& format : medium.formats) value += " " + format;
  print_line(out, 'm', value);
  print_optional(out, 'i', medium.title);
  print_connection(out, medium);
  print_bandwidths(out, medium);
  print_attributes(out, medium);
}

}  // namespace

std::string_view SdpConnection::host() const {
  return std::string_view(address).substr(0, address.find('/'));
}

const char* to_string(SdpDirection direction) {
  static constexpr const char* names[] = {"sendrecv", "sendonly", "recvonly", "inactive"};
  return names[static_cast<std::size_t>(direction)];
}

const char* to_string(SdpSetup setup) {
  static constexpr const char* names[] = {"active", "passive", "actpass", "holdconn"};
  return names[static_cast<std::size_t>(setup)];
}

bool SdpSection::has(std::string_view name) const {
  return std::ranges::any_of(attributes, [&](const auto& a) { return same(a.name, name); });
}

std::optional<std::string_view> SdpSection::value(std::string_view name) const {
  const auto found =
      std::ranges::find_if(attributes, [&](const auto& a) { return same(a.name, name); });
  if (found == attributes.end() || !found->value) return std::nullopt;
  return *found->value;
}

std::optional<SdpDirection> SdpSection::direction() const {
  std::optional<SdpDirection> result;
  for (const auto& a : attributes)
    for (const auto d : {SdpDirection::sendrecv, SdpDirection::sendonly, SdpDirection::recvonly,
                         SdpDirection::inactive})
      if (same(a.name, to_string(d))) result = d;
  return result;
}

std::optional<SdpSetup> SdpSection::setup() const {
  const auto text = value("setup");
  if (!text) return std::nullopt;
  for (const auto s : {SdpSetup::active, SdpSetup::passive, SdpSetup::actpass, SdpSetup::holdconn})
    if (same(*text, to_string(s))) return s;
  return std::nullopt;
}

bool SdpMedia::is_tcp() const {
  return protocol.size() >= 3 && same(std::string_view(protocol).substr(0, 3), "TCP");
}

std::vector<SdpRtpMap> SdpMedia::rtpmaps() const {
  std::vector<SdpRtpMap> maps;
  for (const auto& a : attributes)
    if (a.value && same(a.name, "rtpmap")) append_if(maps, parse_rtpmap(*a.value));
  return maps;
}

std::optional<SdpRtpMap> SdpMedia::rtpmap(std::uint8_t payload_type) const {
  for (auto& map : rtpmaps())
    if (map.payload_type == payload_type) return std::move(map);
  return std::nullopt;
}

std::optional<std::string_view> SdpMedia::fmtp(std::uint8_t payload_type) const {
  for (const auto& a : attributes) {
    if (!a.value || !same(a.name, "fmtp")) continue;
    std::string_view rest = *a.value;
    if (number<std::uint8_t>(word(rest)) == payload_type) return trim(rest);
  }
  return std::nullopt;
}

const SdpConnection* SessionDescription::connection_of(const SdpMedia& medium) const {
  if (medium.connection) return &*medium.connection;
  return connection ? &*connection : nullptr;
}

SdpDirection SessionDescription::direction_of(const SdpMedia& medium) const {
  if (const auto own = medium.direction()) return *own;
  return direction().value_or(SdpDirection::sendrecv);
}

Result<SessionDescription> parse_sdp(std::string_view text) {
  if (text.size() > max_bytes) return Errc::too_large;
  Parser parser;
  std::size_t lines = 0;
  while (!text.empty()) {
    const auto line = next_line(text);
    // "v = 0" is not SDP, but nothing else can be meant.
    const auto equals = line.find('=');
    if (equals == std::string_view::npos || trim(line.substr(0, equals)).size() != 1) continue;
    if (++lines > max_lines) return Errc::too_large;
    const auto read = parser.line(line.front(), trim(line.substr(equals + 1)));
    if (!read) return read.error();
  }
  if (lines == 0) return Errc::bad_value;
  return parser.take();
}

std::string print_sdp(const SessionDescription& d) {
  std::string out;
  print_line(out, 'v', std::to_string(d.version));
  const auto& o = d.origin;
  print_words(out, 'o',
              {o.username, o.session_id, o.session_version, o.net_type, o.address_type, o.address});
  print_line(out, 's', d.name);
  print_optional(out, 'i', d.information);
  print_optional(out, 'u', d.uri);
  print_connection(out, d);
  print_bandwidths(out, d);
  print_times(out, d.times);
  print_attributes(out, d);
  for (const auto& medium : d.media) print_medium(out, medium);
  print_optional(out, 'y', d.y);
  print_optional(out, 'f', d.f);
  return out;
}

std::optional<std::string_view> fmtp_parameter(std::string_view parameters, std::string_view key) {
  while (!parameters.empty()) {
    const auto [first, rest] = split(parameters, ';');
    const auto [name, value] = split(first, '=');
    if (same(name, key)) return value;
    parameters = rest;
  }
  return std::nullopt;
}

}  // namespace rtp
