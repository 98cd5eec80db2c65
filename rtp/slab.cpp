#include "rtp/slab.hpp"

#include "rtp/slab_arena.hpp"

namespace rtp {
namespace {

// The small ones hold a parameter set or a large datagram. Under AddressSanitizer each has memory
// of its own, so that it sees who reads beyond.
bool lies_in_arena([[maybe_unused]] std::size_t bytes) {
#ifdef __SANITIZE_ADDRESS__
  return false;
#else
  return bytes <= SlabArena::block_bytes && bytes > SlabArena::block_bytes / 2;
#endif
}

}  // namespace

SlabRef SlabRef::allocate(std::size_t capacity) {
  const auto bytes = sizeof(Slab) + capacity;
  void* const memory =
      lies_in_arena(bytes) ? SlabArena::of_process().take() : ::operator new(bytes);
  return SlabRef(new (memory) Slab(capacity));
}

void SlabRef::free(Slab* slab) noexcept {
  const bool in_arena = lies_in_arena(sizeof(Slab) + slab->capacity_);
  slab->~Slab();
  if (in_arena)
    SlabArena::of_process().give_back(slab);
  else
    ::operator delete(slab);
}

}  // namespace rtp
