#include "sip/uri.hpp"

#include <algorithm>
#include <charconv>

#include "sip/scan.hpp"

namespace sip {
namespace {

bool is_ipv4(std::string_view text) {
  int parts = 0;
  while (parts < 4) {
    const auto dot = std::min(text.find('.'), text.size());
    if (dot > 3 || !scan::number(text.substr(0, dot), 255)) return false;
    ++parts;
    if (dot == text.size()) return parts == 4;
    text.remove_prefix(dot + 1);
  }
  return false;
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

Result<HostPort> with_port(HostPort result, std::string_view port) {
  port = scan::trim(port);
  if (port.empty()) return result;
  const auto number = scan::number(port, 65535);
  if (!number) return Errc::bad_uri;
  result.port = static_cast<std::uint16_t>(*number);
  return result;
}

Result<HostPort> parse_bracketed(std::string_view text) {
  const auto close = text.find(']');
  if (close == std::string_view::npos) return Errc::bad_uri;
  const HostPort result{text.substr(1, close - 1), 0, HostKind::ipv6};
  if (!is_ipv6(result.host)) return Errc::bad_uri;
  const auto rest = scan::trim(text.substr(close + 1));
  if (rest.empty()) return result;
  if (rest.front() != ':') return Errc::bad_uri;
  return with_port(result, rest.substr(1));
}

bool printable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) > 0x20 && c != '<' && c != '>' && c != 0x7f;
  });
}

// ";params?headers"
bool parse_tail(std::string_view text, Uri& uri) {
  if (!printable(text)) return false;
  const auto question = text.find('?');
  const auto params = text.substr(0, question);
  if (!params.empty() && params.front() != ';') return false;
  uri.params = Params(params);
  if (question != std::string_view::npos) uri.headers = text.substr(question + 1);
  return true;
}

bool parse_userinfo(std::string_view text, Uri& uri) {
  if (!scan::all(text, scan::user)) return false;
  const auto colon = text.find(':');
  uri.user = text.substr(0, colon);
  if (colon != std::string_view::npos) uri.password = text.substr(colon + 1);
  return true;
}

Result<Uri> parse_sip(Uri uri, std::string_view rest) {
  if (const auto at = rest.find('@'); at != std::string_view::npos) {
    if (!parse_userinfo(rest.substr(0, at), uri)) return Errc::bad_uri;
    rest.remove_prefix(at + 1);
  }
  const auto end = std::min(rest.find_first_of(";?"), rest.size());
  const auto host = parse_host_port(rest.substr(0, end));
  if (!host || !parse_tail(rest.substr(end), uri)) return Errc::bad_uri;
  uri.host = *host;
  return uri;
}

Result<Uri> parse_tel(Uri uri, std::string_view rest) {
  const auto end = std::min(rest.find(';'), rest.size());
  uri.user = rest.substr(0, end);
  const bool has_digit = std::any_of(uri.user.begin(), uri.user.end(),
                                     [](char c) { return scan::is(c, scan::hex) || c == '*'; });
  if (!has_digit ||
      uri.user.find_first_not_of("+0123456789ABCDEFabcdef-.()*#") != std::string_view::npos)
    return Errc::bad_uri;
  if (!parse_tail(rest.substr(end), uri)) return Errc::bad_uri;
  return uri;
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

Result<HostPort> parse_host_port(std::string_view text) {
  text = scan::trim(text);
  if (text.empty()) return Errc::bad_uri;
  if (text.front() == '[') return parse_bracketed(text);
  const auto colon = text.find(':');
  if (colon != std::string_view::npos && text.find(':', colon + 1) != std::string_view::npos) {
    if (!is_ipv6(text)) return Errc::bad_uri;
    return HostPort{text, 0, HostKind::ipv6};
  }
  HostPort result{scan::trim(text.substr(0, colon)), 0, HostKind::name};
  if (result.host.empty() || !scan::all(result.host, scan::host)) return Errc::bad_uri;
  if (scan::is(result.host.back(), scan::digit) && is_ipv4(result.host))
    result.kind = HostKind::ipv4;
  if (colon == std::string_view::npos) return result;
  return with_port(result, text.substr(colon + 1));
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

Result<Uri> parse_uri(std::string_view text) {
  text = scan::trim(text);
  Uri uri;
  uri.text = text;
  const auto colon = text.find(':');
  if (colon == std::string_view::npos || colon == 0) return Errc::bad_uri;
  const auto scheme = text.substr(0, colon), rest = text.substr(colon + 1);
  if (scan::iequals(scheme, "sip")) return parse_sip(uri, rest);
  if (scan::iequals(scheme, "sips")) {
    uri.scheme = UriScheme::sips;
    return parse_sip(uri, rest);
  }
  if (scan::iequals(scheme, "tel")) {
    uri.scheme = UriScheme::tel;
    return parse_tel(uri, rest);
  }
  // A scheme is a token of letters, digits, '+', '-' and '.'; "<sip" or "1.2.3.4" is none.
  const bool is_scheme = scan::is(scheme[0], scan::host) && !scan::is(scheme[0], scan::digit) &&
                         scan::all(scheme, scan::token) && printable(rest) && !rest.empty();
  return is_scheme ? Errc::unsupported_uri_scheme : Errc::bad_uri;
}

bool equivalent(const Uri& a, const Uri& b) {
  if (a.scheme != b.scheme) return false;
  if (!same_unescaped(a.user, b.user, false) || !same_unescaped(a.password, b.password, false))
    return false;
  if (a.host.port != b.host.port || !scan::iequals(a.host.host, b.host.host)) return false;
  return params_agree(a.params, b.params) && params_agree(b.params, a.params) &&
         headers_within(a.headers, b.headers) && headers_within(b.headers, a.headers);
}

void append(std::string& out, const Uri& uri) {
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
