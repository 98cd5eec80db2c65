#include "sip/deadline_queue.hpp"

#include <algorithm>

namespace sip {
namespace {

constexpr std::size_t worth_keeping = 1024;  // entries of an empty ring
constexpr std::size_t few_stale = 1024;

constexpr auto later = [](const auto& a, const auto& b) { return a.at > b.at; };

}  // namespace

void DeadlineQueue::Fifo::push(const Entry& entry) {
  if (size_ == ring_.size()) {
    std::rotate(ring_.begin(), ring_.begin() + static_cast<std::ptrdiff_t>(begin_), ring_.end());
    begin_ = 0;
    ring_.resize(std::max<std::size_t>(16, 2 * ring_.size()));
  }
  ring_[(begin_ + size_++) & (ring_.size() - 1)] = entry;
}

void DeadlineQueue::Fifo::pop() {
  begin_ = (begin_ + 1) & (ring_.size() - 1);
  if (--size_ == 0 && ring_.size() > worth_keeping) {
    ring_ = {};
    begin_ = 0;
  }
}

template <class Keep>
void DeadlineQueue::Fifo::filter(Keep&& keep) {
  std::size_t kept = 0;
  for (std::size_t i = 0; i < size_; ++i) {
    const auto entry = ring_[(begin_ + i) & (ring_.size() - 1)];
    if (keep(entry)) ring_[(begin_ + kept++) & (ring_.size() - 1)] = entry;
  }
  size_ = kept;
}

void DeadlineQueue::set(std::uint32_t item, TimePoint at) {
  if (item >= items_.size()) {
    if (at == never) return;
    items_.resize(std::max<std::size_t>(item + 1, 2 * items_.size()));
  }
  auto& state = items_[item];
  state.due = at;
  if (at >= state.queued) return;  // the entry will find out when its time comes
  if (state.queued != never && ++stale_ > few_stale + items_.size()) {
    state.queued = never;
    forget_stale();
  }
  enqueue(item, at);
}

// The fullest that keeps its order: the one whose last entry is the latest not after `at`.
void DeadlineQueue::enqueue(std::uint32_t item, TimePoint at) {
  items_[item].queued = at;
  std::size_t best = used_;
  for (std::size_t i = 0; i < used_; ++i) {
    if (queues_[i].empty()) last_[i] = TimePoint::min();
    if (last_[i] <= at && (best == used_ || last_[i] > last_[best])) best = i;
  }
  if (best == most_queues) {
    heap_.push_back({at, item});
    std::push_heap(heap_.begin(), heap_.end(), later);
    return;
  }
  if (best == used_) ++used_;
  last_[best] = at;
  queues_[best].push({at, item});
}

bool DeadlineQueue::holds(const Entry& entry) const {
  const auto& item = items_[entry.item];
  return item.queued == entry.at && item.due == entry.at;
}

void DeadlineQueue::put_back(const Entry& entry) {
  auto& item = items_[entry.item];
  if (item.queued != entry.at) {
    if (stale_ > 0) --stale_;
    return;
  }
  item.queued = never;
  if (item.due != never) enqueue(entry.item, item.due);
}

void DeadlineQueue::settle_fronts() {
  for (std::size_t i = 0; i < used_; ++i) {
    while (!queues_[i].empty() && !holds(queues_[i].front())) {
      const auto entry = queues_[i].front();
      queues_[i].pop();
      put_back(entry);
    }
  }
  while (!heap_.empty() && !holds(heap_.front())) {
    const auto entry = heap_.front();
    std::pop_heap(heap_.begin(), heap_.end(), later);
    heap_.pop_back();
    put_back(entry);
  }
}

TimePoint DeadlineQueue::next() {
  settle_fronts();
  Entry earliest{never, 0};
  if (!heap_.empty()) earliest = heap_.front();
  for (std::size_t i = 0; i < used_; ++i)
    if (!queues_[i].empty() && queues_[i].front().at < earliest.at) earliest = queues_[i].front();
  first_ = earliest.item;
  return earliest.at;
}

std::size_t DeadlineQueue::entries() const {
  auto count = heap_.size();
  for (const auto& queue : queues_) count += queue.size();
  return count;
}

// Only items that are moved to and fro leave many behind.
void DeadlineQueue::forget_stale() {
  const auto stands = [this](const Entry& e) { return items_[e.item].queued == e.at; };
  for (std::size_t i = 0; i < used_; ++i) queues_[i].filter(stands);
  std::erase_if(heap_, [&](const Entry& e) { return !stands(e); });
  std::make_heap(heap_.begin(), heap_.end(), later);
  stale_ = 0;
}

}  // namespace sip
