// The deadlines of very many things that wait for one of few durations, as transactions do (64*T1,
// T4, ...): queues instead of a heap. Time goes on, so what waits equally long ends in the order in
// which it began: each duration finds a queue of its own, where a deadline is set and met in O(1)
// and in the order of memory. Deadlines that fit no queue go to a heap. Items are small indices.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "sip/time.hpp"

namespace sip {

class DeadlineQueue {
 public:
  // Sets or moves; `never` takes it out. A later deadline costs nothing until the earlier one, for
  // which the item stands in a queue, has passed.
  void set(std::uint32_t item, TimePoint at);
  void remove(std::uint32_t item) { set(item, never); }

  // The earliest, exactly; `never` when there is none.
  TimePoint next();
  // Whose it is, after next() has told a time.
  std::uint32_t first() const { return first_; }

  std::size_t entries() const;  // in the queues: what it costs

 private:
  struct Entry {
    TimePoint at;
    std::uint32_t item;
  };
  // Entries in a ring that grows, and that lets its memory go when a burst is over.
  class Fifo {
   public:
    bool empty() const { return size_ == 0; }
    std::size_t size() const { return size_; }
    const Entry& front() const { return ring_[begin_]; }
    void push(const Entry& entry);
    void pop();
    template <class Keep>
    void filter(Keep&& keep);

   private:
    std::vector<Entry> ring_;  // a power of two
    std::size_t begin_ = 0;
    std::size_t size_ = 0;
  };
  struct Item {
    TimePoint due = never;     // as it was set
    TimePoint queued = never;  // of its entry: not later than `due`; `never`: it has none
  };
  static constexpr std::size_t most_queues = 24;

  void enqueue(std::uint32_t item, TimePoint at);
  bool holds(const Entry& entry) const;  // it says what is due
  void put_back(const Entry& entry);     // one that was taken out: where it belongs now
  void settle_fronts();
  void forget_stale();

  std::vector<Item> items_;
  std::array<Fifo, most_queues> queues_;
  std::array<TimePoint, most_queues> last_{};  // pushed to each queue
  std::size_t used_ = 0;
  std::vector<Entry> heap_;
  std::uint32_t first_ = 0;
  std::size_t stale_ = 0;  // entries whose item has moved to an earlier one
};

}  // namespace sip
