// When a socket rests after it was served, so that one wake serves several datagrams. Pure: time is
// an argument.
//
// A wake of the thread costs as much as serving two or three keepalives. When datagrams come thick
// but leave the thread mostly idle, it pays to let some of them gather. It does not when peers wait
// for each answer before they ask again (then resting slows them down and gathers nothing): that is
// noticed by what a rest brings, and not tried again for a while. As peers that wait settle down to
// the pace of the rests, it is also looked at now and then how they do without.
#pragma once

#include <cstddef>

#include "sip/time.hpp"

namespace sip::net {

class ReceivePace {
 public:
  // `rest` zero: never rests.
  explicit ReceivePace(Duration rest) : rest_(rest) {}

  // A turn brought `count` datagrams, all there were, and took from `begun` to `ended`. Returns how
  // long to leave the socket alone before it is read again; zero: wait until it has something.
  Duration after(std::size_t count, TimePoint begun, TimePoint ended);

 private:
  bool judge_rests(double seconds);
  void judge_flood(double seconds, TimePoint now);
  void begin_window(TimePoint now);

  Duration rest_;
  bool resting_ = false;
  bool looked_thick_ = false;  // in the last window without rests: one may be half a lull
  TimePoint look_again_at_ = TimePoint::min();
  Duration look_again_after_{};
  double rested_rate_ = 0;                     // before looking again; 0: did not rest
  double rate_ = 0;                            // datagrams a second
  double busy_share_ = 0;                      // of the time
  TimePoint window_begin_ = TimePoint::min();  // of what is being counted
  std::size_t window_count_ = 0;
  Duration window_busy_{};
  TimePoint distrusted_until_ = TimePoint::min();
  Duration distrust_{};
};

}  // namespace sip::net
