#include "rtp/slab_arena.hpp"

#include <sys/mman.h>

#include <new>

namespace rtp {

// Stands at the begin of its own memory, whose address is a multiple of its size.
struct SlabArena::Region {
  Region* next = nullptr;  // with room
  Region* previous = nullptr;
  void* free = nullptr;     // blocks that came back, each with the address of the next in it
  std::uint32_t taken = 0;  // blocks that are out
  std::uint32_t begun = 0;  // blocks that were out at least once
};

namespace {

constexpr std::size_t header_bytes = 64;

std::uintptr_t address_of(void* memory) {
  return reinterpret_cast<std::uintptr_t>(memory);
}

// Twice the size is asked for, and what lies outside of the aligned part given back.
void* map_aligned(std::size_t bytes) {
  void* const all =
      ::mmap(nullptr, 2 * bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (all == MAP_FAILED) throw std::bad_alloc();
  auto* const begin = static_cast<std::byte*>(all);
  const auto before = (bytes - address_of(all) % bytes) % bytes;
  if (before > 0) ::munmap(begin, before);
  if (before < bytes) ::munmap(begin + before + bytes, bytes - before);
  ::madvise(begin + before, bytes, MADV_HUGEPAGE);  // not everywhere possible: then small pages do
  return begin + before;
}

}  // namespace

SlabArena& SlabArena::of_process() {
  static auto* const arena = new SlabArena;  // slabs may outlive all other statics
  return *arena;
}

SlabArena::~SlabArena() {
  while (auto* const region = with_room_) {
    unlink(region);
    ::munmap(region, region_bytes);
  }
}

SlabArena::Region* SlabArena::map_region() {
  auto* const region = new (map_aligned(region_bytes)) Region;
  ++regions_;
  link(region);
  return region;
}

void SlabArena::link(Region* region) {
  region->previous = nullptr;
  region->next = with_room_;
  if (with_room_) with_room_->previous = region;
  with_room_ = region;
}

void SlabArena::unlink(Region* region) {
  if (region->next) region->next->previous = region->previous;
  (region->previous ? region->previous->next : with_room_) = region->next;
}

void* SlabArena::take() {
  const std::lock_guard lock(mutex_);
  auto* const region = with_room_ ? with_room_ : map_region();
  void* block = region->free;
  if (block) {
    region->free = *static_cast<void**>(block);
  } else {
    block = reinterpret_cast<std::byte*>(region) + header_bytes + region->begun++ * block_bytes;
  }
  if (++region->taken == blocks_per_region) unlink(region);
  return block;
}

void SlabArena::give_back(void* block) noexcept {
  const std::lock_guard lock(mutex_);
  auto* const region = reinterpret_cast<Region*>(address_of(block) & ~(region_bytes - 1));
  *static_cast<void**>(block) = region->free;
  region->free = block;
  if (region->taken-- == blocks_per_region) link(region);
  const bool only_one = !region->next && !region->previous;
  if (region->taken > 0 || only_one) return;
  unlink(region);
  ::munmap(region, region_bytes);
  --regions_;
}

std::size_t SlabArena::regions() const {
  const std::lock_guard lock(mutex_);
  return regions_;
}

}  // namespace rtp
