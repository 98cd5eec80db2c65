#include "sip/nonce_table.hpp"

#include <algorithm>
#include <bit>

namespace sip {

NonceTable::NonceTable(std::size_t size)
    : mask_(static_cast<std::uint32_t>(
          std::bit_ceil(std::clamp<std::size_t>(size, piece, std::size_t{1} << 26)) - 1)),
      pieces_((mask_ + std::size_t{1}) / piece) {}

NonceTable::Slot& NonceTable::slot_of(std::uint32_t number) {
  const auto place = number & mask_;
  auto& slots = pieces_[place / piece];
  if (!slots) slots = std::make_unique<Slot[]>(piece);
  auto& slot = slots[place % piece];
  if (slot.number != number) slot = {number, 0, 0, 0};
  return slot;
}

NonceTable::Use NonceTable::use(std::uint32_t number, std::uint32_t count,
                                std::uint32_t fingerprint) {
  if (next_ - number - 1 > mask_) return Use::forgotten;
  auto& slot = slot_of(number);
  if (count > slot.last) {
    const auto ahead = count - slot.last;
    slot.used = (ahead < 32 ? slot.used << ahead : 0) | 1;
    slot.last = count;
    slot.fingerprint = fingerprint;
    return Use::fresh;
  }
  if (count == slot.last && count != 0 && slot.fingerprint == fingerprint) return Use::repeated;
  const auto behind = slot.last - count;
  if (count == 0 || behind >= 32 || (slot.used >> behind & 1) != 0) return Use::replayed;
  slot.used |= 1u << behind;
  return Use::fresh;
}

}  // namespace sip
