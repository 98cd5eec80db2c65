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

// The value that `from` begins with; `rest` is what follows it.
bool take_quoted(std::string_view from, std::string_view& rest, Field& field) {
  const auto* const begin = from.data() + 1;
  const auto* const end = from.data() + from.size();
  const auto* quote =
      simd::find_if(begin, end, [](simd::Block b) { return b.equal('"') | b.equal('\\'); });
  if (quote != end && *quote == '\\')  // an escape: slowly
    quote = from.data() + std::min(scan::quoted_end(from), from.size() + 1) - 1;
  if (quote >= end) return false;
  field.value = {begin, static_cast<std::size_t>(quote - begin)};
  rest = {quote + 1, static_cast<std::size_t>(end - quote - 1)};
  return true;
}

bool take_plain(std::string_view from, std::string_view& rest, Field& field) {
  const auto comma = std::min(from.find(','), from.size());
  field.value = scan::trim(from.substr(0, comma));
  rest = from.substr(comma);
  return true;
}

// Takes one name=value off the front; commas and spaces before it are skipped. False at the end and
// at what is no field: then `text` is not empty.
bool take_field(std::string_view& text, Field& field) {
  std::size_t at = 0;
  while (at < text.size() && (text[at] == ',' || scan::is(text[at], scan::space))) ++at;
  text.remove_prefix(at);
  std::size_t name = 0;
  while (name < text.size() && scan::is(text[name], scan::token)) ++name;
  auto equals = name;
  while (equals < text.size() && scan::is(text[equals], scan::space)) ++equals;
  if (name == 0 || equals == text.size() || text[equals] != '=') return false;
  field.name = text.substr(0, name);
  auto rest = text.substr(equals + 1);
  while (!rest.empty() && scan::is(rest.front(), scan::space)) rest.remove_prefix(1);
  return rest.starts_with('"') ? take_quoted(rest, text, field) : take_plain(rest, text, field);
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

// Where a text parameter goes; null for any other. `name` is a token.
std::string_view* text_of(std::string_view name, DigestCredentials& c) {
  switch (scan::small_word(name)) {
    case scan::word("username"):
      return &c.username;
    case scan::word("realm"):
      return &c.realm;
    case scan::word("nonce"):
      return &c.nonce;
    case scan::word("uri"):
      return &c.uri;
    case scan::word("response"):
      return &c.response;
    case scan::word("cnonce"):
      return &c.cnonce;
    case scan::word("nc"):
      return &c.nc;
    case scan::word("opaque"):
      return &c.opaque;
    default:
      return nullptr;
  }
}

// False when the value is one that we do not have.
bool read(const Field& f, DigestCredentials& c) {
  if (auto* text = text_of(f.name, c)) {
    *text = f.value;
    return true;
  }
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

Result<DigestInfo> parse_authentication_info(std::string_view value) {
  DigestInfo result;
  Field field;
  while (take_field(value, field)) {
    if (scan::iequals(field.name, "nextnonce")) result.nextnonce = field.value;
    if (scan::iequals(field.name, "rspauth")) result.rspauth = field.value;
    if (scan::iequals(field.name, "cnonce")) result.cnonce = field.value;
    if (scan::iequals(field.name, "nc")) result.nc = field.value;
    if (scan::iequals(field.name, "qop") && !read_qop(field.value, result.qop))
      return Errc::unsupported_digest;
  }
  // The nonce is echoed: a line break must not get into our request.
  if (!value.empty() || !plain(result.nextnonce)) return Errc::bad_credentials;
  return result;
}

bool stronger(const DigestChallenge& a, const DigestChallenge& b) {
  auto rank = [](const DigestChallenge& c) {
    return c.algorithm == DigestAlgorithm::md5 ? 0 : c.algorithm == DigestAlgorithm::sha256 ? 1 : 2;
  };
  return rank(a) > rank(b);
}

}  // namespace sip
