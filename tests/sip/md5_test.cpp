// MD5: the test suite of RFC 1321 A.5, every length around a block, every cut.
#include "sip/md5.hpp"

#include <doctest/doctest.h>
#include <openssl/evp.h>

#include <string>

#include "sip/digest_hash.hpp"

namespace sip {
namespace {

std::string hex(const Md5::Bytes& bytes) {
  return std::string(std::string_view(DigestHex(bytes.data(), bytes.size())));
}

std::string of_libcrypto(std::string_view text) {
  Md5::Bytes bytes;
  EVP_Digest(text.data(), text.size(), bytes.data(), nullptr, EVP_md5(), nullptr);
  return hex(bytes);
}

}  // namespace

TEST_CASE("MD5 (RFC 1321 A.5)") {
  const struct {
    const char* text;
    const char* hash;
  } cases[] = {
      {"", "d41d8cd98f00b204e9800998ecf8427e"},
      {"a", "0cc175b9c0f1b6a831c399e269772661"},
      {"abc", "900150983cd24fb0d6963f7d28e17f72"},
      {"message digest", "f96b697d7cb7938d525a2f31aaf161d0"},
      {"abcdefghijklmnopqrstuvwxyz", "c3fcd3d76192e4007dfb496cca67e13b"},
      {"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
       "d174ab98d277d9f5a5611c2c9f419d9f"},
      {"12345678901234567890123456789012345678901234567890123456789012345678901234567890",
       "57edf4a22be3c955ac49da2e2107b67a"},
  };
  for (const auto& c : cases) CHECK(hex(Md5().add(c.text).finish()) == c.hash);
}

TEST_CASE("MD5 of any length, in any two pieces, is libcrypto's") {
  std::string text;
  for (int i = 0; i < 200; ++i) text += static_cast<char>(i * 37);
  for (std::size_t size = 0; size <= text.size(); ++size) {
    const auto part = std::string_view(text).substr(0, size);
    const auto expected = of_libcrypto(part);
    for (std::size_t cut = 0; cut <= size; cut += 7)
      REQUIRE(hex(Md5().add(part.substr(0, cut)).add(part.substr(cut)).finish()) == expected);
  }
}

}  // namespace sip
