// A hash table that grows by one bucket at each insertion (linear hashing): it is never rehashed as
// a whole, so that no single message waits for it. Chains are linked through the entries' own
// slots.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace sip {

inline constexpr std::uint32_t no_entry = 0xffffffff;

// `Entries` says what an entry is: Handle, a value by which it is known; none, that of no entry;
// hash_of(handle), and next_of(handle), a reference to a Handle of the entry's own.
template <class Entries>
class GrowingIndex {
 public:
  using Handle = typename Entries::Handle;

  explicit GrowingIndex(Entries& entries) : entries_(entries) { add_segment(); }

  void insert(Handle entry) {
    auto& first = head(bucket_of(entries_.hash_of(entry)));
    entries_.next_of(entry) = first;
    first = entry;
    if (++size_ > buckets_) split();
  }
  void erase(Handle entry) {
    *link_to(entry, entries_.hash_of(entry)) = entries_.next_of(entry);
    --size_;
  }
  // The first entry with this hash that `matches(handle)`; none when there is none.
  template <class Matches>
  Handle find(std::uint32_t hash, Matches matches) const {
    auto entry = head(bucket_of(hash));
    while (entry != Entries::none && !(entries_.hash_of(entry) == hash && matches(entry)))
      entry = entries_.next_of(entry);
    return entry;
  }

 private:
  static constexpr std::uint32_t segment_size = 4096;

  std::uint32_t bucket_of(std::uint32_t hash) const {
    const auto bucket = hash & (2 * base_ - 1);
    return bucket < buckets_ ? bucket : bucket & (base_ - 1);
  }
  Handle& head(std::uint32_t bucket) const {
    return segments_[bucket / segment_size][bucket % segment_size];
  }
  Handle* link_to(Handle entry, std::uint32_t hash) {
    auto* link = &head(bucket_of(hash));
    while (*link != entry) link = &entries_.next_of(*link);
    return link;
  }
  void add_segment() {
    segments_.push_back(std::make_unique<Handle[]>(segment_size));
    std::fill_n(segments_.back().get(), segment_size, Entries::none);
  }
  void split() {
    const auto from = buckets_ - base_, to = buckets_;
    if (to / segment_size == segments_.size()) add_segment();
    auto entry = head(from);
    auto* keep = &head(from);
    auto* move = &head(to);
    while (entry != Entries::none) {
      auto*& tail = (entries_.hash_of(entry) & base_) != 0 ? move : keep;
      *tail = entry;
      tail = &entries_.next_of(entry);
      entry = *tail;
    }
    *keep = *move = Entries::none;
    if (++buckets_ == 2 * base_) base_ *= 2;
  }

  Entries& entries_;
  std::vector<std::unique_ptr<Handle[]>> segments_;
  std::uint32_t base_ = segment_size;     // a power of two
  std::uint32_t buckets_ = segment_size;  // base_ <= buckets_ < 2 * base_
  std::size_t size_ = 0;
};

// Things at numbers that do not change, in pieces: growing moves nothing.
template <class T, std::uint32_t piece = 2048>
class Slab {
 public:
  std::uint32_t take() {
    if (!free_.empty()) {
      const auto index = free_.back();
      free_.pop_back();
      return index;
    }
    if (size_ % piece == 0) pieces_.push_back(std::make_unique<T[]>(piece));
    return size_++;
  }
  void release(std::uint32_t index) {
    at(index) = T();
    free_.push_back(index);
  }
  T& at(std::uint32_t index) { return pieces_[index / piece][index % piece]; }
  const T& at(std::uint32_t index) const { return pieces_[index / piece][index % piece]; }

 private:
  std::vector<std::unique_ptr<T[]>> pieces_;
  std::vector<std::uint32_t> free_;
  std::uint32_t size_ = 0;
};

}  // namespace sip
