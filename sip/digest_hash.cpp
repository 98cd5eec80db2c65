#include "sip/digest_hash.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <cstring>
#include <memory>

namespace sip {
namespace {

// Fetched once: EVP_sha256() and its like look the algorithm up anew at each use.
const EVP_MD* algorithm_of(DigestAlgorithm algorithm) {
  static const EVP_MD* const sha256 = EVP_MD_fetch(nullptr, "SHA2-256", nullptr);
  static const EVP_MD* const sha512_256 = EVP_MD_fetch(nullptr, "SHA2-512/256", nullptr);
  return algorithm == DigestAlgorithm::sha256 ? sha256 : sha512_256;
}

struct FreeContext {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};

EVP_MD_CTX* context() {
  thread_local const std::unique_ptr<EVP_MD_CTX, FreeContext> c(EVP_MD_CTX_new());
  return c.get();
}

constexpr auto hex_of_bytes = [] {
  constexpr char digits[] = "0123456789abcdef";
  std::array<std::array<char, 2>, 256> table{};
  for (unsigned byte = 0; byte < 256; ++byte) table[byte] = {digits[byte >> 4], digits[byte & 15]};
  return table;
}();

std::string_view qop_text(DigestQop qop) {
  return qop == DigestQop::auth_int ? "auth-int" : "auth";
}

constexpr std::size_t joined_size = 512;  // most are far below

char* append(char* at, std::string_view text) {
  if (!text.empty()) std::memcpy(at, text.data(), text.size());
  return at + text.size();
}

// H(a:b:c). Written in one piece first: a hash is quick, its many small beginnings are not.
template <class... Parts>
DigestHex hash_joined(DigestAlgorithm algorithm, std::string_view first, Parts... rest) {
  DigestHash hash(algorithm);
  if ((first.size() + ... + (rest.size() + 1)) <= joined_size) {
    char joined[joined_size];
    auto* end = append(joined, first);
    ((*end = ':', end = append(end + 1, rest)), ...);
    return hash.add({joined, static_cast<std::size_t>(end - joined)}).finish();
  }
  hash.add(first);
  (hash.add(":").add(rest), ...);
  return hash.finish();
}

}  // namespace

DigestHex hash_ha2(const DigestCredentials& c, const DigestRequest& request) {
  if (c.qop != DigestQop::auth_int) return hash_joined(c.algorithm, request.method, c.uri);
  const auto body = hash_joined(c.algorithm, request.body);
  return hash_joined(c.algorithm, request.method, c.uri, std::string_view(body));
}

DigestHex::DigestHex(const std::uint8_t* bytes, std::size_t size) : size_(2 * size) {
  for (std::size_t i = 0; i < size; ++i)
    std::memcpy(text_.data() + 2 * i, hex_of_bytes[bytes[i]].data(), 2);
}

DigestHash::DigestHash(DigestAlgorithm algorithm) : algorithm_(algorithm) {
  if (algorithm_ != DigestAlgorithm::md5)
    EVP_DigestInit_ex(context(), algorithm_of(algorithm), nullptr);
}

DigestHash& DigestHash::add(std::string_view text) {
  if (algorithm_ == DigestAlgorithm::md5)
    md5_.add(text);
  else
    EVP_DigestUpdate(context(), text.data(), text.size());
  return *this;
}

std::size_t DigestHash::finish_into(Bytes& bytes) {
  if (algorithm_ == DigestAlgorithm::md5) {
    const auto md5 = md5_.finish();
    std::copy(md5.begin(), md5.end(), bytes.begin());
    return md5.size();
  }
  unsigned size = 0;
  EVP_DigestFinal_ex(context(), bytes.data(), &size);
  return size;
}

DigestHex DigestHash::finish() {
  Bytes bytes;
  const auto size = finish_into(bytes);
  return {bytes.data(), size};
}

std::string DigestHash::bytes() {
  Bytes result;
  const auto size = finish_into(result);
  return {reinterpret_cast<const char*>(result.data()), size};
}

DigestHex hash_ha1(DigestAlgorithm algorithm, std::string_view username, std::string_view realm,
                   std::string_view password) {
  return hash_joined(algorithm, username, realm, password);
}

DigestHex hash_response(const DigestCredentials& c, std::string_view ha1, std::string_view ha2) {
  DigestHex session;
  if (c.session) {
    session = hash_joined(c.algorithm, ha1, c.nonce, c.cnonce);
    ha1 = session;
  }
  if (c.qop == DigestQop::none) return hash_joined(c.algorithm, ha1, c.nonce, ha2);
  return hash_joined(c.algorithm, ha1, c.nonce, c.nc, c.cnonce, qop_text(c.qop), ha2);
}

std::string hmac_sha256_hex(std::string_view key, std::string_view text) {
  constexpr std::size_t block = 64;
  std::string padded(key.size() > block ? DigestHash(DigestAlgorithm::sha256).add(key).bytes()
                                        : std::string(key));
  padded.resize(block, '\0');
  std::string inner = padded, outer = padded;
  for (char& c : inner) c = static_cast<char>(c ^ 0x36);
  for (char& c : outer) c = static_cast<char>(c ^ 0x5c);
  const auto inside = DigestHash(DigestAlgorithm::sha256).add(inner).add(text).bytes();
  return DigestHash(DigestAlgorithm::sha256).add(outer).add(inside).hex();
}

}  // namespace sip
