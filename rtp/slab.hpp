// Memory that media bytes live in from the socket they came from to the last socket they leave by.
//
// A Slab is one reference-counted block; a Slice is a view of some of its bytes that keeps it
// alive. Demuxers and packetizers hand slices on and never copy what they point to.
// Pure: no I/O. Counting is not atomic: a slab and all slices of it belong to one thread.
#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <span>
#include <utility>

namespace rtp {

// One block; the bytes follow the header in the same allocation.
class Slab {
 public:
  std::uint8_t* data() { return reinterpret_cast<std::uint8_t*>(this + 1); }
  const std::uint8_t* data() const { return reinterpret_cast<const std::uint8_t*>(this + 1); }
  std::size_t capacity() const { return capacity_; }

 private:
  friend class SlabRef;
  explicit Slab(std::size_t capacity) : capacity_(capacity) {}
  std::uint32_t references_ = 1;
  std::size_t capacity_;
};

// Owns one reference to a Slab. A moved-from or default one holds nothing.
class SlabRef {
 public:
  SlabRef() = default;
  static SlabRef allocate(std::size_t capacity);
  SlabRef(const SlabRef& other) : slab_(other.slab_) {
    if (slab_) ++slab_->references_;
  }
  SlabRef(SlabRef&& other) noexcept : slab_(std::exchange(other.slab_, nullptr)) {}
  SlabRef& operator=(const SlabRef& other) { return *this = SlabRef(other); }
  SlabRef& operator=(SlabRef&& other) noexcept {
    auto* const slab = std::exchange(other.slab_, nullptr);
    release();
    slab_ = slab;
    return *this;
  }
  ~SlabRef() { release(); }

  explicit operator bool() const { return slab_ != nullptr; }
  Slab* operator->() const { return slab_; }
  Slab& operator*() const { return *slab_; }
  // True when nobody else holds the slab, so that its bytes may be written again.
  bool unique() const { return slab_ && slab_->references_ == 1; }

 private:
  explicit SlabRef(Slab* slab) : slab_(slab) {}
  void release() noexcept {
    if (slab_ && --slab_->references_ == 0) free(slab_);
    slab_ = nullptr;
  }
  static void free(Slab* slab) noexcept;
  Slab* slab_ = nullptr;
};

// Some bytes of a slab. Valid for as long as it lives; copying costs one counter.
struct Slice {
  SlabRef owner;
  const std::uint8_t* data = nullptr;
  std::uint32_t size = 0;
  // So many bytes in front of `data` nobody needs any more: whoever takes the slice on may write a
  // header there.
  std::uint32_t headroom = 0;

  bool empty() const { return size == 0; }
  std::span<const std::uint8_t> bytes() const { return {data, size}; }
  // What lies in front of a later part is somebody's.
  Slice sub(std::size_t offset) const { return sub(offset, size - offset); }
  Slice sub(std::size_t offset, std::size_t length) const {
    assert(offset + length <= size);
    return {owner, data + offset, static_cast<std::uint32_t>(length), offset == 0 ? headroom : 0};
  }
  // A slice of its own memory that holds a copy of `bytes`; for parameter sets and tests.
  static Slice copy_of(std::span<const std::uint8_t> bytes) {
    Slice slice{SlabRef::allocate(bytes.size()), nullptr, static_cast<std::uint32_t>(bytes.size()),
                0};
    if (!bytes.empty()) std::memcpy(slice.owner->data(), bytes.data(), bytes.size());
    slice.data = slice.owner->data();
    return slice;
  }
};

}  // namespace rtp
