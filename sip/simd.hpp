// Sixteen characters at a time. SSE2 belongs to every x86-64; elsewhere plain loops do the same,
// and the compiler makes of them what the machine has (SIP_PLAIN_LOOPS asks for them: the tests
// do).
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

#if defined(__SSE2__) && !defined(SIP_PLAIN_LOOPS)
#define SIP_SSE2
#include <emmintrin.h>
#else
#include <array>
#endif

namespace sip::simd {

inline constexpr std::size_t block_size = 16;

// Sixteen bytes; comparisons give blocks whose bytes are 0xff or 0, mask() one bit for each.
class Block {
 public:
#ifdef SIP_SSE2
  static Block load(const char* p) {
    return Block(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
  }
  static Block of(std::uint64_t low, std::uint64_t high) {
    return Block(_mm_set_epi64x(static_cast<long long>(high), static_cast<long long>(low)));
  }
  [[nodiscard]] Block equal(char c) const {
    return Block(_mm_cmpeq_epi8(v_, _mm_set1_epi8(c)));
  }
  [[nodiscard]] Block equal(Block b) const {
    return Block(_mm_cmpeq_epi8(v_, b.v_));
  }
  // Bytes are unsigned.
  [[nodiscard]] Block between(char low, char high) const {
    const auto shifted = _mm_sub_epi8(v_, _mm_set1_epi8(low));
    const auto width = _mm_set1_epi8(static_cast<char>(high - low));
    return Block(_mm_cmpeq_epi8(_mm_min_epu8(shifted, width), shifted));
  }
  [[nodiscard]] Block with_bits(char bits) const {
    return Block(_mm_or_si128(v_, _mm_set1_epi8(bits)));
  }
  friend Block operator|(Block a, Block b) {
    return Block(_mm_or_si128(a.v_, b.v_));
  }
  [[nodiscard]] unsigned mask() const {
    return static_cast<unsigned>(_mm_movemask_epi8(v_));
  }
  [[nodiscard]] std::uint64_t low() const {
    return static_cast<std::uint64_t>(_mm_cvtsi128_si64(v_));
  }

 private:
  explicit Block(__m128i v) : v_(v) {}
  __m128i v_;
#else
  static Block load(const char* p) {
    Block b;
    std::memcpy(b.v_.data(), p, block_size);
    return b;
  }
  static Block of(std::uint64_t low, std::uint64_t high) {
    Block b;
    for (unsigned i = 0; i < 8; ++i) {
      b.v_[i] = static_cast<std::uint8_t>(low >> (8 * i));
      b.v_[i + 8] = static_cast<std::uint8_t>(high >> (8 * i));
    }
    return b;
  }
  [[nodiscard]] Block equal(char c) const {
    return each([c](std::uint8_t x) { return flag(x == static_cast<std::uint8_t>(c)); });
  }
  [[nodiscard]] Block equal(Block other) const {
    Block b;
    for (unsigned i = 0; i < block_size; ++i) b.v_[i] = flag(v_[i] == other.v_[i]);
    return b;
  }
  [[nodiscard]] Block between(char low, char high) const {
    const auto from = static_cast<std::uint8_t>(low), to = static_cast<std::uint8_t>(high);
    return each([from, to](std::uint8_t x) { return flag(x >= from && x <= to); });
  }
  [[nodiscard]] Block with_bits(char bits) const {
    return each([bits](std::uint8_t x) {
      return static_cast<std::uint8_t>(x | static_cast<std::uint8_t>(bits));
    });
  }
  friend Block operator|(Block a, Block b) {
    for (unsigned i = 0; i < block_size; ++i)
      a.v_[i] = static_cast<std::uint8_t>(a.v_[i] | b.v_[i]);
    return a;
  }
  [[nodiscard]] unsigned mask() const {
    unsigned bits = 0;
    for (unsigned i = 0; i < block_size; ++i) bits |= static_cast<unsigned>(v_[i] >> 7) << i;
    return bits;
  }
  [[nodiscard]] std::uint64_t low() const {
    std::uint64_t word = 0;
    for (unsigned i = 0; i < 8; ++i) word |= static_cast<std::uint64_t>(v_[i]) << (8 * i);
    return word;
  }

 private:
  Block() = default;
  static std::uint8_t flag(bool set) {
    return set ? 0xff : 0;
  }
  template <class F>
  [[nodiscard]] Block each(F f) const {
    Block b;
    for (unsigned i = 0; i < block_size; ++i) b.v_[i] = f(v_[i]);
    return b;
  }
  std::array<std::uint8_t, block_size> v_;
#endif

 public:
  // The first `size` bytes, 1 to 15, of a text that may end there; the others are 0.
  static Block load_part(const char* p, std::size_t size) {
    if (size > 8) {
      const auto tail = word(p + size - 8) >> (8 * (block_size - size));
      return of(word(p), tail);
    }
    return of(load_word(p, size), 0);
  }
  // The same for 1 to 8 bytes, as one word whose lowest byte comes first.
  static std::uint64_t load_word(const char* p, std::size_t size) {
    if (size >= 4) return half(p) | half(p + size - 4) << (8 * (size - 4));
    const auto middle = size / 2, last = size - 1;
    return byte(p) | byte(p + middle) << (8 * middle) | byte(p + last) << (8 * last);
  }

 private:
  static std::uint64_t byte(const char* p) {
    return static_cast<unsigned char>(*p);
  }
  template <class Word>
  static std::uint64_t little(const char* p) {
    if constexpr (std::endian::native == std::endian::little) {
      Word w;
      std::memcpy(&w, p, sizeof w);
      return w;
    } else {
      std::uint64_t w = 0;
      for (unsigned i = 0; i < sizeof(Word); ++i) w |= byte(p + i) << (8 * i);
      return w;
    }
  }
  static std::uint64_t half(const char* p) {
    return little<std::uint32_t>(p);
  }
  static std::uint64_t word(const char* p) {
    return little<std::uint64_t>(p);
  }
};

// Where in [begin, end) the first byte stands for which `matches(Block)` has its byte set, else
// end.
template <class Matches>
[[nodiscard]] inline const char* find_if(const char* begin, const char* end, Matches matches) {
  const char* p = begin;
  for (; end - p >= 16; p += 16) {
    const auto hits = matches(Block::load(p)).mask();
    if (hits != 0) return p + std::countr_zero(hits);
  }
  const auto left = static_cast<std::size_t>(end - p);
  if (left == 0) return end;
  const auto hits = p != begin ? matches(Block::load(end - 16)).mask() >> (16 - left)
                               : matches(Block::load_part(p, left)).mask();
  return p + std::countr_zero(hits | 1u << left);
}

// The places of one character in a text, one after the other; 64 bytes are looked at at a time,
// and none before it is asked for.
class Places {
 public:
  Places(const char* begin, const char* end, char wanted)
      : begin_(begin), next_(begin), end_(end), wanted_(wanted) {}

  // nullptr when there is none any more.
  const char* next() {
    while (hits_ == 0) {
      if (next_ == end_) return nullptr;
      refill();
    }
    const char* const place = block_ + std::countr_zero(hits_);
    hits_ &= hits_ - 1;
    return place;
  }

 private:
  [[nodiscard]] std::uint64_t hits(const char* p) const {
    const auto part = [&](unsigned i) {
      return static_cast<std::uint64_t>(Block::load(p + 16 * i).equal(wanted_).mask()) << (16 * i);
    };
    return part(0) | part(1) | part(2) | part(3);
  }

  void refill() {
    const auto left = static_cast<std::size_t>(end_ - next_);
    block_ = next_;
    if (left >= 64) {
      hits_ = hits(block_);
      next_ += 64;
    } else if (end_ - begin_ >= 64) {
      hits_ = hits(end_ - 64) >> (64 - left);
      next_ = end_;
    } else {
      hits_ = *next_++ == wanted_;
    }
  }

  const char* begin_;
  const char* block_ = nullptr;
  const char* next_;
  const char* end_;
  std::uint64_t hits_ = 0;
  char wanted_;
};

}  // namespace sip::simd
