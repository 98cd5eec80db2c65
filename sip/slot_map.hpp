// Things named by an Id, at addresses that do not move. Freed slots are used again, so that what a
// thing has allocated (the strings in it) serves the next one.
#pragma once

#include <array>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "sip/ids.hpp"

namespace sip {

template <class T, class Tag>
class SlotMap {
 public:
  // The thing is as the slot's last owner left it: the caller resets what it uses.
  Id<Tag> take() {
    std::uint32_t index;
    if (free_.empty()) {
      index = static_cast<std::uint32_t>(count_);
      if (index % per_chunk == 0) chunks_.push_back(std::make_unique<Chunk>());
      ++count_;
    } else {
      index = free_.back();
      free_.pop_back();
    }
    auto& slot = slot_at(index);
    slot.live = true;
    ++size_;
    return {index, slot.generation};
  }
  void release(std::uint32_t index) {
    auto& slot = slot_at(index);
    assert(slot.live);
    slot.live = false;
    if (++slot.generation == 0) slot.generation = 1;
    free_.push_back(index);
    --size_;
  }

  // Null when the id names nothing that lives.
  T* find(Id<Tag> id) { return const_cast<T*>(std::as_const(*this).find(id)); }
  const T* find(Id<Tag> id) const {
    if (!id || id.index >= count_) return nullptr;
    const auto& slot = slot_at(id.index);
    return slot.live && slot.generation == id.generation ? &slot.value : nullptr;
  }
  T& at(std::uint32_t index) { return slot_at(index).value; }
  const T& at(std::uint32_t index) const { return slot_at(index).value; }
  Id<Tag> id_of(std::uint32_t index) const { return {index, slot_at(index).generation}; }
  bool live(std::uint32_t index) const { return slot_at(index).live; }

  std::size_t size() const { return size_; }         // that live
  std::size_t slot_count() const { return count_; }  // for walking by index

 private:
  static constexpr std::uint32_t per_chunk = 128;
  struct Slot {
    T value{};
    std::uint32_t generation = 1;
    bool live = false;
  };
  using Chunk = std::array<Slot, per_chunk>;

  Slot& slot_at(std::uint32_t index) { return (*chunks_[index / per_chunk])[index % per_chunk]; }
  const Slot& slot_at(std::uint32_t index) const {
    return (*chunks_[index / per_chunk])[index % per_chunk];
  }

  std::vector<std::unique_ptr<Chunk>> chunks_;
  std::vector<std::uint32_t> free_;
  std::size_t count_ = 0;
  std::size_t size_ = 0;
};

}  // namespace sip
