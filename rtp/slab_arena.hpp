// Where large slabs lie: in huge pages, side by side, the one that was freed last is taken first.
// Media goes through some hundred megabytes of slabs in turn, and with small pages each packet
// would cost misses of the address translation. Thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>

namespace rtp {

class SlabArena {
 public:
  static constexpr std::size_t region_bytes = 2 << 20;    // one huge page
  static constexpr std::size_t block_bytes = 65536 + 64;  // a slab of 64 KiB
  static constexpr std::uint32_t blocks_per_region = (region_bytes - 64) / block_bytes;

  SlabArena() = default;
  SlabArena(const SlabArena&) = delete;
  SlabArena& operator=(const SlabArena&) = delete;
  ~SlabArena();  // all blocks must be back

  // The one that all slabs share.
  static SlabArena& of_process();

  // block_bytes at an address that is a multiple of 64. Throws std::bad_alloc.
  void* take();
  void give_back(void* block) noexcept;

  std::size_t regions() const;

 private:
  struct Region;
  Region* map_region();
  void link(Region* region);
  void unlink(Region* region);

  mutable std::mutex mutex_;
  Region* with_room_ = nullptr;  // a list
  std::size_t regions_ = 0;
};

}  // namespace rtp
