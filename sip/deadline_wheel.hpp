// Which entries are to be looked at when: one list a second for the next hour or so. Lists are
// linked through the entries, so that an entry costs 12 bytes and moving one costs no search.
//
// Lazy: what is due later than scheduled stays where it is and is scheduled anew when its turn
// comes, so that refreshing a registration touches no list.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "sip/growing_index.hpp"
#include "sip/time.hpp"

namespace sip {

struct WheelLinks {
  std::uint32_t next = no_entry, previous = no_entry;
  std::uint32_t second = 0;  // where it hangs; 0: nowhere
};

// `Entries`: links_of(index), a reference to WheelLinks.
template <class Entries>
class DeadlineWheel {
 public:
  explicit DeadlineWheel(Entries& entries) : entries_(entries) { heads_.fill(no_entry); }

  // `index` is to be looked at when `when` has passed, or some time before. Where it hangs then,
  // for is_before().
  std::uint32_t schedule(std::uint32_t index, TimePoint when) {
    const auto second = place_of(when);
    auto& links = entries_.links_of(index);
    if (links.second != 0 && links.second <= second) return links.second;
    remove(index);
    hang(index, links, second);
    return second;
  }
  // Whether schedule() would move what hangs at `second`.
  bool is_before(TimePoint when, std::uint32_t second) const { return place_of(when) < second; }
  void remove(std::uint32_t index) {
    auto& links = entries_.links_of(index);
    if (links.second == 0) return;
    const auto slot = links.second % size;
    (links.previous == no_entry ? heads_[slot] : entries_.links_of(links.previous).next) =
        links.next;
    if (links.next != no_entry) entries_.links_of(links.next).previous = links.previous;
    if (heads_[slot] == no_entry) occupied_[slot / 64] &= ~(1ull << slot % 64);
    links = {};
  }

  // Takes one entry whose second has passed off the wheel; no_entry when there is none.
  std::uint32_t take_due(TimePoint now) {
    const auto second = second_of(now);
    if (second > cursor_ + size) cursor_ = second - size;  // all that hang are due
    while (cursor_ <= second) {
      const auto index = heads_[cursor_ % size];
      if (index != no_entry) {
        remove(index);
        return index;
      }
      const auto skipped = distance_to_occupied();
      if (cursor_ + skipped > second) break;
      cursor_ += skipped;
    }
    cursor_ = second < cursor_ ? cursor_ : second;
    soonest_ = empty() ? 0 : cursor_ + distance_to_occupied();
    return no_entry;
  }
  // `never` when nothing hangs here.
  TimePoint next() const {
    return soonest_ == 0 ? never : TimePoint(std::chrono::seconds(soonest_));
  }

 private:
  static constexpr std::uint32_t size = 4096;

  static std::uint32_t second_of(TimePoint t) {
    using std::chrono::seconds;
    const auto count = std::chrono::floor<seconds>(t.time_since_epoch()).count();
    return count < 1 ? 1 : static_cast<std::uint32_t>(count < 0x7fffffff ? count : 0x7fffffff);
  }
  static std::uint32_t second_after(TimePoint t) {
    return second_of(t) + (t.time_since_epoch() % std::chrono::seconds(1) > Duration::zero());
  }
  std::uint32_t place_of(TimePoint when) const {
    return std::clamp(second_after(when), cursor_, cursor_ + size - 1);
  }
  void hang(std::uint32_t index, WheelLinks& links, std::uint32_t second) {
    auto& head = heads_[second % size];
    links = {head, no_entry, second};
    if (head != no_entry) entries_.links_of(head).previous = index;
    head = index;
    occupied_[second % size / 64] |= 1ull << second % 64;
    if (soonest_ == 0 || second < soonest_) soonest_ = second;
  }
  bool empty() const {
    for (const auto word : occupied_)
      if (word != 0) return false;
    return true;
  }
  // Seconds from cursor_ to the first list that is not empty; `size` when all are.
  std::uint32_t distance_to_occupied() const {
    const auto start = cursor_ % size;
    for (std::uint32_t i = 0; i <= occupied_.size(); ++i) {
      const auto at = (start / 64 + i) % occupied_.size();
      auto word = occupied_[at];
      if (i == 0) word &= ~0ull << start % 64;
      if (i == occupied_.size()) word &= ~(~0ull << start % 64);
      if (word == 0) continue;
      const auto slot =
          static_cast<std::uint32_t>(at * 64) + static_cast<std::uint32_t>(std::countr_zero(word));
      return (slot - start) % size;
    }
    return size;
  }

  Entries& entries_;
  std::array<std::uint32_t, size> heads_;
  std::array<std::uint64_t, size / 64> occupied_{};
  std::uint32_t cursor_ = 1;   // all before it is empty
  std::uint32_t soonest_ = 0;  // no list before it; 0: none at all
};

}  // namespace sip
