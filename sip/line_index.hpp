// A hash table of pointers that grows by one bucket at a time (linear hashing), so that no single
// message waits for it. A bucket is one line of the cache and holds the hashes beside the pointers:
// looking for what is not there, inserting and growing touch nothing that is pointed to.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "sip/growing_index.hpp"

namespace sip {

// What `Entry` is, it does not know. Pointers are not null, and each is inserted once.
template <class Entry>
class LineIndex {
 public:
  LineIndex() { add_segment(); }

  void insert(std::uint32_t hash, Entry* entry) {
    append(bucket(number_of(hash)), hash, entry);
    if (++size_ > std::size_t{entries_per_bucket} * buckets_) split();
  }
  void erase(std::uint32_t hash, const Entry* entry) {
    const auto [line, i] = place_of(hash, entry);
    fill_gap(bucket(number_of(hash)), *line, i);
    --size_;
  }
  // The entry has moved.
  void replace(std::uint32_t hash, const Entry* from, Entry* to) {
    const auto [line, i] = place_of(hash, from);
    line->entries[i] = to;
  }
  // One with this hash that `matches(entry)`; null when there is none.
  template <class Matches>
  Entry* find(std::uint32_t hash, Matches matches) const {
    for (const auto* line = &bucket(number_of(hash)); line; line = next(*line))
      for (std::size_t i = 0; i < width && line->entries[i]; ++i)
        if (line->hashes[i] == hash && matches(line->entries[i])) return line->entries[i];
    return nullptr;
  }

  // Where a look-up will begin, to be fetched before it is needed.
  const void* line_of(std::uint32_t hash) const { return &bucket(number_of(hash)); }

  // For walking: calls use(entry) for all in the bucket of this hash, and how many low bits of
  // their hashes these have in common. Buckets taken by their bits reversed keep their order when
  // they split.
  template <class Use>
  void for_each_in_bucket(std::uint32_t hash, Use use) const {
    for (const auto* line = &bucket(number_of(hash)); line; line = next(*line))
      for (std::size_t i = 0; i < width && line->entries[i]; ++i) use(line->entries[i]);
  }
  int common_bits(std::uint32_t hash) const {
    const auto number = number_of(hash);
    const bool is_split = number >= base_ || number < buckets_ - base_;
    return std::countr_zero(base_) + (is_split ? 1 : 0);
  }

 private:
  static constexpr std::size_t width = 5;
  // Buckets that are still to be split hold up to twice as many.
  static constexpr std::uint32_t entries_per_bucket = 2;
  static constexpr std::uint32_t segment_size = 512;

  // Filled from the front; only the last of a chain has free places.
  struct alignas(64) Line {
    std::array<std::uint32_t, width> hashes{};
    std::uint32_t more = no_entry;  // of spare_
    std::array<Entry*, width> entries{};

    std::size_t count() const {
      std::size_t n = 0;
      while (n < width && entries[n]) ++n;
      return n;
    }
  };

  std::uint32_t number_of(std::uint32_t hash) const {
    const auto number = hash & (2 * base_ - 1);
    return number < buckets_ ? number : number & (base_ - 1);
  }
  Line& bucket(std::uint32_t number) const {
    return segments_[number / segment_size][number % segment_size];
  }
  Line* next(const Line& line) const {
    return line.more == no_entry ? nullptr : const_cast<Line*>(&spare_.at(line.more));
  }

  // Of an entry that is there.
  std::pair<Line*, std::size_t> place_of(std::uint32_t hash, const Entry* entry) {
    for (auto* line = &bucket(number_of(hash));; line = next(*line))
      for (std::size_t i = 0; i < width; ++i)
        if (line->entries[i] == entry) return {line, i};
  }
  void append(Line& first, std::uint32_t hash, Entry* entry) {
    auto* line = &first;
    while (line->more != no_entry) line = next(*line);
    auto i = line->count();
    if (i == width) {
      const auto more = spare_.take();
      line->more = more;
      line = &spare_.at(more);
      i = 0;
    }
    line->hashes[i] = hash;
    line->entries[i] = entry;
  }
  // Puts the last entry of the chain in the place of another, or of itself.
  void fill_gap(Line& first, Line& line, std::size_t i) {
    Line *last = &first, *before = nullptr;
    for (; last->more != no_entry; last = next(*last)) before = last;
    const auto end = last->count() - 1;
    line.hashes[i] = last->hashes[end];
    line.entries[i] = last->entries[end];
    last->entries[end] = nullptr;
    if (end > 0 || !before) return;
    spare_.release(std::exchange(before->more, no_entry));
  }

  void add_segment() { segments_.push_back(std::make_unique<Line[]>(segment_size)); }
  void split() {
    auto &keep = bucket(buckets_ - base_), &move = bucket_after_the_last();
    for (auto line = std::exchange(keep, {});;) {
      for (std::size_t i = 0, n = line.count(); i < n; ++i)
        append((line.hashes[i] & base_) != 0 ? move : keep, line.hashes[i], line.entries[i]);
      const auto more = line.more;
      if (more == no_entry) break;
      line = spare_.at(more);
      spare_.release(more);
    }
    if (++buckets_ == 2 * base_) base_ *= 2;
    __builtin_prefetch(&bucket(buckets_ - base_), 1);  // of the next split
  }
  Line& bucket_after_the_last() {
    if (buckets_ / segment_size == segments_.size()) add_segment();
    return bucket(buckets_);
  }

  std::vector<std::unique_ptr<Line[]>> segments_;
  Slab<Line, 64> spare_;                  // what buckets hold beyond their first line
  std::uint32_t base_ = segment_size;     // a power of two
  std::uint32_t buckets_ = segment_size;  // base_ <= buckets_ < 2 * base_
  std::size_t size_ = 0;
};

}  // namespace sip
