#include "sip/md5.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

namespace sip {
namespace {

static_assert(std::endian::native == std::endian::little, "words are read as they lie in memory");

// RFC 1321 3.4: the integer part of 2**32 * abs(sin(i + 1)).
constexpr std::array<std::uint32_t, 64> sines = {
    0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a, 0xa8304613, 0xfd469501,
    0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be, 0x6b901122, 0xfd987193, 0xa679438e, 0x49b40821,
    0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa, 0xd62f105d, 0x02441453, 0xd8a1e681, 0xe7d3fbc8,
    0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed, 0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a,
    0xfffa3942, 0x8771f681, 0x6d9d6122, 0xfde5380c, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70,
    0x289b7ec6, 0xeaa127fa, 0xd4ef3085, 0x04881d05, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665,
    0xf4292244, 0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1,
    0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb, 0xeb86d391};

// Each step waits for the one before, whose result is x: its way should be short. So a function is
// added to what is known already.
struct F {
  static std::uint32_t add(std::uint32_t sum, std::uint32_t x, std::uint32_t y, std::uint32_t z) {
    return sum + (z ^ (x & (y ^ z)));
  }
};
struct G {
  // (z & x) | (~z & y), which have no bit in common.
  static std::uint32_t add(std::uint32_t sum, std::uint32_t x, std::uint32_t y, std::uint32_t z) {
    return (sum + (~z & y)) + (z & x);
  }
};
struct H {
  static std::uint32_t add(std::uint32_t sum, std::uint32_t x, std::uint32_t y, std::uint32_t z) {
    return sum + (x ^ (y ^ z));
  }
};
struct I {
  static std::uint32_t add(std::uint32_t sum, std::uint32_t x, std::uint32_t y, std::uint32_t z) {
    return sum + (y ^ (x | ~z));
  }
};

template <class Function, int shift>
void step(std::uint32_t& a, std::uint32_t b, std::uint32_t c, std::uint32_t d, std::uint32_t word,
          std::uint32_t sine) {
  a = b + std::rotl(Function::add(a + (word + sine), b, c, d), shift);
}

// Sixteen steps; the words are taken from `first` on, every `stride`-th.
template <class Function, int first, int stride, int s0, int s1, int s2, int s3>
void round(std::array<std::uint32_t, 4>& s, const std::array<std::uint32_t, 16>& words,
           const std::uint32_t* sine) {
  auto [a, b, c, d] = s;
#pragma GCC unroll 4
  for (int i = 0; i < 16; i += 4) {
    const auto word = [&](int k) {
      return words[static_cast<std::size_t>(first + (i + k) * stride) % 16];
    };
    step<Function, s0>(a, b, c, d, word(0), sine[i]);
    step<Function, s1>(d, a, b, c, word(1), sine[i + 1]);
    step<Function, s2>(c, d, a, b, word(2), sine[i + 2]);
    step<Function, s3>(b, c, d, a, word(3), sine[i + 3]);
  }
  s = {a, b, c, d};
}

}  // namespace

void Md5::block(const char* at) {
  std::array<std::uint32_t, 16> words;
  std::memcpy(words.data(), at, 64);
  auto s = state_;
  round<F, 0, 1, 7, 12, 17, 22>(s, words, &sines[0]);
  round<G, 1, 5, 5, 9, 14, 20>(s, words, &sines[16]);
  round<H, 5, 3, 4, 11, 16, 23>(s, words, &sines[32]);
  round<I, 0, 7, 6, 10, 15, 21>(s, words, &sines[48]);
  for (std::size_t i = 0; i < s.size(); ++i) state_[i] += s[i];
}

Md5& Md5::add(std::string_view text) {
  const auto held = size_ % 64;
  size_ += text.size();
  if (held > 0) {
    const auto part = std::min(text.size(), 64 - held);
    std::copy_n(text.data(), part, tail_.data() + held);
    text.remove_prefix(part);
    if (held + part < 64) return *this;
    block(tail_.data());
  }
  for (; text.size() >= 64; text.remove_prefix(64)) block(text.data());
  std::copy_n(text.data(), text.size(), tail_.data());
  return *this;
}

Md5::Bytes Md5::finish() {
  const std::uint64_t bits = size_ * 8;
  auto held = size_ % 64;
  tail_[held++] = static_cast<char>(0x80);
  if (held > 56) {
    std::fill(tail_.begin() + static_cast<std::ptrdiff_t>(held), tail_.end(), '\0');
    block(tail_.data());
    held = 0;
  }
  std::fill(tail_.begin() + static_cast<std::ptrdiff_t>(held), tail_.begin() + 56, '\0');
  std::memcpy(tail_.data() + 56, &bits, 8);
  block(tail_.data());
  return std::bit_cast<Bytes>(state_);
}

}  // namespace sip
