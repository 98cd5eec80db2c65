// The hash functions of digest authentication: MD5 of our own, the others over OpenSSL's libcrypto.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "sip/digest.hpp"
#include "sip/md5.hpp"

namespace sip {

// A hash as lower-case hex, without memory of its own.
class DigestHex {
 public:
  DigestHex() = default;
  DigestHex(const std::uint8_t* bytes, std::size_t size);
  operator std::string_view() const { return {text_.data(), size_}; }

 private:
  std::array<char, 64> text_{};
  std::size_t size_ = 0;
};

// One hash at a time per thread: the context is reused, so that hashing does not allocate.
class DigestHash {
 public:
  explicit DigestHash(DigestAlgorithm algorithm);
  DigestHash& add(std::string_view text);
  // Ends the hash.
  [[nodiscard]] DigestHex finish();
  [[nodiscard]] std::string hex() { return std::string(std::string_view(finish())); }
  // Ends the hash; its bytes.
  [[nodiscard]] std::string bytes();

 private:
  using Bytes = std::array<std::uint8_t, 32>;
  std::size_t finish_into(Bytes& bytes);

  DigestAlgorithm algorithm_;
  Md5 md5_;
};

// H(username:realm:password)
[[nodiscard]] DigestHex hash_ha1(DigestAlgorithm algorithm, std::string_view username,
                                 std::string_view realm, std::string_view password);
// H(method:uri), with auth-int H(method:uri:H(body)).
[[nodiscard]] DigestHex hash_ha2(const DigestCredentials& credentials,
                                 const DigestRequest& request);
// As digest_response(), without allocating.
[[nodiscard]] DigestHex hash_response(const DigestCredentials& credentials, std::string_view ha1,
                                      std::string_view ha2);

// RFC 2104.
[[nodiscard]] std::string hmac_sha256_hex(std::string_view key, std::string_view text);

}  // namespace sip
