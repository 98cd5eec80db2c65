// Learns how this sender shows that a video frame is complete, so that nobody waits for the next
// one. Internal to rtp/ps.
//
// Three signs exist: the RTP marker, a PES whose length is reached, and silence. Each can lie (a
// marker on every packet or PES, a frame in several PES, a sender that pauses within a frame), so
// each is watched, whether it is believed or not: what came after the sign, a new unit or more of
// the same?
#pragma once

#include <algorithm>
#include <cstdint>

namespace rtp::ps {

class EndOfUnit {
 public:
  enum class Sign : std::uint8_t { none, marker, length, silence, next };

  // The state of the open unit after a packet: is its newest PES complete, or of no length at all?
  struct State {
    bool complete = false;
    bool unbounded = false;
    bool marker = false;
    std::uint32_t pes_bytes = 0;    // of the newest PES
    std::int64_t silent_at_ns = 0;  // when silence will be a sign, if nothing comes before
  };

  // Which sign says that the unit is over now; none to go on.
  Sign judge(const State& state) {
    if (!state.complete && !state.unbounded) return Sign::none;
    marker_seen_ = marker_seen_ || state.marker;
    possible_end_ = true;
    silent_at_ns_ = state.silent_at_ns;
    if (state.complete) {
      complete_seen_ = true;
      pes_bytes_ = state.pes_bytes;
    }
    if (state.marker && trusts_marker(state)) return Sign::marker;
    if (state.complete && trusts_length()) return Sign::length;
    return Sign::none;
  }
  // Not before the first units: other muxers put the last bytes of a frame into the PES of the
  // next, a frame's duration later.
  bool trusts_silence() const {
    return lies_of_silence_ < lies_allowed && silence_proofs_ >= proofs_of_silence;
  }
  // The unit looks whole, as far as its newest PES can tell.
  bool looks_whole() const { return complete_seen_ && pes_bytes_ < smallest_continued_pes_; }

  // More of the same unit came after the signs.
  void continued(std::int64_t now_ns) {
    if (!possible_end_) return;
    if (marker_seen_) {
      marker_proofs_ = 0;
      marker_lied_ = true;
    }
    if (complete_seen_) {
      length_proofs_ = 0;
      smallest_continued_pes_ = std::min(smallest_continued_pes_, pes_bytes_);
    }
    if (now_ns >= silent_at_ns_) {
      silence_proofs_ = 0;
      ++lies_of_silence_;
    }
    forget();
  }
  // A new unit came after them.
  void confirmed(std::int64_t now_ns) {
    if (marker_seen_ && ++marker_proofs_ >= proofs_after_lie) marker_lied_ = false;
    if (complete_seen_) ++length_proofs_;
    if (possible_end_ && now_ns >= silent_at_ns_) ++silence_proofs_;
    forget();
  }
  void forget() { marker_seen_ = complete_seen_ = possible_end_ = false; }

 private:
  static constexpr std::uint32_t proofs_after_lie = 8, proofs_without_length = 3;
  static constexpr std::uint32_t proofs_of_length = 4, proofs_of_silence = 2, lies_allowed = 2;

  bool trusts_marker(const State& state) const {
    return !marker_lied_ && (state.complete || marker_proofs_ >= proofs_without_length);
  }
  bool trusts_length() const {
    return length_proofs_ >= proofs_of_length && pes_bytes_ < smallest_continued_pes_;
  }

  // At the newest point of the open unit where it could have ended:
  bool possible_end_ = false, marker_seen_ = false, complete_seen_ = false;
  std::int64_t silent_at_ns_ = 0;
  bool marker_lied_ = false;
  std::uint32_t marker_proofs_ = 0, length_proofs_ = 0, silence_proofs_ = 0, lies_of_silence_ = 0;
  std::uint32_t pes_bytes_ = 0;
  // A PES this long may be continued by another: 60000 is what splitting senders exceed.
  std::uint32_t smallest_continued_pes_ = 60000;
};

}  // namespace rtp::ps
