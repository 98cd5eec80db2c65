#include "sip/net/receive_pace.hpp"

#include <algorithm>

namespace sip::net {
namespace {

constexpr double worth_a_rest = 2;      // datagrams that a rest brings
constexpr double idle_enough = 0.25;    // busier threads find several without resting
constexpr double enough_to_judge = 64;  // datagrams: that half of them stay away is no accident
constexpr Duration quiet = std::chrono::milliseconds(100);
constexpr Duration least_distrust = std::chrono::seconds(1);
constexpr Duration most_distrust = std::chrono::seconds(64);
constexpr Duration first_look = std::chrono::milliseconds(100);
constexpr Duration rarest_look = std::chrono::seconds(8);

double seconds_of(Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

}  // namespace

Duration ReceivePace::after(std::size_t count, TimePoint begun, TimePoint ended) {
  if (rest_ == Duration::zero()) return rest_;
  if (window_begin_ == TimePoint::min()) begin_window(begun);
  window_count_ += count;
  window_busy_ += ended - begun;
  const auto elapsed = ended - window_begin_;
  const auto seconds = std::max(seconds_of(elapsed), 1e-6);
  if (resting_) {
    if (rate_ * seconds < enough_to_judge) return rest_;
    if (!judge_rests(seconds)) distrusted_until_ = ended + distrust_;
    if (resting_ && ended >= look_again_at_) {
      resting_ = false;
      rested_rate_ = rate_;
    }
  } else {
    if (static_cast<double>(window_count_) < enough_to_judge && elapsed < quiet)
      return Duration::zero();
    judge_flood(seconds, ended);
  }
  begin_window(ended);
  return resting_ ? rest_ : Duration::zero();
}

// False when as good as nothing came while we rested: somebody waits for us.
bool ReceivePace::judge_rests(double seconds) {
  const auto came = static_cast<double>(window_count_);
  const bool brought = came >= rate_ * seconds / 2;
  rate_ = 0.75 * rate_ + 0.25 * came / seconds;
  busy_share_ = seconds_of(window_busy_) / seconds;
  resting_ = brought && rate_ * seconds_of(rest_) >= worth_a_rest && busy_share_ < idle_enough;
  distrust_ = brought ? distrust_ / 2 : std::clamp(2 * distrust_, least_distrust, most_distrust);
  return brought;
}

void ReceivePace::judge_flood(double seconds, TimePoint now) {
  rate_ = static_cast<double>(window_count_) / seconds;
  busy_share_ = seconds_of(window_busy_) / seconds;
  const bool thick = rate_ * seconds_of(rest_) >= worth_a_rest && busy_share_ < idle_enough;
  const bool held_back = rested_rate_ > 0 && rate_ > 2 * rested_rate_;
  if (held_back) {
    distrust_ = std::clamp(2 * distrust_, least_distrust, most_distrust);
    distrusted_until_ = now + distrust_;
  }
  const bool confirmed = looked_thick_ || rested_rate_ > 0;
  resting_ = thick && confirmed && !held_back && now >= distrusted_until_;
  if (resting_) {
    look_again_after_ =
        rested_rate_ > 0 ? std::min(2 * look_again_after_, rarest_look) : first_look;
    look_again_at_ = now + look_again_after_;
  }
  looked_thick_ = thick;
  rested_rate_ = 0;
}

void ReceivePace::begin_window(TimePoint now) {
  window_begin_ = now;
  window_count_ = 0;
  window_busy_ = Duration::zero();
}

}  // namespace sip::net
