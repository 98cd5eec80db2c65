// The canonical form of an address of record (RFC 3261 10.3 step 5).
#include <algorithm>
#include <array>

#include "sip/location.hpp"
#include "sip/scan.hpp"

namespace sip {
namespace {

int hex_value(char c) {
  return scan::is(c, scan::digit) ? c - '0' : (scan::lower(c) - 'a') + 10;
}

bool is_escape(std::string_view text, std::size_t at) {
  return text[at] == '%' && at + 2 < text.size() && scan::is(text[at + 1], scan::hex) &&
         scan::is(text[at + 2], scan::hex);
}

// What may stand in a user part without an escape (25.1: unreserved and user-unreserved).
constexpr std::array<bool, 256> plain = [] {
  std::array<bool, 256> table{};
  for (const char c : std::string_view("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                       "0123456789-_.!~*'()&=+$,;?/"))
    table[static_cast<unsigned char>(c)] = true;
  return table;
}();

void append_byte(std::string& out, unsigned char byte) {
  constexpr char digits[] = "0123456789ABCDEF";
  if (plain[byte]) {
    out += static_cast<char>(byte);
    return;
  }
  out += '%';
  out += digits[byte >> 4];
  out += digits[byte & 15];
}

// One spelling of each character: plain where that is allowed, else escaped in upper case.
void append_user(std::string& out, std::string_view user) {
  const auto strange = std::find_if(user.begin(), user.end(),
                                    [](char c) { return !plain[static_cast<unsigned char>(c)]; });
  out.append(user.begin(), strange);
  user.remove_prefix(static_cast<std::size_t>(strange - user.begin()));
  for (std::size_t i = 0; i < user.size(); ++i) {
    if (!is_escape(user, i)) {
      append_byte(out, static_cast<unsigned char>(user[i]));
      continue;
    }
    append_byte(out,
                static_cast<unsigned char>(hex_value(user[i + 1]) * 16 + hex_value(user[i + 2])));
    i += 2;
  }
}

}  // namespace

bool canonical_aor(const Uri& uri, std::string& out) {
  if (!uri.has_host()) return false;
  out.assign("sip:");
  if (!uri.user.empty()) {
    append_user(out, uri.user);
    out += '@';
  }
  const bool brackets = uri.host.kind == HostKind::ipv6;
  if (brackets) out += '[';
  const auto host_at = out.size();
  out += uri.host.host;
  std::transform(out.begin() + static_cast<std::ptrdiff_t>(host_at), out.end(),
                 out.begin() + static_cast<std::ptrdiff_t>(host_at), scan::lower);
  if (brackets) out += ']';
  return true;
}

std::string_view host_of(std::string_view aor) {
  constexpr std::size_t scheme = 4;
  const auto at = aor.rfind('@');
  return aor.substr(at == std::string_view::npos ? std::min(scheme, aor.size()) : at + 1);
}

std::optional<std::string> canonical_aor(std::string_view text) {
  const auto uri = parse_uri(text);
  std::string out;
  if (!uri || !canonical_aor(*uri, out)) return std::nullopt;
  return out;
}

}  // namespace sip
