#include "sip/uri.hpp"

#include <algorithm>
#include <bit>
#include <charconv>

#include "sip/scan.hpp"
#include "sip/simd.hpp"

namespace sip {
namespace {

// 0 to 255 in one to three digits.
bool is_octet(const char* text, int size) {
  if (size < 3) return size > 0;
  return size == 3 && (text[0] - '0') * 100 + (text[1] - '0') * 10 + (text[2] - '0') <= 255;
}

// `text` is digits and dots; `dots` has a bit for each dot.
bool is_ipv4(std::string_view text, unsigned dots) {
  const char* octet = text.data();
  int at = 0;
  for (int part = 0; part < 3; ++part, dots &= dots - 1) {
    if (dots == 0) return false;
    const int dot = std::countr_zero(dots);
    if (!is_octet(octet, dot - at)) return false;
    at = dot + 1;
    octet = text.data() + at;
  }
  return dots == 0 && is_octet(octet, static_cast<int>(text.size()) - at);
}

// Shape only: hexadecimal groups, an embedded IPv4 address, a zone.
bool is_ipv6(std::string_view text) {
  const auto address = text.substr(0, text.find('%'));
  const auto colons = std::count(address.begin(), address.end(), ':');
  return colons >= 2 && colons <= 8 &&
         std::all_of(address.begin(), address.end(),
                     [](char c) { return scan::is(c, scan::hex) || c == ':' || c == '.'; }) &&
         scan::all(text.substr(std::min(address.size() + 1, text.size())), scan::host);
}

void skip_space(std::string_view& text) {
  while (!text.empty() && scan::is(text.front(), scan::space)) text.remove_prefix(1);
}

// Takes ":port" off the front when it is there; a colon without digits stands for "no port".
bool take_port(std::string_view& text, HostPort& out) {
  if (text.empty()) return true;
  skip_space(text);
  if (text.empty() || text.front() != ':') return true;
  text.remove_prefix(1);
  skip_space(text);
  unsigned value = 0;
  const char* at = text.data();
  const char* const end = at + text.size();
  for (; at != end && value <= 65535; ++at) {
    const auto digit = static_cast<unsigned>(*at - '0');
    if (digit > 9) break;
    value = value * 10 + digit;
  }
  if (value > 65535) return false;
  out.port = static_cast<std::uint16_t>(value);
  text.remove_prefix(static_cast<std::size_t>(at - text.data()));
  skip_space(text);
  return true;
}

bool take_bracketed(std::string_view& text, HostPort& out) {
  const auto close = text.find(']');
  if (close == std::string_view::npos) return false;
  out = {text.substr(1, close - 1), 0, HostKind::ipv6};
  text.remove_prefix(close + 1);
  return is_ipv6(out.host) && take_port(text, out);
}

// Takes the name or IPv4 address that is in front of `text`; false when there is none.
bool take_host(std::string_view& text, HostPort& out) {
  if (text.empty()) return false;
  const bool whole = text.size() >= simd::block_size;
  const auto block =
      whole ? simd::Block::load(text.data()) : simd::Block::load_part(text.data(), text.size());
  const auto others = ~scan::hosts(block).mask();  // the bits above the block are set
  std::size_t size = static_cast<std::size_t>(std::countr_zero(others));
  if (size == simd::block_size)
    while (size < text.size() && scan::is(text[size], scan::host)) ++size;
  if (size == 0) return false;
  out = {text.substr(0, size), 0, HostKind::name};
  text.remove_prefix(size);
  if (size >= simd::block_size) return true;
  const auto dots = block.equal('.').mask(), all = (1u << size) - 1;
  if (((scan::digits(block).mask() | dots) & all) == all && is_ipv4(out.host, dots & all))
    out.kind = HostKind::ipv4;
  return true;
}

// Takes "host", "host:port" or "[address]:port" off the front, white space around them included.
bool take_host_port(std::string_view& text, HostPort& out) {
  skip_space(text);
  if (!text.empty() && text.front() == '[') return take_bracketed(text, out);
  return take_host(text, out) && take_port(text, out);
}

bool is_tail(std::string_view text) {
  return text.empty() || text.front() == ';' || text.front() == '?';
}

// ";params?headers"
bool parse_tail(std::string_view text, Uri& uri) {
  if (text.empty()) return true;
  if (!is_tail(text)) return false;
  const char* const end = text.data() + text.size();
  if (simd::find_if(text.data(), end, scan::not_uri_tail) != end) return false;
  const auto question = scan::find(text, '?');
  uri.params = Params(text.substr(0, question));
  if (question < text.size()) uri.headers = text.substr(question + 1);
  return true;
}

// Takes "user:password@" off the front when it is there.
void take_userinfo(std::string_view& rest, Uri& uri) {
  const char* const begin = rest.data();
  const char* const end = begin + rest.size();
  const char* const colon =
      simd::find_if(begin, end, [](simd::Block b) { return scan::not_users(b) | b.equal(':'); });
  const char* stop = colon;
  if (colon != end && *colon == ':') stop = simd::find_if(colon, end, scan::not_users);
  if (stop == end || *stop != '@') return;
  uri.user = {begin, static_cast<std::size_t>(colon - begin)};
  if (colon != stop) uri.password = {colon + 1, static_cast<std::size_t>(stop - colon - 1)};
  rest.remove_prefix(static_cast<std::size_t>(stop - begin) + 1);
}

std::optional<Errc> parse_sip(std::string_view rest, Uri& uri) {
  take_userinfo(rest, uri);
  const bool has_host = take_host_port(rest, uri.host) && is_tail(rest);
  if (!has_host || !parse_tail(rest, uri)) return Errc::bad_uri;
  return std::nullopt;
}

std::optional<Errc> parse_tel(std::string_view rest, Uri& uri) {
  const auto end = std::min(rest.find(';'), rest.size());
  uri.user = rest.substr(0, end);
  const bool has_digit = std::any_of(uri.user.begin(), uri.user.end(),
                                     [](char c) { return scan::is(c, scan::hex) || c == '*'; });
  constexpr std::string_view phone_characters = "+0123456789ABCDEFabcdef-.()*#";
  if (!has_digit || uri.user.find_first_not_of(phone_characters) != std::string_view::npos)
    return Errc::bad_uri;
  if (!parse_tail(rest.substr(end), uri)) return Errc::bad_uri;
  return std::nullopt;
}

// A scheme is a token that starts with a letter; "<sip" or "1.2.3.4" is none.
bool is_other_scheme(std::string_view scheme, std::string_view rest) {
  return scan::is(scheme[0], scan::host) && !scan::is(scheme[0], scan::digit) &&
         scan::all(scheme, scan::token) && !rest.empty() &&
         rest.find_first_of(" \t\r\n<>") == std::string_view::npos;
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  return scan::is(c, scan::hex) ? (c | 0x20) - 'a' + 10 : -1;
}

// Takes one character, escaped or not, off the front of `text`.
char next_char(std::string_view& text) {
  if (text[0] == '%' && text.size() >= 3 && hex_digit(text[1]) >= 0 && hex_digit(text[2]) >= 0) {
    const auto c = static_cast<char>(hex_digit(text[1]) * 16 + hex_digit(text[2]));
    text.remove_prefix(3);
    return c;
  }
  const char c = text[0];
  text.remove_prefix(1);
  return c;
}

bool same_unescaped(std::string_view a, std::string_view b, bool ignore_case) {
  while (!a.empty() && !b.empty()) {
    const char x = next_char(a), y = next_char(b);
    if (x != y && !(ignore_case && scan::lower(x) == scan::lower(y))) return false;
  }
  return a.empty() && b.empty();
}

// user, ttl, method, maddr and transport never match when one URI lacks them (19.1.4).
bool matters_when_absent(std::string_view name) {
  for (std::string_view n : {"user", "ttl", "method", "maddr", "transport"})
    if (scan::iequals(name, n)) return true;
  return false;
}

bool params_agree(const Params& a, const Params& b) {
  for (const auto& param : a) {
    const auto other = b.get(param.name);
    if (!other && matters_when_absent(param.name)) return false;
    if (other && !same_unescaped(scan::unquoted(param.value), *other, true)) return false;
  }
  return true;
}

// Whether each header "name=value" of a also stands in b.
bool headers_within(std::string_view a, std::string_view b) {
  while (!a.empty()) {
    const auto end = std::min(a.find('&'), a.size());
    const auto header = a.substr(0, end);
    bool found = false;
    for (auto rest = b; !rest.empty() && !found;) {
      const auto stop = std::min(rest.find('&'), rest.size());
      found = same_unescaped(header, rest.substr(0, stop), true);
      rest.remove_prefix(std::min(stop + 1, rest.size()));
    }
    if (!found) return false;
    a.remove_prefix(std::min(end + 1, a.size()));
  }
  return true;
}

void append_escape(std::string& out, char c) {
  constexpr char digits[] = "0123456789ABCDEF";
  const auto byte = static_cast<unsigned char>(c);
  out += '%';
  out += digits[byte >> 4];
  out += digits[byte & 15];
}

// What would end the URI or the line that it stands in is escaped.
void append_part(std::string& out, std::string_view text) {
  for (char c : text) {
    if (static_cast<unsigned char>(c) <= 0x20 || c == '<' || c == '>' || c == '"' || c == 0x7f)
      append_escape(out, c);
    else
      out += c;
  }
}

// Quoted values of parameters keep their quotes.
void append_params(std::string& out, std::string_view text) {
  for (char c : text) {
    if (static_cast<unsigned char>(c) <= 0x20 || c == '<' || c == '>' || c == 0x7f)
      append_escape(out, c);
    else
      out += c;
  }
}

constexpr std::string_view scheme_name(UriScheme scheme) {
  switch (scheme) {
    case UriScheme::sips:
      return "sips:";
    case UriScheme::tel:
      return "tel:";
    default:
      return "sip:";
  }
}

}  // namespace

bool parse_host_port(std::string_view text, HostPort& out) {
  auto rest = text;
  if (take_host_port(rest, out) && rest.empty()) return true;
  out = {scan::trim(text), 0, HostKind::ipv6};
  return is_ipv6(out.host);
}

Result<HostPort> parse_host_port(std::string_view text) {
  HostPort result;
  if (!parse_host_port(text, result)) return Errc::bad_uri;
  return result;
}

void append(std::string& out, const HostPort& host_port) {
  const bool brackets = host_port.host.find(':') != std::string_view::npos;
  if (brackets) out += '[';
  append_part(out, host_port.host);
  if (brackets) out += ']';
  if (host_port.port == 0) return;
  char digits[8];
  const auto end = std::to_chars(digits, digits + sizeof digits, host_port.port).ptr;
  out += ':';
  out.append(digits, end);
}

std::optional<Errc> parse_uri(std::string_view text, Uri& out) {
  text = scan::trim(text);
  out.text = text;
  out.scheme = UriScheme::sip;
  if (text.size() > 4 && text[3] == ':' && scan::small_word(text.substr(0, 3)) == scan::word("sip"))
    return parse_sip(text.substr(4), out);
  const auto colon = scan::find(text, ':');
  if (colon == 0 || colon == text.size()) return Errc::bad_uri;
  const auto scheme = text.substr(0, colon), rest = text.substr(colon + 1);
  out.scheme = UriScheme::sips;
  if (scan::iequals(scheme, "sips")) return parse_sip(rest, out);
  out.scheme = UriScheme::tel;
  if (scan::iequals(scheme, "tel")) return parse_tel(rest, out);
  out.scheme = UriScheme::other;
  return is_other_scheme(scheme, rest) ? Errc::unsupported_uri_scheme : Errc::bad_uri;
}

Result<Uri> parse_uri(std::string_view text) {
  Result<Uri> result{Uri{}};
  if (const auto fault = parse_uri(text, *result)) result = *fault;
  return result;  // of one variable only: it is then not copied
}

bool equivalent(const Uri& a, const Uri& b) {
  if (!a.text.empty() && a.text == b.text) return true;
  if (a.scheme != b.scheme || a.scheme == UriScheme::other) return false;  // as text, above
  if (!same_unescaped(a.user, b.user, false) || !same_unescaped(a.password, b.password, false))
    return false;
  if (a.host.port != b.host.port || !scan::iequals(a.host.host, b.host.host)) return false;
  return params_agree(a.params, b.params) && params_agree(b.params, a.params) &&
         headers_within(a.headers, b.headers) && headers_within(b.headers, a.headers);
}

void append(std::string& out, const Uri& uri) {
  if (uri.scheme == UriScheme::other) return append_part(out, uri.text);
  out += scheme_name(uri.scheme);
  append_part(out, uri.user);
  if (!uri.password.empty()) {
    out += ':';
    append_part(out, uri.password);
  }
  if (uri.scheme != UriScheme::tel) {
    if (!uri.user.empty()) out += '@';
    append(out, uri.host);
  }
  append_params(out, uri.params.text());
  if (uri.headers.empty()) return;
  out += '?';
  append_part(out, uri.headers);
}

std::string to_string(const Uri& uri) {
  std::string out;
  append(out, uri);
  return out;
}

std::string unescape(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) out += next_char(text);
  return out;
}

std::string escape_user(std::string_view text) {
  std::string out;
  for (char c : text) {
    const bool plain = scan::is(c, scan::digit) ||
                       std::string_view("-_.!~*'()&=+$,;?/").find(c) != std::string_view::npos ||
                       (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (plain)
      out += c;
    else
      append_escape(out, c);
  }
  return out;
}

}  // namespace sip
