// Things named by an Id, at addresses that do not move. Freed slots are used again, so that what a
// thing has allocated (the strings in it) serves the next one.
#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <deque>
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
      index = static_cast<std::uint32_t>(slots_.size());
      slots_.emplace_back();
    } else {
      index = free_.back();
      free_.pop_back();
    }
    slots_[index].live = true;
    ++size_;
    return {index, slots_[index].generation};
  }
  void release(std::uint32_t index) {
    auto& slot = slots_[index];
    assert(slot.live);
    slot.live = false;
    if (++slot.generation == 0) slot.generation = 1;
    free_.push_back(index);
    --size_;
  }

  // Null when the id names nothing that lives.
  T* find(Id<Tag> id) {
    if (!id || id.index >= slots_.size()) return nullptr;
    auto& slot = slots_[id.index];
    return slot.live && slot.generation == id.generation ? &slot.value : nullptr;
  }
  T& at(std::uint32_t index) { return slots_[index].value; }
  Id<Tag> id_of(std::uint32_t index) const { return {index, slots_[index].generation}; }
  bool live(std::uint32_t index) const { return slots_[index].live; }

  std::size_t size() const { return size_; }                // that live
  std::size_t slot_count() const { return slots_.size(); }  // for walking by index

 private:
  struct Slot {
    T value{};
    std::uint32_t generation = 1;
    bool live = false;
  };
  std::deque<Slot> slots_;
  std::vector<std::uint32_t> free_;
  std::size_t size_ = 0;
};

}  // namespace sip
