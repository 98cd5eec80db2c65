// Puts one source's packets back in order (GB/T 28181 reference 9.2). Packets that arrive in order
// leave at once; what comes after a gap waits until the gap is filled, its time is up or the
// window is full. Pure: push with output that the caller owns. The window's memory is allocated
// when the first packet must wait, and never again: a source that sends in order touches none of
// it.
//
// Serves one SSRC: when the caller's policy takes up another one, it calls flush() and reset().
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "rtp/packet.hpp"

namespace rtp {

// A packet in its place.
struct Ordered {
  Packet packet;
  std::int64_t arrival_ns = 0;    // when it came in, not when it left the buffer
  std::uint32_t lost_before = 0;  // packets given up between the previous one and this
  bool restarted = false;         // the sender began a new sequence: nothing follows on from before
};

struct ReorderLimits {
  std::int64_t deadline_ns = 200'000'000;  // how long a packet may wait for an earlier one
  std::uint16_t window = 100;              // sequence numbers held at most; 1 .. 4096
  std::uint16_t max_dropout = 3000;        // a jump ahead by more is a new sequence (A.1)
  std::uint16_t max_misorder = 100;        // a jump back by more is a new sequence (A.1)
};

class ReorderBuffer {
 public:
  explicit ReorderBuffer(ReorderLimits limits = {});

  // Appends to `out` what may leave, oldest first. A packet far off the sequence is held back
  // until the next one follows it (two in a row are a restart) and dropped otherwise.
  void push(Packet&& packet, std::int64_t now_ns, std::vector<Ordered>& out);
  // Whether a packet may go on at once, because it is the next and nothing waits; then pass_next()
  // counts it, and it need not be pushed.
  bool is_next(std::uint16_t sequence) const {
    return sequence == next_ && started_ && held_ == 0 && !stray_ && lost_before_next_ == 0 &&
           !restarted_;
  }
  void pass_next() {
    ++counters_.received;
    newest_ = next_;
    note(next_, true);
    ++next_;
  }
  // To be called when next_deadline() has come: gives up the gaps whose time is over.
  void on_deadline(std::int64_t now_ns, std::vector<Ordered>& out);
  // Empty while nothing waits.
  std::optional<std::int64_t> next_deadline() const;
  // Lets everything out, gaps and all; for the end of a stream.
  void flush(std::vector<Ordered>& out);
  // Forgets the sequence and what is held; counters stay.
  void reset();

  struct Counters {
    std::uint64_t received = 0;
    std::uint64_t reordered = 0;   // came after a later one and was put in its place
    std::uint64_t duplicates = 0;  // dropped: seen before
    std::uint64_t late = 0;        // dropped: its place had been given up or passed
    std::uint64_t lost = 0;        // given up (a late one is among these)
    std::uint64_t restarts = 0;
    std::uint64_t strays = 0;  // dropped: far off the sequence and not followed up
  };
  const Counters& counters() const { return counters_; }
  std::size_t held() const { return held_; }
  std::string describe() const;

 private:
  struct Slot {
    Packet packet;
    std::int64_t arrival_ns = 0;
    std::uint16_t sequence = 0;
    bool held = false;
  };
  // Which of the newest sequence numbers have left, a bit for each; beyond them a packet that comes
  // again counts as late.
  static constexpr std::size_t history = 256;

  Slot& slot(std::uint16_t sequence) { return slots_[sequence & mask_]; }
  const Slot& slot(std::uint16_t sequence) const { return slots_[sequence & mask_]; }
  bool is_held(std::uint16_t sequence) const;
  bool has_left(std::uint16_t sequence) const;
  void note(std::uint16_t sequence, bool left);
  void note_lost(std::uint16_t count);
  void pass(Packet&& packet, std::int64_t arrival_ns, std::vector<Ordered>& out);
  void hold(Packet&& packet, std::int64_t arrival_ns);
  void drain(std::vector<Ordered>& out);
  void give_up_gap(std::vector<Ordered>& out);
  void drop_old(const Packet& packet);
  void on_stray(Packet&& packet, std::int64_t now_ns, std::vector<Ordered>& out);
  void restart(Packet&& packet, std::int64_t now_ns, std::vector<Ordered>& out);
  void ahead(Packet&& packet, std::uint16_t distance, std::int64_t now_ns,
             std::vector<Ordered>& out);
  void forget_history();

  ReorderLimits limits_;
  std::array<std::uint64_t, history / 64> left_{};
  std::vector<Slot> slots_;  // empty until a packet had to wait
  std::uint16_t mask_;
  bool started_ = false;
  std::uint16_t next_ = 0;  // the sequence number that may leave next
  std::size_t held_ = 0;
  std::uint16_t newest_ = 0;  // the highest sequence number that came
  std::uint32_t lost_before_next_ = 0;
  bool restarted_ = false;
  std::optional<Ordered> stray_;
  Counters counters_;
};

}  // namespace rtp
