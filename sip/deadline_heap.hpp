// The deadlines of many things, and which comes first: a binary heap that knows where each thing
// stands in it, so that a deadline moves or goes in O(log n). Items are small indices.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "sip/time.hpp"

namespace sip {

class DeadlineHeap {
 public:
  // Sets or moves; `never` takes it out.
  void set(std::uint32_t item, TimePoint at);
  void remove(std::uint32_t item) { set(item, never); }

  bool empty() const { return heap_.empty(); }
  TimePoint next() const { return heap_.empty() ? never : heap_.front().at; }
  std::uint32_t first() const { return heap_.front().item; }  // not when empty

 private:
  struct Entry {
    TimePoint at;
    std::uint32_t item;
  };
  static constexpr std::uint32_t absent = ~std::uint32_t{0};

  void place(std::size_t position, Entry entry);
  void move_up(std::size_t position, Entry entry);
  void move_down(std::size_t position, Entry entry);
  void erase(std::size_t position);

  std::vector<Entry> heap_;
  std::vector<std::uint32_t> position_;  // by item
};

}  // namespace sip
