#include "sip/name_addr.hpp"

#include <algorithm>
#include <cstring>

#include "sip/scan.hpp"

namespace sip {
namespace {

std::optional<Errc> parse_uri_part(std::string_view text, NameAddr& address) {
  const auto fault = parse_uri(text, address.uri);
  if (fault == Errc::unsupported_uri_scheme) return std::nullopt;
  return fault == Errc::bad_uri ? Errc::bad_address : fault;
}

// Inside of the angle brackets and what is behind them; `at` is the index of '<'.
std::optional<Errc> parse_bracketed(NameAddr& address, std::size_t at) {
  const auto close = at + scan::find(address.text.substr(at), '>');
  if (close == address.text.size()) return Errc::bad_address;
  const auto params = scan::trim(address.text.substr(close + 1));
  if (!params.empty() && params.front() != ';') return Errc::bad_address;
  address.params = Params(params);
  return parse_uri_part(address.text.substr(at + 1, close - at - 1), address);
}

// 20.10: without brackets, what follows the first ';' belongs to the header, and the URI may have
// no '?'.
std::optional<Errc> parse_bare(NameAddr& address) {
  const auto end = scan::find(address.text, ';');
  address.params = Params(address.text.substr(end));
  const auto fault = parse_uri_part(address.text.substr(0, end), address);
  if (!fault && !address.uri.headers.empty()) return Errc::bad_address;
  return fault;
}

std::optional<Errc> parse_quoted(NameAddr& address) {
  const auto text = address.text;
  const auto end = scan::quoted_end(text);
  if (end == std::string_view::npos) return Errc::bad_address;
  address.display_name = text.substr(1, end - 2);
  auto open = end;
  while (open < text.size() && scan::is(text[open], scan::space)) ++open;
  if (open == text.size() || text[open] != '<') return Errc::bad_address;
  return parse_bracketed(address, open);
}

std::optional<Errc> parse(NameAddr& address) {
  const auto text = address.text;
  if (text.empty()) return Errc::bad_address;
  if (text.front() == '<') return parse_bracketed(address, 0);
  if (text.front() == '"') return parse_quoted(address);
  address.wildcard = text == "*";
  if (address.wildcard) return std::nullopt;
  const auto open = scan::find(text, '<');
  if (open == text.size()) return parse_bare(address);
  address.display_name = scan::trim(text.substr(0, open));
  return parse_bracketed(address, open);
}

// Closing quotes that the text does not have are not let in by a display name.
void append_quoted(std::string& out, std::string_view text) {
  out += '"';
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\\' && i + 1 < text.size()) {
      out += c;
      out += scan::is(text[++i], scan::space) ? ' ' : text[i];
    } else if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else {
      out += scan::is(c, scan::space) ? ' ' : c;
    }
  }
  out += '"';
}

}  // namespace

// Nearly always it is the first parameter, or the only one.
std::string_view NameAddr::tag() const {
  constexpr std::string_view usual = ";tag=";
  auto rest = params.text();
  if (rest.size() > usual.size() && std::memcmp(rest.data(), usual.data(), usual.size()) == 0) {
    rest.remove_prefix(usual.size());
    const auto value = rest.substr(0, scan::find(rest, ';'));
    if (!value.empty() && scan::is(value.front(), scan::token) &&
        scan::is(value.back(), scan::token))
      return value;
  }
  return params.get("tag").value_or("");
}

std::optional<std::uint32_t> NameAddr::expires() const {
  const auto value = params.get("expires");
  if (!value) return std::nullopt;
  const auto number = scan::number(*value, UINT64_MAX);
  if (!number) return std::nullopt;
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(*number, UINT32_MAX));
}

int NameAddr::q_thousandths() const {
  const auto value = params.get("q");
  if (!value || value->empty() || value->size() > 5) return 1000;
  int q = 0;
  int weight = 1000;
  for (std::size_t i = 0; i < value->size(); ++i) {
    const char c = (*value)[i];
    if (i == 1 && c == '.') continue;
    if (i == 1 || !scan::is(c, scan::digit)) return 1000;
    q += (c - '0') * weight;
    weight /= 10;
  }
  return std::min(q, 1000);
}

Result<NameAddr> parse_name_addr(std::string_view text) {
  Result<NameAddr> result{NameAddr{}};
  result->text = scan::trim(text);
  if (const auto fault = parse(*result)) result = *fault;
  return result;  // of one variable only: it is then not copied
}

void append(std::string& out, const NameAddr& address) {
  if (address.wildcard) {
    out += '*';
    return;
  }
  if (!address.display_name.empty()) {
    append_quoted(out, address.display_name);
    out += ' ';
  }
  out += '<';
  append(out, address.uri);
  out += '>';
  scan::append_unfolded(out, address.params.text());
}

std::string to_string(const NameAddr& address) {
  std::string out;
  append(out, address);
  return out;
}

}  // namespace sip
