#include "sip/authenticator.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "sip/digest_hash.hpp"
#include "sip/mixed_hash.hpp"
#include "sip/scan.hpp"

namespace sip {
namespace {

using std::chrono::seconds;

// Base64 digits of 64 bits: the time and the number; and the MAC. Together so short that what is
// hashed for a response (RFC 7616 3.4.1) is two blocks of MD5 with most people's cnonce, not three.
constexpr std::size_t part_size = 11;
constexpr std::size_t nonce_size = 2 * part_size;

HeaderId credentials_id(Authenticator::Kind kind) {
  return kind == Authenticator::Kind::registrar ? HeaderId::authorization
                                                : HeaderId::proxy_authorization;
}

HeaderId challenge_id(Authenticator::Kind kind) {
  return kind == Authenticator::Kind::registrar ? HeaderId::www_authenticate
                                                : HeaderId::proxy_authenticate;
}

constexpr std::string_view base64 =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

constexpr auto base64_values = [] {
  std::array<std::uint8_t, 256> table{};
  table.fill(0xff);
  for (std::size_t i = 0; i < base64.size(); ++i)
    table[static_cast<unsigned char>(base64[i])] = static_cast<std::uint8_t>(i);
  return table;
}();

void write_base64(char* at, std::uint64_t value) {
  for (std::size_t i = part_size; i-- > 0; value >>= 6) at[i] = base64[value & 63];
}

// False when it is something else.
bool read_base64(std::string_view text, std::uint64_t& value) {
  unsigned seen = 0;
  value = 0;
  for (const char c : text) {
    const auto digit = base64_values[static_cast<unsigned char>(c)];
    seen |= digit;
    value = value << 6 | digit;
  }
  // The first digit has but four bits to give.
  return seen < 64 && base64_values[static_cast<unsigned char>(text.front())] < 16;
}

// False when it is not all lower-case hex.
bool read_hex(std::string_view text, std::uint64_t& value) {
  value = 0;
  for (const char c : text) {
    const bool letter = c >= 'a' && c <= 'f';
    if (!letter && !scan::is(c, scan::digit)) return false;
    value = value << 4 | static_cast<std::uint64_t>(letter ? c - 'a' + 10 : c - '0');
  }
  return true;
}

// 7616 3.4: eight hex digits. 0 when it is something else.
std::uint32_t count_of(std::string_view nc) {
  std::uint64_t value = 0;
  char lower[8];
  if (nc.size() != sizeof lower) return 0;
  std::transform(nc.begin(), nc.end(), lower, scan::lower);
  return read_hex({lower, sizeof lower}, value) ? static_cast<std::uint32_t>(value) : 0;
}

std::uint32_t second_of(TimePoint t) {
  return static_cast<std::uint32_t>(std::chrono::floor<seconds>(t.time_since_epoch()).count());
}

std::string_view ha1_of(const Secret& secret, DigestAlgorithm algorithm) {
  switch (algorithm) {
    case DigestAlgorithm::sha256:
      return secret.ha1_sha256;
    case DigestAlgorithm::sha512_256:
      return secret.ha1_sha512_256;
    default:
      return secret.ha1_md5;
  }
}

// Without what would end the quoted string or the line.
std::string quotable(std::string_view text) {
  std::string out;
  for (const char c : text)
    if (c != '"' && c != '\\' && static_cast<unsigned char>(c) >= 0x20) out += c;
  return out;
}

}  // namespace

Authenticator::Authenticator(AuthenticatorOptions options, const Accounts& accounts,
                             const HashKey& seed)
    : options_(std::move(options)),
      accounts_(accounts),
      key_(seed),
      table_seed_(KeyedHash(seed).add(std::uint64_t{1}).finish()),
      nonces_(options_.nonces),
      guesses_(options_.guesses, KeyedHash(seed).add(std::uint64_t{2}).finish()) {
  options_.realm = quotable(options_.realm);
  const auto begin = "Digest realm=\"" + options_.realm + "\", nonce=\"";
  nonce_at_ = begin.size();
  for (const auto algorithm : options_.algorithms) {
    auto text = begin + std::string(nonce_size, ' ') + "\", algorithm=";
    text += to_string(algorithm);
    if (options_.offer_qop)
      text += options_.offer_auth_int ? ", qop=\"auth,auth-int\"" : ", qop=\"auth\"";
    challenges_.push_back(std::move(text));
  }
}

// 64 bits of SipHash: whether a guessed one is right cannot be tried out but by sending it, and
// what it would win is a challenge saved. The address is in it so that nobody can fail in the name
// of another (GuessLimiter), nor answer a challenge that another was given.
std::uint64_t Authenticator::mac(std::uint64_t time_and_number, const Flow& from) const {
  struct {
    std::uint64_t time_and_number;
    IpAddress::V6Bytes ip;
  } input{time_and_number, from.remote.ip.bytes()};
  if (from.remote.ip.is_v6()) std::fill(input.ip.begin() + 8, input.ip.end(), 0);
  return KeyedHash(key_)
      .add(std::string_view(reinterpret_cast<const char*>(&input), sizeof input))
      .finish();
}

void Authenticator::challenge(MessageBuilder& out, Kind kind, bool stale, const Flow& from,
                              TimePoint now) {
  const auto stamp = std::uint64_t{second_of(now)} << 32 | nonces_.issue();
  char nonce[nonce_size];
  write_base64(nonce, stamp);
  write_base64(nonce + part_size, mac(stamp, from));
  for (auto& challenge : challenges_) {
    challenge.replace(nonce_at_, nonce_size, nonce, nonce_size);
    if (!stale) {
      out.header(challenge_id(kind), challenge);
      continue;
    }
    line_ = challenge;
    out.header(challenge_id(kind), line_ += ", stale=true");
  }
  ++counters_.challenges;
}

bool Authenticator::read_nonce(std::string_view nonce, const Flow& from, TimePoint now,
                               std::uint32_t& number) const {
  std::uint64_t stamp = 0, received = 0;
  if (nonce.size() != nonce_size || !read_base64(nonce.substr(0, part_size), stamp) ||
      !read_base64(nonce.substr(part_size), received) || received != mac(stamp, from))
    return false;
  number = static_cast<std::uint32_t>(stamp);
  nonces_.expect(number);
  const auto age = second_of(now) - static_cast<std::uint32_t>(stamp >> 32);
  return seconds(age) <= options_.nonce_life;
}

Authenticator::Verdict Authenticator::check(const MessageView& request, Kind kind, const Flow& from,
                                            TimePoint now) {
  const auto id = credentials_id(kind);
  Verdict verdict;
  for (auto i = request.find_index(id); i < request.header_count();
       i = request.find_index(id, i + 1)) {
    const auto credentials = parse_digest_credentials(request.header(i).value);
    if (!credentials && credentials.error() == Errc::bad_credentials)
      verdict.finding = Finding::malformed;
    if (!credentials || credentials->realm != options_.realm || !acceptable(*credentials)) continue;
    verdict = verify(request, *credentials, from, now);
    break;
  }
  count(verdict.finding);
  return verdict;
}

// Something that we might have asked for.
bool Authenticator::acceptable(const DigestCredentials& c) const {
  if (std::ranges::find(options_.algorithms, c.algorithm) == options_.algorithms.end())
    return false;
  if (c.qop != DigestQop::none) return true;
  return !options_.offer_qop ||
         (options_.accept_without_qop && c.algorithm == DigestAlgorithm::md5);
}

Authenticator::Verdict Authenticator::verify(const MessageView& request, const DigestCredentials& c,
                                             const Flow& from, TimePoint now) {
  const auto count = count_of(c.nc);
  if (c.qop != DigestQop::none && count == 0) return {Finding::malformed, {}, {}};
  std::uint32_t number = 0;
  if (!read_nonce(c.nonce, from, now, number)) return {Finding::stale, {}, {}};
  const auto& ip = from.remote.ip;
  if (const auto wait = guesses_.locked(ip, c.username, now); wait > seconds(0))
    return {Finding::locked, {}, wait};
  if (!password_is_right(request, c)) {
    guesses_.wrong(ip, c.username, now);
    return {Finding::wrong, {}, {}};
  }
  guesses_.right(ip, c.username, now);
  if (c.qop != DigestQop::none && !use(number, count, request, from))
    return {Finding::stale, {}, {}};
  return {Finding::accepted, c.username, {}};
}

// An unknown user costs what a wrong password costs.
bool Authenticator::password_is_right(const MessageView& request, const DigestCredentials& c) {
  Secret secret;
  const bool known = accounts_.find(c.username, options_.realm, secret);
  DigestHex computed;
  auto ha1 = known ? ha1_of(secret, c.algorithm) : std::string_view{};
  const bool possible = known && (!ha1.empty() || !secret.password.empty());
  if (ha1.empty()) {
    computed = hash_ha1(c.algorithm, c.username, options_.realm, secret.password);
    ha1 = computed;
  }
  const auto expected = hash_response(c, ha1, ha2_of(request, c));
  char received[64];
  if (c.response.size() > sizeof received) return false;
  std::transform(c.response.begin(), c.response.end(), received, scan::lower);
  return equal_in_constant_time(expected, {received, c.response.size()}) && possible;
}

// All devices of a domain register at the same URI.
std::string_view Authenticator::ha2_of(const MessageView& request, const DigestCredentials& c) {
  const auto method = request.method_text();
  auto& last = last_ha2_;
  const bool same = c.qop != DigestQop::auth_int && last.algorithm == c.algorithm &&
                    last.method == method && last.uri == c.uri;
  if (same) return last.hash;
  last.hash = hash_ha2(c, {.method = method, .body = request.body()});
  last.algorithm = c.algorithm;
  last.method = c.qop == DigestQop::auth_int ? std::string_view() : method;
  last.uri = c.uri;
  return last.hash;
}

// A retransmission has the same bytes and comes from the same place.
bool Authenticator::use(std::uint32_t number, std::uint32_t count, const MessageView& request,
                        const Flow& from) {
  const auto& ip = from.remote.ip.bytes();
  const auto place = mixed_hash({reinterpret_cast<const char*>(ip.data()), ip.size()},
                                table_seed_ + from.remote.port);
  const auto fingerprint = mixed_hash(request.bytes(), place);
  const auto use = nonces_.use(number, count, static_cast<std::uint32_t>(fingerprint >> 32));
  if (use == NonceTable::Use::replayed) ++counters_.replayed;
  return use == NonceTable::Use::fresh || use == NonceTable::Use::repeated;
}

void Authenticator::count(Finding finding) {
  switch (finding) {
    case Finding::accepted:
      ++counters_.accepted;
      break;
    case Finding::absent:
      break;
    case Finding::stale:
      ++counters_.stale;
      break;
    case Finding::wrong:
      ++counters_.wrong;
      break;
    case Finding::locked:
      ++counters_.locked;
      break;
    case Finding::malformed:
      ++counters_.malformed;
      break;
  }
}

std::string_view Authenticator::refuse(const MessageView& request, Kind kind,
                                       const Verdict& verdict, const Flow& from, TimePoint now,
                                       const ResponseOptions& options, std::string& buffer) {
  MessageBuilder out(buffer);
  if (verdict.finding == Finding::malformed) {
    out.respond_to(request, 400, "Credentials cannot be read", options);
  } else if (verdict.finding == Finding::locked) {
    out.respond_to(request, 403, "Too Many Wrong Passwords", options)
        .header(HeaderId::retry_after, static_cast<std::uint32_t>(verdict.retry_after.count()));
  } else {
    out.respond_to(request, kind == Kind::registrar ? 401 : 407, {}, options);
    challenge(out, kind, verdict.finding == Finding::stale, from, now);
  }
  return out.finish();
}

}  // namespace sip
