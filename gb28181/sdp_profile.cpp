#include "gb28181/sdp_profile.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "rtp/sdp.hpp"

namespace gb28181 {
namespace {

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool same(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return lower(x) == lower(y); });
}

std::string_view trim(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

template <class Number>
std::optional<Number> number(std::string_view text) {
  text = trim(text);
  Number value{};
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (fault != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

bool is_history(Operation operation) {
  return operation != Operation::play;
}

std::string_view address_type(std::string_view host) {
  return host.find(':') == std::string_view::npos ? "IP4" : "IP6";
}

// Payload types that annex C fixes, for devices that leave out the rtpmap.
std::optional<PayloadFormat> static_format(std::uint8_t payload_type) {
  static const PayloadFormat known[] = {
      {96, "PS", 90000},    {97, "MPEG4", 90000}, {98, "H264", 90000}, {99, "SVAC", 90000},
      {100, "H265", 90000}, {8, "PCMA", 8000},    {0, "PCMU", 8000},
  };
  for (const auto& format : known)
    if (format.payload_type == payload_type) return format;
  return std::nullopt;
}

std::vector<PayloadFormat> read_formats(const rtp::SdpMedia& medium) {
  std::vector<PayloadFormat> formats;
  for (const auto& text : medium.formats) {
    const auto payload_type = number<std::uint8_t>(text);
    if (!payload_type || *payload_type > 127) continue;
    if (const auto map = medium.rtpmap(*payload_type))
      formats.push_back({*payload_type, map->encoding, map->clock_rate_hz});
    else if (auto format = static_format(*payload_type))
      formats.push_back(std::move(*format));
  }
  return formats;
}

// 13 row 27: short, with blanks, zero. 0 is no SSRC.
std::optional<std::uint32_t> read_ssrc(const std::optional<std::string>& y) {
  const auto value = y ? number<std::uint32_t>(*y) : std::nullopt;
  return value == 0u ? std::nullopt : value;
}

std::string host_of(const rtp::SessionDescription& sdp, const rtp::SdpMedia& medium) {
  const auto* connection = sdp.connection_of(medium);
  return std::string(connection ? connection->host() : std::string_view(sdp.origin.address));
}

// The first medium that is not refused, else the first.
const rtp::SdpMedia* chosen_medium(const rtp::SessionDescription& sdp) {
  for (const auto& medium : sdp.media)
    if (medium.port != 0) return &medium;
  return sdp.media.empty() ? nullptr : &sdp.media.front();
}

// An attribute, wherever it stands.
std::optional<std::string_view> value_of(const rtp::SessionDescription& sdp,
                                         const rtp::SdpMedia& medium, std::string_view name) {
  const auto value = medium.value(name);
  return value ? value : sdp.value(name);
}

Setup read_setup(const rtp::SessionDescription& sdp, const rtp::SdpMedia& medium) {
  const auto value = value_of(sdp, medium, "setup");
  if (value && same(trim(*value), "active")) return Setup::active;
  if (value && same(trim(*value), "passive")) return Setup::passive;
  return Setup::none;
}

Operation read_operation(std::string_view name) {
  for (const auto operation : {Operation::playback, Operation::download})
    if (same(trim(name), to_string(operation))) return operation;
  return Operation::play;
}

MediaTransport read_transport(const rtp::SessionDescription& sdp, const rtp::SdpMedia& medium) {
  if (!medium.is_tcp()) return MediaTransport::udp;
  // Annex D: without a role the front end is the client.
  return read_setup(sdp, medium) == Setup::active ? MediaTransport::tcp_active
                                                  : MediaTransport::tcp_passive;
}

bool is_known_attribute(std::string_view name) {
  static constexpr std::string_view known[] = {
      "recvonly", "sendonly", "sendrecv",   "inactive",      "rtpmap",
      "fmtp",     "setup",    "connection", "downloadspeed", "streamnumber"};
  return std::any_of(std::begin(known), std::end(known),
                     [&](std::string_view k) { return same(k, name); });
}

void set_address(rtp::SessionDescription& sdp, std::string_view owner_id, std::string_view host) {
  sdp.origin.username = owner_id;
  sdp.origin.address_type = address_type(host);
  sdp.origin.address = host;
  sdp.connection = rtp::SdpConnection{"IN", std::string(address_type(host)), std::string(host)};
}

rtp::SdpMedia make_medium(std::uint16_t port, bool tcp, std::string_view direction,
                          const std::vector<PayloadFormat>& formats) {
  rtp::SdpMedia medium;
  medium.type = "video";
  medium.port = port;
  medium.protocol = tcp ? "TCP/RTP/AVP" : "RTP/AVP";
  medium.add(std::string(direction));
  for (const auto& format : formats) {
    medium.formats.push_back(std::to_string(format.payload_type));
    medium.add("rtpmap",
               fmt::format("{} {}/{}", format.payload_type, format.encoding, format.clock_rate_hz));
  }
  return medium;
}

void add_setup(rtp::SdpMedia& medium, Setup setup) {
  if (setup == Setup::none) return;
  medium.add("setup", setup == Setup::active ? "active" : "passive");
  medium.add("connection", "new");
}

void add_vendor(rtp::SdpMedia& medium, const std::vector<std::string>& lines) {
  for (const auto& line : lines) {
    const auto colon = line.find(':');
    if (colon == std::string::npos)
      medium.add(line);
    else
      medium.add(line.substr(0, colon), line.substr(colon + 1));
  }
}

std::vector<std::string> read_vendor(const rtp::SdpMedia& medium) {
  std::vector<std::string> lines;
  for (const auto& attribute : medium.attributes)
    if (!is_known_attribute(attribute.name))
      lines.push_back(attribute.value ? attribute.name + ':' + *attribute.value : attribute.name);
  return lines;
}

Setup platform_setup(MediaTransport transport) {
  if (transport == MediaTransport::udp) return Setup::none;
  return transport == MediaTransport::tcp_active ? Setup::active : Setup::passive;
}

bool names_a_vendor(const std::vector<PayloadFormat>& formats) {
  return std::any_of(formats.begin(), formats.end(), [](const PayloadFormat& format) {
    return same(format.encoding, "HIKVISION") || same(format.encoding, "DAHUA");
  });
}

}  // namespace

std::string_view to_string(Operation operation) {
  switch (operation) {
    case Operation::play:
      return "Play";
    case Operation::playback:
      return "Playback";
    case Operation::download:
      return "Download";
  }
  return "Play";
}

std::string_view to_string(MediaTransport transport) {
  switch (transport) {
    case MediaTransport::udp:
      return "udp";
    case MediaTransport::tcp_passive:
      return "tcp-passive";
    case MediaTransport::tcp_active:
      return "tcp-active";
  }
  return "udp";
}

std::optional<MediaTransport> parse_media_transport(std::string_view text) {
  for (const auto transport :
       {MediaTransport::udp, MediaTransport::tcp_passive, MediaTransport::tcp_active})
    if (same(text, to_string(transport))) return transport;
  return std::nullopt;
}

std::string format_ssrc(std::uint32_t ssrc) {
  return fmt::format("{:010}", ssrc);
}

std::string build_offer(const MediaOffer& offer) {
  rtp::SessionDescription sdp;
  set_address(sdp, offer.owner_id, offer.host);
  sdp.name = to_string(offer.operation);
  if (is_history(offer.operation)) {
    // ":0" (all kinds of recording) is what more devices understand.
    sdp.uri = offer.source_id + ":0";
    sdp.times.push_back({offer.start_s, offer.end_s});
  } else {
    sdp.times.push_back({0, 0});
  }
  auto medium =
      make_medium(offer.port, offer.transport != MediaTransport::udp, "recvonly", offer.formats);
  add_setup(medium, platform_setup(offer.transport));
  if (offer.download_speed > 0) medium.add("downloadspeed", std::to_string(offer.download_speed));
  if (offer.stream_number) medium.add("streamnumber", std::to_string(*offer.stream_number));
  add_vendor(medium, offer.vendor);
  sdp.media.push_back(std::move(medium));
  sdp.y = format_ssrc(offer.ssrc);
  sdp.f = "v/////a///";
  return rtp::print_sdp(sdp);
}

Result<MediaOffer> parse_offer(std::string_view text) {
  const auto sdp = rtp::parse_sdp(text);
  if (!sdp) return Errc::malformed_sdp;
  const auto* medium = chosen_medium(*sdp);
  if (!medium) return Errc::malformed_sdp;
  MediaOffer offer;
  offer.operation = read_operation(sdp->name);
  offer.transport = read_transport(*sdp, *medium);
  offer.owner_id = sdp->origin.username;
  offer.host = host_of(*sdp, *medium);
  offer.port = medium->port;
  offer.ssrc = read_ssrc(sdp->y).value_or(0);
  offer.formats = read_formats(*medium);
  if (offer.formats.empty()) return Errc::unsupported_media;
  if (sdp->uri) offer.source_id = sdp->uri->substr(0, sdp->uri->rfind(':'));
  if (!sdp->times.empty()) {
    offer.start_s = sdp->times.front().start;
    offer.end_s = sdp->times.front().stop;
  }
  if (const auto speed = value_of(*sdp, *medium, "downloadspeed"))
    offer.download_speed = number<unsigned>(*speed).value_or(0);
  if (const auto stream = value_of(*sdp, *medium, "streamnumber"))
    offer.stream_number = number<int>(*stream);
  offer.vendor = read_vendor(*medium);
  return offer;
}

std::string build_answer(const MediaOffer& offer, const MediaAnswer& answer) {
  rtp::SessionDescription sdp;
  set_address(sdp, answer.owner_id, answer.host);
  sdp.name = answer.session_name;
  sdp.times.push_back({offer.start_s, offer.end_s});
  auto medium = make_medium(answer.port, answer.tcp, "sendonly", answer.formats);
  add_setup(medium, answer.setup);
  if (answer.file_size_bytes) medium.add("filesize", std::to_string(*answer.file_size_bytes));
  sdp.media.push_back(std::move(medium));
  if (answer.ssrc) sdp.y = format_ssrc(*answer.ssrc);
  if (!answer.media_parameters.empty()) sdp.f = answer.media_parameters;
  return rtp::print_sdp(sdp);
}

Result<MediaAnswer> parse_answer(std::string_view text) {
  const auto sdp = rtp::parse_sdp(text);
  if (!sdp) return Errc::malformed_sdp;
  const auto* medium = chosen_medium(*sdp);
  if (!medium) return Errc::malformed_sdp;
  if (medium->port == 0) return Errc::media_refused;
  MediaAnswer answer;
  answer.owner_id = sdp->origin.username;
  answer.host = host_of(*sdp, *medium);
  answer.port = medium->port;
  answer.tcp = medium->is_tcp();
  answer.setup = read_setup(*sdp, *medium);
  answer.ssrc = read_ssrc(sdp->y);
  answer.formats = read_formats(*medium);
  if (answer.formats.empty()) return Errc::unsupported_media;
  answer.session_name = sdp->name;
  if (const auto size = value_of(*sdp, *medium, "filesize"))
    answer.file_size_bytes = number<std::int64_t>(*size);
  // 13 row 29: -1 and 0 say nothing.
  if (answer.file_size_bytes && *answer.file_size_bytes <= 0) answer.file_size_bytes.reset();
  answer.media_parameters = sdp->f.value_or("");
  answer.vendor_private = names_a_vendor(answer.formats);
  return answer;
}

namespace {

// Digits 4-8 of the platform's id, 0 when it has none.
std::uint32_t domain_digits(std::string_view platform_id) {
  return platform_id.size() < 8 ? 0 : number<std::uint32_t>(platform_id.substr(3, 5)).value_or(0);
}

constexpr std::uint32_t history_flag = 1'000'000'000;

}  // namespace

SsrcAllocator::SsrcAllocator(std::string_view platform_id, unsigned first, sip::Duration rest)
    : prefix_(domain_digits(platform_id) * std::uint32_t{count}), rest_(rest) {
  for (auto& kind : kinds_) kind.next = first % count;
}

Result<std::uint32_t> SsrcAllocator::allocate(Operation operation, sip::TimePoint now) {
  const auto kind_index = static_cast<std::size_t>(is_history(operation));
  auto& kind = kinds_[kind_index];
  for (std::size_t tried = 0; tried < count; ++tried) {
    const auto number = kind.next;
    kind.next = (kind.next + 1) % count;
    const bool resting = !kind.free_at.empty() && now < kind.free_at[number];
    if (number == 0 || kind.used[number] || resting) continue;
    kind.used.set(number);
    const auto ssrc = prefix_ + static_cast<std::uint32_t>(number);
    return is_history(operation) ? ssrc + history_flag : ssrc;
  }
  return Errc::ssrc_exhausted;
}

void SsrcAllocator::release(std::uint32_t ssrc, sip::TimePoint now) {
  auto& kind = kinds_[ssrc >= history_flag ? 1 : 0];
  const auto number = ssrc % history_flag;
  if (number < prefix_ || number - prefix_ >= count || !kind.used[number - prefix_]) return;
  kind.used.reset(number - prefix_);
  if (kind.free_at.empty()) kind.free_at.assign(count, sip::TimePoint::min());
  kind.free_at[number - prefix_] = now + rest_;
}

}  // namespace gb28181
