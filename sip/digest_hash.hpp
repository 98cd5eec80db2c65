// The hash functions of digest authentication, over OpenSSL's libcrypto.
#pragma once

#include <string>
#include <string_view>

#include "sip/digest.hpp"

namespace sip {

// One hash at a time per thread: the context is reused, so that hashing does not allocate.
class DigestHash {
 public:
  explicit DigestHash(DigestAlgorithm algorithm);
  DigestHash& add(std::string_view text);
  // Ends the hash; lower-case hex.
  [[nodiscard]] std::string hex();
  // Ends the hash; its bytes.
  [[nodiscard]] std::string bytes();
};

// RFC 2104.
[[nodiscard]] std::string hmac_sha256_hex(std::string_view key, std::string_view text);

}  // namespace sip
