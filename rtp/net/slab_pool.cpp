#include "rtp/net/slab_pool.hpp"

namespace rtp::net {

// Slabs come back in about the order in which they went out, so the search begins where the last
// one ended.
SlabRef SlabPool::take() {
  for (std::size_t n = 0; n < slabs_.size(); ++n) {
    auto& slab = slabs_[next_];
    next_ = (next_ + 1) % slabs_.size();
    if (slab.unique()) return slab;
  }
  auto slab = SlabRef::allocate(slab_bytes_);
  if (slabs_.size() < keep_) slabs_.push_back(slab);
  return slab;
}

}  // namespace rtp::net
