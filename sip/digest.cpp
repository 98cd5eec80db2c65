#include "sip/digest.hpp"

#include <array>
#include <cstdio>

#include "sip/digest_hash.hpp"
#include "sip/scan.hpp"

namespace sip {
namespace {

std::string_view qop_text(DigestQop qop) {
  return qop == DigestQop::auth_int ? "auth-int" : "auth";
}

// Without what would end a quoted string or the line.
std::string quotable(std::string_view text) {
  std::string out;
  for (char c : text)
    if (c != '"' && c != '\\' && static_cast<unsigned char>(c) >= 0x20) out += c;
  return out;
}

std::string hex_of(std::uint32_t number) {
  std::array<char, 9> text{};
  std::snprintf(text.data(), text.size(), "%08x", number);
  return text.data();
}

// Nonces hold seconds modulo 2**32; differences are what matters.
std::uint32_t seconds_of(TimePoint time) {
  using std::chrono::seconds;
  return static_cast<std::uint32_t>(std::chrono::floor<seconds>(time.time_since_epoch()).count());
}

constexpr std::size_t stamp_size = 16;  // time and salt, 8 hex digits each
constexpr std::size_t mac_size = 24;    // 96 bits of HMAC-SHA-256: some devices keep few bytes

std::uint32_t stamp_seconds(std::string_view nonce) {
  std::uint32_t value = 0;
  for (char c : nonce.substr(0, 8)) {
    const auto digit = static_cast<std::uint32_t>(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
    value = value << 4 | digit;
  }
  return value;
}

}  // namespace

std::string_view to_string(DigestAlgorithm algorithm) {
  switch (algorithm) {
    case DigestAlgorithm::sha256:
      return "SHA-256";
    case DigestAlgorithm::sha512_256:
      return "SHA-512-256";
    default:
      return "MD5";
  }
}

std::string digest_ha1(DigestAlgorithm algorithm, std::string_view username, std::string_view realm,
                       std::string_view password) {
  return std::string(std::string_view(hash_ha1(algorithm, username, realm, password)));
}

std::string digest_response(const DigestCredentials& c, std::string_view ha1,
                            const DigestRequest& request) {
  return std::string(std::string_view(hash_response(c, ha1, hash_ha2(c, request))));
}

bool equal_in_constant_time(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  unsigned difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    difference |= static_cast<unsigned char>(a[i]) ^ static_cast<unsigned char>(b[i]);
  return difference == 0;
}

DigestAuthenticator::DigestAuthenticator(Options options, std::string secret)
    : options_(std::move(options)), secret_(std::move(secret)) {
  options_.realm = quotable(options_.realm);
}

std::string DigestAuthenticator::make_nonce(TimePoint now, std::uint64_t salt) const {
  auto stamp = hex_of(seconds_of(now)) + hex_of(static_cast<std::uint32_t>(salt ^ salt >> 32));
  return stamp + hmac_sha256_hex(secret_, stamp + options_.realm).substr(0, mac_size);
}

bool DigestAuthenticator::nonce_is_ours(std::string_view nonce) const {
  if (nonce.size() != stamp_size + mac_size) return false;
  const auto signed_text = std::string(nonce.substr(0, stamp_size)) + options_.realm;
  return equal_in_constant_time(nonce.substr(stamp_size),
                                hmac_sha256_hex(secret_, signed_text).substr(0, mac_size));
}

bool DigestAuthenticator::nonce_is_fresh(std::string_view nonce, TimePoint now) const {
  if (!nonce_is_ours(nonce)) return false;
  const std::uint32_t age = seconds_of(now) - stamp_seconds(nonce);  // huge when in the future
  return std::chrono::seconds(age) <= options_.nonce_life;
}

std::string DigestAuthenticator::challenge(DigestAlgorithm algorithm, TimePoint now, bool stale,
                                           std::uint64_t salt) const {
  std::string out = "Digest realm=\"" + options_.realm + "\", nonce=\"" + make_nonce(now, salt) +
                    "\", algorithm=";
  out += to_string(algorithm);
  if (options_.offer_qop) out += ", qop=\"auth\"";
  if (stale) out += ", stale=true";
  return out;
}

DigestVerdict DigestAuthenticator::verify(const DigestCredentials& credentials,
                                          const DigestRequest& request, std::string_view password,
                                          TimePoint now) const {
  const auto ha1 =
      digest_ha1(credentials.algorithm, credentials.username, options_.realm, password);
  return verify_ha1(credentials, request, ha1, now);
}

DigestVerdict DigestAuthenticator::verify_ha1(const DigestCredentials& credentials,
                                              const DigestRequest& request, std::string_view ha1,
                                              TimePoint now) const {
  if (credentials.realm != options_.realm) return DigestVerdict::wrong;
  auto expected = digest_response(credentials, ha1, request);
  std::string received(credentials.response);
  for (char& c : received) c = scan::lower(c);  // upper-case hex is seen
  if (!equal_in_constant_time(expected, received)) return DigestVerdict::wrong;
  return nonce_is_fresh(credentials.nonce, now) ? DigestVerdict::ok : DigestVerdict::stale;
}

DigestClient::DigestClient(std::string username, std::string password)
    : username_(quotable(username)), password_(std::move(password)) {}

Result<void> DigestClient::on_challenges(const std::vector<std::string_view>& values) {
  std::optional<DigestChallenge> best;
  auto fault = Errc::bad_credentials;
  for (const auto value : values) {
    const auto challenge = parse_digest_challenge(value);
    if (!challenge)
      fault = static_cast<Errc>(challenge.error().value());
    else if (!best || stronger(*challenge, *best))
      best = *challenge;
  }
  if (!best) return fault;
  realm_ = best->realm;
  nonce_ = best->nonce;
  opaque_ = best->opaque;
  algorithm_ = best->algorithm;
  session_ = best->session;
  algorithm_given_ = best->algorithm_given;
  stale_ = best->stale;
  qop_ = best->auth ? DigestQop::auth : best->auth_int ? DigestQop::auth_int : DigestQop::none;
  nonce_count_ = 0;
  return {};
}

std::string DigestClient::authorization(const DigestRequest& request, std::string_view uri,
                                        std::string_view cnonce) {
  const auto nc = hex_of(++nonce_count_);
  const auto clean_uri = quotable(uri), clean_cnonce = quotable(cnonce);
  DigestCredentials c;
  c.username = username_, c.realm = realm_, c.nonce = nonce_, c.uri = clean_uri;
  c.cnonce = clean_cnonce, c.nc = nc;
  c.algorithm = algorithm_, c.session = session_, c.qop = qop_;
  const auto ha1 = digest_ha1(algorithm_, username_, realm_, password_);
  std::string out = "Digest username=\"" + username_ + "\", realm=\"" + realm_ + "\", nonce=\"" +
                    nonce_ + "\", uri=\"" + clean_uri + "\", response=\"" +
                    digest_response(c, ha1, request) + '"';
  if (algorithm_given_)
    out.append(", algorithm=").append(to_string(algorithm_)).append(session_ ? "-sess" : "");
  if (qop_ != DigestQop::none || session_) out += ", cnonce=\"" + clean_cnonce + '"';
  if (qop_ != DigestQop::none) out.append(", qop=").append(qop_text(qop_)).append(", nc=" + nc);
  if (!opaque_.empty()) out += ", opaque=\"" + opaque_ + '"';
  uri_ = clean_uri;
  cnonce_ = clean_cnonce;
  return out;
}

bool DigestClient::on_authentication_info(std::string_view value, std::string_view body) {
  const auto info = parse_authentication_info(value);
  if (!info || (!info->rspauth.empty() && !proves(*info, body))) return false;
  if (info->nextnonce.empty() || info->nextnonce == nonce_) return true;
  nonce_ = info->nextnonce;
  nonce_count_ = 0;
  return true;
}

// RFC 7616 3.5: as our response, but for no method and over the body of the answer.
bool DigestClient::proves(const DigestInfo& info, std::string_view body) const {
  const auto nc = hex_of(nonce_count_);
  const bool of_the_last = (info.cnonce.empty() || info.cnonce == cnonce_) &&
                           (info.nc.empty() || scan::iequals(info.nc, nc));
  if (!of_the_last) return true;
  DigestCredentials c;
  c.username = username_, c.realm = realm_, c.nonce = nonce_, c.uri = uri_;
  c.cnonce = cnonce_, c.nc = nc;
  c.algorithm = algorithm_, c.session = session_, c.qop = info.qop;
  const auto ha1 = digest_ha1(algorithm_, username_, realm_, password_);
  std::string theirs(info.rspauth);
  for (char& ch : theirs) ch = scan::lower(ch);
  return equal_in_constant_time(digest_response(c, ha1, {{}, body}), theirs);
}

}  // namespace sip
