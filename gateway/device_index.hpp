// Devices by their ids, for the look-up that each keepalive needs: one line of memory, where a map
// of strings needs four. Grows, never shrinks.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "gateway/device.hpp"

namespace gateway {

class DeviceIndex {
 public:
  // Null when there is none.
  Device* find(std::string_view id) const {
    for (auto at = start(id);; at = next(at)) {
      const auto& slot = slots_[at];
      if (!slot.device || slot.names(id)) return slot.device;
    }
  }
  // `device` must outlive the index; its id must be new.
  void add(Device& device) {
    if (++size_ * 2 > slots_.size()) grow();
    put(Slot(device));
  }

 private:
  struct Slot {
    Slot() = default;
    explicit Slot(Device& of) : size(static_cast<std::uint8_t>(of.id().size())), device(&of) {
      std::copy_n(of.id().begin(), std::min(of.id().size(), text.size()), text.begin());
    }
    // Ids have 20 digits; what is longer than fits here is asked of the device.
    bool names(std::string_view id) const {
      if (id.size() != size) return false;
      if (id.size() > text.size()) return device->id() == id;
      return std::equal(id.begin(), id.end(), text.begin());
    }

    std::array<char, 23> text{};
    std::uint8_t size = 0;  // of an id: 32 at most (gb28181::DeviceId)
    Device* device = nullptr;
  };
  static_assert(sizeof(Slot) == 32);

  std::size_t start(std::string_view id) const {
    return std::hash<std::string_view>()(id) & (slots_.size() - 1);
  }
  std::size_t next(std::size_t at) const { return (at + 1) & (slots_.size() - 1); }
  void put(const Slot& slot) {
    auto at = start(slot.device->id());
    while (slots_[at].device) at = next(at);
    slots_[at] = slot;
  }
  void grow() {
    std::vector<Slot> old(slots_.size() * 2);
    old.swap(slots_);
    for (const auto& slot : old)
      if (slot.device) put(slot);
  }

  std::vector<Slot> slots_ = std::vector<Slot>(64);  // a power of two; half of them free
  std::size_t size_ = 0;
};

}  // namespace gateway
