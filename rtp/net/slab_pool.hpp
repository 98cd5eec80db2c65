// Receive memory that is used again once nobody holds a slice of it. Belongs to one thread, as the
// slices it led to.
#pragma once

#include <cstddef>
#include <vector>

#include "rtp/slab.hpp"

namespace rtp::net {

class SlabPool {
 public:
  // Remembers `keep` slabs at most; beyond it a slab is freed when its last slice goes.
  explicit SlabPool(std::size_t slab_bytes, std::size_t keep = 32)
      : slab_bytes_(slab_bytes), keep_(keep) {}

  // A slab that nobody else holds.
  SlabRef take();
  std::size_t slab_bytes() const { return slab_bytes_; }

 private:
  std::size_t slab_bytes_, keep_;
  std::vector<SlabRef> slabs_;
  std::size_t next_ = 0;
};

}  // namespace rtp::net
