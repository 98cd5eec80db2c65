// Reading Authorization and WWW-Authenticate: "Digest name=value, name="value", ...".
#include <algorithm>

#include "sip/digest.hpp"
#include "sip/scan.hpp"

namespace sip {
namespace {

struct Field {
  std::string_view name;
  std::string_view value;
};

// Takes the scheme off the front; false when it is not Digest.
bool take_scheme(std::string_view& text) {
  text = scan::trim(text);
  constexpr std::string_view scheme = "Digest";
  if (text.size() <= scheme.size() || !scan::iequals(text.substr(0, scheme.size()), scheme) ||
      !scan::is(text[scheme.size()], scan::space))
    return false;
  text.remove_prefix(scheme.size() + 1);
  return true;
}

// Takes one name=value off the front; commas and spaces before it are skipped. False at the end and
// at what is no field: then `text` is not empty.
bool take_field(std::string_view& text, Field& field) {
  const auto start = text.find_first_not_of(", \t\r\n");
  text.remove_prefix(std::min(start, text.size()));
  const auto equals = text.find('=');
  if (equals == std::string_view::npos) return false;
  field.name = scan::trim(text.substr(0, equals));
  auto rest = text.substr(equals + 1);
  while (!rest.empty() && scan::is(rest.front(), scan::space)) rest.remove_prefix(1);
  const bool quoted = rest.starts_with('"');
  const auto end = quoted ? scan::quoted_end(rest) : std::min(rest.find(','), rest.size());
  if (end == std::string_view::npos || !scan::all(field.name, scan::token)) return false;
  field.value = scan::unquoted(scan::trim(rest.substr(0, end)));
  text = rest.substr(end);
  return true;
}

// "MD5", "SHA-256-sess", ...
bool read_algorithm(std::string_view text, DigestAlgorithm& algorithm, bool& session) {
  constexpr std::string_view suffix = "-sess";
  session = text.size() > suffix.size() &&
            scan::iequals(text.substr(text.size() - suffix.size()), suffix);
  if (session) text.remove_suffix(suffix.size());
  for (auto a : {DigestAlgorithm::md5, DigestAlgorithm::sha256, DigestAlgorithm::sha512_256}) {
    if (!scan::iequals(text, to_string(a))) continue;
    algorithm = a;
    return true;
  }
  return false;
}

bool read_qop(std::string_view text, DigestQop& qop) {
  if (scan::iequals(text, "auth"))
    qop = DigestQop::auth;
  else if (scan::iequals(text, "auth-int"))
    qop = DigestQop::auth_int;
  else
    return text.empty();
  return true;
}

// False when the value is one that we do not have.
bool read(const Field& f, DigestCredentials& c) {
  const struct {
    std::string_view name;
    std::string_view& value;
  } texts[] = {{"username", c.username}, {"realm", c.realm},  {"nonce", c.nonce},
               {"uri", c.uri},           {"nc", c.nc},        {"response", c.response},
               {"cnonce", c.cnonce},     {"opaque", c.opaque}};
  for (const auto& text : texts)
    if (scan::iequals(f.name, text.name)) text.value = f.value;
  if (scan::iequals(f.name, "algorithm")) return read_algorithm(f.value, c.algorithm, c.session);
  if (scan::iequals(f.name, "qop")) return read_qop(f.value, c.qop);
  return true;
}

bool complete(const DigestCredentials& c) {
  if (c.username.empty() || c.nonce.empty() || c.uri.empty() || c.response.empty()) return false;
  if (c.session && c.cnonce.empty()) return false;
  return c.qop == DigestQop::none || (!c.nc.empty() && !c.cnonce.empty());
}

void read_offers(std::string_view list, DigestChallenge& c) {
  while (!list.empty()) {
    const auto end = std::min(list.find(','), list.size());
    const auto offer = scan::trim(list.substr(0, end));
    c.auth = c.auth || scan::iequals(offer, "auth");
    c.auth_int = c.auth_int || scan::iequals(offer, "auth-int");
    list.remove_prefix(std::min(end + 1, list.size()));
  }
}

bool read(const Field& f, DigestChallenge& c, bool& has_qop) {
  if (scan::iequals(f.name, "realm")) c.realm = f.value;
  if (scan::iequals(f.name, "nonce")) c.nonce = f.value;
  if (scan::iequals(f.name, "opaque")) c.opaque = f.value;
  if (scan::iequals(f.name, "stale")) c.stale = scan::iequals(f.value, "true");
  if (scan::iequals(f.name, "qop")) {
    has_qop = !f.value.empty();
    read_offers(f.value, c);
  }
  if (!scan::iequals(f.name, "algorithm")) return true;
  c.algorithm_given = true;
  return read_algorithm(f.value, c.algorithm, c.session);
}

bool plain(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) >= 0x20; });
}

}  // namespace

Result<DigestCredentials> parse_digest_credentials(std::string_view value) {
  if (!take_scheme(value)) return Errc::bad_credentials;
  DigestCredentials result;
  Field field;
  while (take_field(value, field))
    if (!read(field, result)) return Errc::unsupported_digest;
  if (!value.empty() || !complete(result)) return Errc::bad_credentials;
  return result;
}

Result<DigestChallenge> parse_digest_challenge(std::string_view value) {
  if (!take_scheme(value)) return Errc::bad_credentials;
  DigestChallenge result;
  bool has_qop = false;
  Field field;
  while (take_field(value, field))
    if (!read(field, result, has_qop)) return Errc::unsupported_digest;
  if (!value.empty() || result.nonce.empty()) return Errc::bad_credentials;
  // They are echoed: a line break must not get into our request.
  if (!plain(result.realm) || !plain(result.nonce) || !plain(result.opaque))
    return Errc::bad_credentials;
  if (has_qop && !result.auth && !result.auth_int) return Errc::unsupported_digest;
  return result;
}

bool stronger(const DigestChallenge& a, const DigestChallenge& b) {
  auto rank = [](const DigestChallenge& c) {
    return c.algorithm == DigestAlgorithm::md5 ? 0 : c.algorithm == DigestAlgorithm::sha256 ? 1 : 2;
  };
  return rank(a) > rank(b);
}

}  // namespace sip
