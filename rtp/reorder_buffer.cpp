#include "rtp/reorder_buffer.hpp"

#include <algorithm>
#include <bit>

#include "rtp/sequence.hpp"

namespace rtp {
namespace {

std::uint16_t offset(std::uint16_t sequence, std::size_t n) {
  return static_cast<std::uint16_t>(sequence + n);
}

}  // namespace

ReorderBuffer::ReorderBuffer(ReorderLimits limits) : limits_(limits) {
  limits_.window = std::clamp<std::uint16_t>(limits_.window, 1, 4096);
  limits_.max_dropout = std::min<std::uint16_t>(limits_.max_dropout, 0x7fff);
  limits_.max_misorder = std::min<std::uint16_t>(limits_.max_misorder, 0x7fff);
  // A power of two, so that the ring stays in step with sequence numbers where they wrap.
  mask_ = static_cast<std::uint16_t>(std::bit_ceil(static_cast<std::size_t>(limits_.window)) - 1);
}

bool ReorderBuffer::is_held(std::uint16_t sequence) const {
  return held_ > 0 && slot(sequence).held && slot(sequence).sequence == sequence;
}

bool ReorderBuffer::has_left(std::uint16_t sequence) const {
  const auto age = -sequence_distance(next_, sequence);
  const auto bit = sequence % history;
  return age >= 1 && age <= static_cast<int>(history) && (left_[bit / 64] >> bit % 64 & 1) != 0;
}

void ReorderBuffer::note(std::uint16_t sequence, bool left) {
  const auto bit = sequence % history;
  const auto mask = std::uint64_t{1} << bit % 64;
  left_[bit / 64] = left ? left_[bit / 64] | mask : left_[bit / 64] & ~mask;
}

// From next_ on.
void ReorderBuffer::note_lost(std::uint16_t count) {
  if (count >= history) left_ = {};
  for (std::size_t n = 0; n < std::min<std::size_t>(count, history); ++n)
    note(offset(next_, n), false);
  lost_before_next_ += count;
  counters_.lost += count;
}

void ReorderBuffer::push(Packet&& packet, std::int64_t now_ns, std::vector<Ordered>& out) {
  ++counters_.received;
  if (!started_) {
    started_ = true;
    next_ = packet.sequence;
  }
  const auto distance = sequence_distance(next_, packet.sequence);
  if (distance > limits_.max_dropout || distance < -static_cast<int>(limits_.max_misorder))
    return on_stray(std::move(packet), now_ns, out);
  if (stray_) {
    ++counters_.strays;
    stray_.reset();
  }
  if (distance < 0) return drop_old(packet);
  const bool newest = distance == 0 ? held_ == 0 : sequence_before(newest_, packet.sequence);
  if (newest) newest_ = packet.sequence;
  if (!newest && !is_held(packet.sequence)) ++counters_.reordered;
  if (distance > 0)
    return ahead(std::move(packet), static_cast<std::uint16_t>(distance), now_ns, out);
  pass(std::move(packet), now_ns, out);
  drain(out);
}

void ReorderBuffer::pass(Packet&& packet, std::int64_t arrival_ns, std::vector<Ordered>& out) {
  note(packet.sequence, true);
  next_ = offset(packet.sequence, 1);
  out.push_back({std::move(packet), arrival_ns, lost_before_next_, restarted_});
  lost_before_next_ = 0;
  restarted_ = false;
}

void ReorderBuffer::drain(std::vector<Ordered>& out) {
  while (is_held(next_)) {
    --held_;
    auto& s = slot(next_);
    s.held = false;
    pass(std::move(s.packet), s.arrival_ns, out);
  }
}

// Beyond the window the oldest gaps are given up until the packet has a place.
void ReorderBuffer::ahead(Packet&& packet, std::uint16_t distance, std::int64_t now_ns,
                          std::vector<Ordered>& out) {
  const auto sequence = packet.sequence;
  while (held_ > 0 && distance >= limits_.window) {
    give_up_gap(out);
    distance = static_cast<std::uint16_t>(sequence - next_);
  }
  if (distance != 0 && distance < limits_.window) return hold(std::move(packet), now_ns);
  // Nothing is held: a burst was lost, and waiting would not bring a window's worth back.
  note_lost(distance);
  pass(std::move(packet), now_ns, out);
  drain(out);
}

void ReorderBuffer::hold(Packet&& packet, std::int64_t arrival_ns) {
  if (is_held(packet.sequence)) {
    ++counters_.duplicates;
    return;
  }
  if (slots_.empty()) slots_.resize(mask_ + std::size_t{1});
  auto& s = slot(packet.sequence);
  s.sequence = packet.sequence;
  s.arrival_ns = arrival_ns;
  s.held = true;
  s.packet = std::move(packet);
  ++held_;
}

// Moves on to the first packet held and lets out what follows it. Only while something is held.
void ReorderBuffer::give_up_gap(std::vector<Ordered>& out) {
  std::uint16_t gap = 0;
  while (!is_held(offset(next_, gap))) ++gap;
  note_lost(gap);
  next_ = offset(next_, gap);
  drain(out);
}

void ReorderBuffer::drop_old(const Packet& packet) {
  ++(has_left(packet.sequence) ? counters_.duplicates : counters_.late);
}

// RFC 3550 A.1: two consecutive packets make a new sequence; a single one is a stray.
void ReorderBuffer::on_stray(Packet&& packet, std::int64_t now_ns, std::vector<Ordered>& out) {
  const bool follows = stray_ && packet.sequence == offset(stray_->packet.sequence, 1);
  if (follows) return restart(std::move(packet), now_ns, out);
  if (stray_) ++counters_.strays;
  stray_ = Ordered{std::move(packet), now_ns};
}

void ReorderBuffer::restart(Packet&& packet, std::int64_t now_ns, std::vector<Ordered>& out) {
  Ordered first = std::move(*stray_);
  stray_.reset();
  flush(out);
  forget_history();
  ++counters_.restarts;
  lost_before_next_ = 0;
  restarted_ = true;
  newest_ = packet.sequence;
  pass(std::move(first.packet), first.arrival_ns, out);
  pass(std::move(packet), now_ns, out);
}

void ReorderBuffer::on_deadline(std::int64_t now_ns, std::vector<Ordered>& out) {
  for (auto due = next_deadline(); due && *due <= now_ns; due = next_deadline()) give_up_gap(out);
}

// The one that has waited longest is not always the first in sequence.
std::optional<std::int64_t> ReorderBuffer::next_deadline() const {
  if (held_ == 0) return std::nullopt;
  std::optional<std::int64_t> oldest;
  std::size_t seen = 0;
  for (std::uint16_t n = 1; seen < held_ && n < limits_.window; ++n) {
    const auto sequence = offset(next_, n);
    if (!is_held(sequence)) continue;
    ++seen;
    oldest = std::min(oldest.value_or(slot(sequence).arrival_ns), slot(sequence).arrival_ns);
  }
  return *oldest + limits_.deadline_ns;
}

void ReorderBuffer::flush(std::vector<Ordered>& out) {
  while (held_ > 0) give_up_gap(out);
}

void ReorderBuffer::forget_history() {
  left_ = {};
  for (auto& s : slots_) s = {};
  held_ = 0;
}

void ReorderBuffer::reset() {
  forget_history();
  stray_.reset();
  started_ = false;
  lost_before_next_ = 0;
  restarted_ = false;
}

std::string ReorderBuffer::describe() const {
  const auto& c = counters_;
  return "next " + std::to_string(next_) + ", held " + std::to_string(held_) + ", received " +
         std::to_string(c.received) + ", reordered " + std::to_string(c.reordered) +
         ", duplicates " + std::to_string(c.duplicates) + ", late " + std::to_string(c.late) +
         ", lost " + std::to_string(c.lost) + ", restarts " + std::to_string(c.restarts);
}

}  // namespace rtp
