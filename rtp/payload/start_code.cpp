#include "rtp/payload/start_code.hpp"

#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace rtp::payload {
namespace {

// The search goes block by block: 00 00 is rare in coded media, so that nearly every block costs
// the same few instructions and no branch that would be guessed wrongly.
constexpr std::size_t block_bytes = 64;

// The first block at or behind `at` where 00 00 begins, as far as blocks (and the byte behind them)
// are whole.
#if defined(__x86_64__)

std::size_t skip_blocks_sse2(const std::uint8_t* b, std::size_t at, std::size_t size) {
  const auto pairs = [](const std::uint8_t* from) {
    const auto here = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
    const auto next = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + 1));
    return _mm_or_si128(here, next);
  };
  for (; at + block_bytes < size; at += block_bytes) {
    const auto low = _mm_min_epu8(pairs(b + at), pairs(b + at + 16));
    const auto high = _mm_min_epu8(pairs(b + at + 32), pairs(b + at + 48));
    const auto zeros = _mm_cmpeq_epi8(_mm_min_epu8(low, high), _mm_setzero_si128());
    if (_mm_movemask_epi8(zeros) != 0) break;
  }
  return at;
}

__attribute__((target("avx2"))) std::size_t skip_blocks_avx2(const std::uint8_t* b, std::size_t at,
                                                             std::size_t size) {
  for (; at + block_bytes < size; at += block_bytes) {
    const auto* const from = reinterpret_cast<const __m256i*>(b + at);
    const auto* const next = reinterpret_cast<const __m256i*>(b + at + 1);
    const auto low = _mm256_or_si256(_mm256_loadu_si256(from), _mm256_loadu_si256(next));
    const auto high = _mm256_or_si256(_mm256_loadu_si256(from + 1), _mm256_loadu_si256(next + 1));
    const auto zeros = _mm256_cmpeq_epi8(_mm256_min_epu8(low, high), _mm256_setzero_si256());
    if (_mm256_movemask_epi8(zeros) != 0) break;
  }
  return at;
}

std::size_t skip_blocks(const std::uint8_t* b, std::size_t at, std::size_t size) {
  static const bool has_avx2 = __builtin_cpu_supports("avx2") != 0;
  return has_avx2 ? skip_blocks_avx2(b, at, size) : skip_blocks_sse2(b, at, size);
}

#else

std::size_t skip_blocks(const std::uint8_t* b, std::size_t at, std::size_t size) {
  for (; at + block_bytes < size; at += block_bytes)
    if (std::memchr(b + at, 0, block_bytes)) break;
  return at;
}

#endif

}  // namespace

std::size_t find_start_code(std::span<const std::uint8_t> bytes, std::size_t from) {
  const auto* const b = bytes.data();
  const auto size = bytes.size();
  for (auto at = from; at + 2 < size;) {
    at = skip_blocks(b, at, size);
    // The rest as a whole block again, some of it a second time.
    const bool rest = at + block_bytes >= size;
    if (rest && size > from + block_bytes &&
        skip_blocks(b, size - block_bytes - 1, size) != size - block_bytes - 1)
      break;
    for (const auto end = at + block_bytes; at < end && at + 2 < size; ++at)
      if (b[at] == 0 && b[at + 1] == 0 && b[at + 2] == 1) return at;
  }
  return size;
}

}  // namespace rtp::payload
