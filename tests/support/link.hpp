// A virtual network in one direction: what is put in comes out later, or never, or twice, or out of
// order, as a seed decides. Time is the caller's.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <utility>

namespace support {

struct LinkOptions {
  std::chrono::microseconds latency{20'000};
  std::chrono::microseconds jitter{0};  // added at random: enough of it changes the order
  double loss = 0;                      // share of packets that never arrive
  double duplicate = 0;                 // share that arrives twice
  std::uint64_t seed = 1;
};

template <class Packet>
class Link {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  explicit Link(LinkOptions options = {}) : options_(options), random_(options.seed) {}

  void send(TimePoint now, Packet packet) {
    ++sent_;
    if (chance(options_.loss)) {
      ++lost_;
      return;
    }
    if (chance(options_.duplicate)) in_flight_.emplace(arrival(now), packet);
    in_flight_.emplace(arrival(now), std::move(packet));
  }

  // When receive() will have something; max() when nothing is under way.
  TimePoint next_arrival() const {
    return in_flight_.empty() ? TimePoint::max() : in_flight_.begin()->first;
  }
  std::optional<Packet> receive(TimePoint now) {
    if (next_arrival() > now) return std::nullopt;
    auto packet = std::move(in_flight_.begin()->second);
    in_flight_.erase(in_flight_.begin());
    return packet;
  }

  void set_options(LinkOptions options) { options_ = options; }
  std::uint64_t sent() const { return sent_; }
  std::uint64_t lost() const { return lost_; }

 private:
  bool chance(double share) { return std::uniform_real_distribution<>(0, 1)(random_) < share; }
  TimePoint arrival(TimePoint now) {
    const auto most = options_.jitter.count();
    const auto jitter =
        most == 0 ? 0 : static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(most));
    return now + options_.latency + std::chrono::microseconds(jitter);
  }

  LinkOptions options_;
  std::mt19937_64 random_;
  std::multimap<TimePoint, Packet> in_flight_;
  std::uint64_t sent_ = 0;
  std::uint64_t lost_ = 0;
};

}  // namespace support
