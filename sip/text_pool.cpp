#include "sip/text_pool.hpp"

#include <stdlib.h>

#include <cstring>
#include <new>
#include <utility>

namespace sip {
namespace {

constexpr std::size_t alignment = 64 * 1024;
// A little less, so that the allocator's own words do not push the next slab 64 KB further.
constexpr std::size_t slab_bytes = alignment - 64;
constexpr std::size_t kept_spares = 16;

}  // namespace

// Stands at the start of its own memory: a block finds it by the alignment.
struct TextPool::Slab {
  struct Free {
    Free* next;
  };
  Free* free = nullptr;         // blocks that were given back
  std::uint32_t untouched = 0;  // offset of the first block that was never given out
  std::uint32_t block = 0;      // bytes of each
  std::uint32_t live = 0;
  std::uint32_t size_class = 0;
  bool listed = false;                        // in open_
  Slab *next = nullptr, *previous = nullptr;  // in open_, or in spare_

  char* start() { return reinterpret_cast<char*>(this); }
  bool full() const { return !free && untouched + block > slab_bytes; }
  static Slab* of(char* block) {
    return reinterpret_cast<Slab*>(reinterpret_cast<std::uintptr_t>(block) & ~(alignment - 1));
  }
};

TextPool::~TextPool() {
  while (spare_) ::free(std::exchange(spare_, spare_->next));
}

void TextPool::assign(PooledText& to, std::string_view text) {
  release(to);
  if (text.empty()) return;
  const auto size_class = (text.size() - 1) / step;
  to.data_ = size_class < classes ? take(size_class) : new char[text.size()];
  to.size_ = static_cast<std::uint32_t>(text.size());
  std::memcpy(to.data_, text.data(), text.size());
}

void TextPool::release(PooledText& text) {
  if (!text.data_) return;
  if (text.size_ <= largest) {
    give_back(text.data_);
  } else {
    delete[] text.data_;
  }
  text = {};
}

char* TextPool::take(std::size_t size_class) {
  auto* slab = open_[size_class] ? open_[size_class] : open_slab(size_class);
  char* block = nullptr;
  if (slab->free) {
    block = reinterpret_cast<char*>(slab->free);
    slab->free = slab->free->next;
  } else {
    block = slab->start() + slab->untouched;
    slab->untouched += slab->block;
  }
  ++slab->live;
  if (slab->full()) unlink(slab);
  return block;
}

void TextPool::give_back(char* block) {
  auto* slab = Slab::of(block);
  slab->free = new (block) Slab::Free{slab->free};
  if (--slab->live == 0) return close_slab(slab);
  if (!slab->listed) link(slab);
}

TextPool::Slab* TextPool::open_slab(std::size_t size_class) {
  void* memory = spare_;
  if (spare_) {
    spare_ = spare_->next;
    --spares_;
  } else {
    if (::posix_memalign(&memory, alignment, slab_bytes) != 0) throw std::bad_alloc();
    ++slabs_;
  }
  auto* slab = new (memory) Slab;
  slab->size_class = static_cast<std::uint32_t>(size_class);
  slab->block = static_cast<std::uint32_t>((size_class + 1) * step);
  slab->untouched = (sizeof(Slab) + step - 1) / step * step;
  link(slab);
  return slab;
}

// Nothing lives in it: the next may be of another size, and few are kept.
void TextPool::close_slab(Slab* slab) {
  if (slab->listed) unlink(slab);
  if (spares_ == kept_spares) {
    ::free(slab);
    --slabs_;
    return;
  }
  slab->next = spare_;
  spare_ = slab;
  ++spares_;
}

void TextPool::link(Slab* slab) {
  auto*& first = open_[slab->size_class];
  slab->next = first;
  slab->previous = nullptr;
  if (first) first->previous = slab;
  first = slab;
  slab->listed = true;
}

void TextPool::unlink(Slab* slab) {
  (slab->previous ? slab->previous->next : open_[slab->size_class]) = slab->next;
  if (slab->next) slab->next->previous = slab->previous;
  slab->listed = false;
}

}  // namespace sip
