#include "sip/digest_hash.hpp"

#include <openssl/evp.h>

#include <array>
#include <memory>

namespace sip {
namespace {

// Fetched once: EVP_md5() and its like look the algorithm up anew at each use.
const EVP_MD* algorithm_of(DigestAlgorithm algorithm) {
  static const std::array<EVP_MD*, 3> fetched = {EVP_MD_fetch(nullptr, "MD5", nullptr),
                                                 EVP_MD_fetch(nullptr, "SHA2-256", nullptr),
                                                 EVP_MD_fetch(nullptr, "SHA2-512/256", nullptr)};
  return fetched[static_cast<std::size_t>(algorithm)];
}

struct FreeContext {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};

EVP_MD_CTX* context() {
  thread_local const std::unique_ptr<EVP_MD_CTX, FreeContext> c(EVP_MD_CTX_new());
  return c.get();
}

std::string hex_of(std::string_view bytes) {
  constexpr char digits[] = "0123456789abcdef";
  std::string out;
  out.reserve(bytes.size() * 2);
  for (char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    out += digits[byte >> 4];
    out += digits[byte & 15];
  }
  return out;
}

}  // namespace

DigestHash::DigestHash(DigestAlgorithm algorithm) {
  EVP_DigestInit_ex(context(), algorithm_of(algorithm), nullptr);
}

DigestHash& DigestHash::add(std::string_view text) {
  EVP_DigestUpdate(context(), text.data(), text.size());
  return *this;
}

std::string DigestHash::bytes() {
  std::array<unsigned char, EVP_MAX_MD_SIZE> result{};
  unsigned size = 0;
  EVP_DigestFinal_ex(context(), result.data(), &size);
  return {reinterpret_cast<const char*>(result.data()), size};
}

std::string DigestHash::hex() {
  return hex_of(bytes());
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
