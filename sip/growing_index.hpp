// A hash table that grows by one bucket at each insertion (linear hashing): it is never rehashed as
// a whole, so that no single message waits for it. Chains are linked through the entries' own
// slots.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace sip {

inline constexpr std::uint32_t no_entry = 0xffffffff;

// `Entries`: hash_of(index) and next_of(index), a reference, for any index that was inserted.
template <class Entries>
class GrowingIndex {
 public:
  explicit GrowingIndex(Entries& entries) : entries_(entries) { add_segment(); }

  void insert(std::uint32_t index) {
    auto& first = head(bucket_of(entries_.hash_of(index)));
    entries_.next_of(index) = first;
    first = index;
    if (++size_ > buckets_) split();
  }
  void erase(std::uint32_t index) {
    auto* link = &head(bucket_of(entries_.hash_of(index)));
    while (*link != index) link = &entries_.next_of(*link);
    *link = entries_.next_of(index);
    --size_;
  }
  // The first entry with this hash that `matches(index)`; no_entry when there is none.
  template <class Matches>
  std::uint32_t find(std::uint32_t hash, Matches matches) const {
    auto index = head(bucket_of(hash));
    while (index != no_entry && !(entries_.hash_of(index) == hash && matches(index)))
      index = entries_.next_of(index);
    return index;
  }

  // For walking: the chain that holds this hash, and how many low bits of the hash all its entries
  // have in common. Buckets taken by their bits reversed keep their order when they split.
  std::uint32_t chain(std::uint32_t hash) const { return head(bucket_of(hash)); }
  int common_bits(std::uint32_t hash) const {
    const auto bucket = bucket_of(hash);
    const bool is_split = bucket >= base_ || bucket < buckets_ - base_;
    return std::countr_zero(base_) + (is_split ? 1 : 0);
  }

 private:
  static constexpr std::uint32_t segment_size = 4096;

  std::uint32_t bucket_of(std::uint32_t hash) const {
    const auto bucket = hash & (2 * base_ - 1);
    return bucket < buckets_ ? bucket : bucket & (base_ - 1);
  }
  std::uint32_t& head(std::uint32_t bucket) const {
    return segments_[bucket / segment_size][bucket % segment_size];
  }
  void add_segment() {
    segments_.push_back(std::make_unique<std::uint32_t[]>(segment_size));
    for (std::uint32_t i = 0; i < segment_size; ++i) segments_.back()[i] = no_entry;
  }
  void split() {
    const auto from = buckets_ - base_, to = buckets_;
    if (to / segment_size == segments_.size()) add_segment();
    auto index = head(from);
    auto* keep = &head(from);
    auto* move = &head(to);
    while (index != no_entry) {
      auto*& tail = (entries_.hash_of(index) & base_) != 0 ? move : keep;
      *tail = index;
      tail = &entries_.next_of(index);
      index = *tail;
    }
    *keep = *move = no_entry;
    if (++buckets_ == 2 * base_) base_ *= 2;
  }

  Entries& entries_;
  std::vector<std::unique_ptr<std::uint32_t[]>> segments_;
  std::uint32_t base_ = segment_size;     // a power of two
  std::uint32_t buckets_ = segment_size;  // base_ <= buckets_ < 2 * base_
  std::size_t size_ = 0;
};

// Things at numbers that do not change, in pieces: growing moves nothing.
template <class T>
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
  static constexpr std::uint32_t piece = 2048;
  std::vector<std::unique_ptr<T[]>> pieces_;
  std::vector<std::uint32_t> free_;
  std::uint32_t size_ = 0;
};

}  // namespace sip
