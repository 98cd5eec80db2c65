// Which nonce counts have been used (RFC 7616 3.4, nc): of the last so many nonces that were given
// out. A nonce is known by its number; one that is never used costs nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace sip {

class NonceTable {
 public:
  // `size`: how many are remembered, rounded up to a power of two; 16 bytes each, when used.
  explicit NonceTable(std::size_t size);

  // The number of the next nonce.
  std::uint32_t issue() { return next_++; }

  enum class Use : std::uint8_t {
    fresh,      // this count has not been used, and now it is
    repeated,   // it was the last, by a request with the same fingerprint: a retransmission
    replayed,   // it has been used, or is too far behind to tell
    forgotten,  // too many nonces were given out since
  };
  // A number that use() may be called with in a moment: fetched from memory meanwhile.
  void expect(std::uint32_t number) const {
    const auto place = number & mask_;
    if (const auto& slots = pieces_[place / piece]) __builtin_prefetch(&slots[place % piece], 1);
  }
  // Only for requests whose password was right. Counts may overtake each other by 31.
  Use use(std::uint32_t number, std::uint32_t count, std::uint32_t fingerprint);

 private:
  struct Slot {
    std::uint32_t number = 0;
    std::uint32_t last = 0;  // the highest count; 0: none
    std::uint32_t used = 0;  // bit n: last - n was used
    std::uint32_t fingerprint = 0;
  };
  static constexpr std::size_t piece = 1024;

  Slot& slot_of(std::uint32_t number);

  std::uint32_t mask_;
  std::uint32_t next_ = 0;
  std::vector<std::unique_ptr<Slot[]>> pieces_;
};

}  // namespace sip
