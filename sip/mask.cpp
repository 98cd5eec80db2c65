#include "sip/mask.hpp"

#include <algorithm>
#include <string_view>

#include "sip/scan.hpp"

namespace sip {
namespace {

constexpr bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

bool ends_value(char c) {
  return c == ',' || c == ';' || is_blank(c) || c == '\r' || c == '\n';
}

bool names_credentials(std::string_view line) {
  const auto name = line.substr(0, line.find(':'));
  if (name.size() == line.size()) return false;
  const auto trimmed = name.substr(0, name.find_last_not_of(" \t") + 1);
  return scan::iequals(trimmed, "Authorization") || scan::iequals(trimmed, "Proxy-Authorization");
}

// The end of the header that begins at `begin`, its folded lines included.
std::size_t header_end(std::string_view text, std::size_t begin) {
  for (auto end = text.find('\n', begin); end != text.npos; end = text.find('\n', end + 1))
    if (end + 1 >= text.size() || !is_blank(text[end + 1])) return end + 1;
  return text.size();
}

void cover(std::string& message, std::size_t begin, std::size_t end) {
  for (auto i = begin; i < end; ++i)
    if (message[i] != '\r' && message[i] != '\n') message[i] = '*';
}

std::size_t skip_space(const std::string& text, std::size_t at, std::size_t end) {
  while (at < end && scan::is(text[at], scan::space)) ++at;
  return at;
}

// The value of response= within [begin, end), quotes left out. A response in the quotes of another
// value is covered as well, which does no harm.
void mask_response(std::string& message, std::size_t begin, std::size_t end) {
  constexpr std::string_view name = "response";
  for (auto at = begin; at + name.size() < end; ++at) {
    if (!scan::iequals(std::string_view(message).substr(at, name.size()), name)) continue;
    auto from = skip_space(message, at + name.size(), end);
    if (from >= end || message[from] != '=') continue;
    from = skip_space(message, from + 1, end);
    const bool quoted = from < end && message[from] == '"';
    if (quoted) ++from;
    auto to = from;
    while (to < end && (quoted ? message[to] != '"' : !ends_value(message[to]))) ++to;
    cover(message, from, to);
    at = to;
  }
}

void mask_header(std::string& message, std::size_t begin, std::size_t end) {
  auto value = message.find(':', begin) + 1;
  while (value < end && is_blank(message[value])) ++value;
  auto scheme_end = value;
  while (scheme_end < end && !ends_value(message[scheme_end])) ++scheme_end;
  const std::string_view scheme(message.data() + value, scheme_end - value);
  if (scan::iequals(scheme, "Digest"))
    mask_response(message, scheme_end, end);
  else
    cover(message, scheme_end, end);
}

}  // namespace

void mask_credentials(std::string& message) {
  for (std::size_t begin = 0; begin < message.size();) {
    const auto end = header_end(message, begin);
    const std::string_view header(message.data() + begin, end - begin);
    if (begin > 0 && (header == "\r\n" || header == "\n")) return;  // the body comes
    if (names_credentials(header)) mask_header(message, begin, end);
    begin = end;
  }
}

}  // namespace sip
