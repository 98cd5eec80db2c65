#include "sip/deadline_heap.hpp"

namespace sip {

void DeadlineHeap::set(std::uint32_t item, TimePoint at) {
  if (item >= position_.size()) {
    if (at == never) return;
    position_.resize(item + 1, absent);
  }
  const auto position = position_[item];
  if (at == never) {
    if (position != absent) erase(position);
  } else if (position == absent) {
    heap_.push_back({});
    move_up(heap_.size() - 1, {at, item});
  } else if (at < heap_[position].at) {
    move_up(position, {at, item});
  } else {
    move_down(position, {at, item});
  }
}

void DeadlineHeap::place(std::size_t position, Entry entry) {
  heap_[position] = entry;
  position_[entry.item] = static_cast<std::uint32_t>(position);
}

void DeadlineHeap::move_up(std::size_t position, Entry entry) {
  while (position > 0) {
    const auto parent = (position - 1) / 2;
    if (heap_[parent].at <= entry.at) break;
    place(position, heap_[parent]);
    position = parent;
  }
  place(position, entry);
}

void DeadlineHeap::move_down(std::size_t position, Entry entry) {
  for (;;) {
    auto child = 2 * position + 1;
    if (child >= heap_.size()) break;
    if (child + 1 < heap_.size() && heap_[child + 1].at < heap_[child].at) ++child;
    if (entry.at <= heap_[child].at) break;
    place(position, heap_[child]);
    position = child;
  }
  place(position, entry);
}

void DeadlineHeap::erase(std::size_t position) {
  position_[heap_[position].item] = absent;
  const auto last = heap_.back();
  heap_.pop_back();
  if (position == heap_.size()) return;
  if (position > 0 && last.at < heap_[(position - 1) / 2].at) {
    move_up(position, last);
  } else {
    move_down(position, last);
  }
}

}  // namespace sip
