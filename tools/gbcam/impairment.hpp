// A bad network, on purpose and repeatable: loses, doubles and reorders the packets of a frame, and
// delays whole frames. Pure; one seed gives one behaviour.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <random>
#include <utility>
#include <vector>

namespace gbcam {

struct Faults {
  double loss_percent = 0;
  double reorder_percent = 0;  // a packet changes places with one of the next three
  double duplicate_percent = 0;
  std::chrono::milliseconds jitter{0};  // a frame leaves up to this much late
  std::uint64_t seed = 1;
};

class Impairment {
 public:
  struct Counters {
    std::uint64_t lost = 0, reordered = 0, duplicated = 0;
  };

  explicit Impairment(const Faults& faults) : faults_(faults), random_(faults.seed) {}

  bool idle() const {
    return faults_.loss_percent <= 0 && faults_.reorder_percent <= 0 &&
           faults_.duplicate_percent <= 0;
  }

  std::chrono::nanoseconds frame_delay() {
    const auto most = std::chrono::nanoseconds(faults_.jitter).count();
    if (most <= 0) return {};
    return std::chrono::nanoseconds(std::uniform_int_distribution<std::int64_t>(0, most)(random_));
  }

  // What of `packets` (any cheap description of one) leaves, in which order.
  template <class Packet>
  void apply(std::vector<Packet>& packets) {
    if (idle()) return;
    std::vector<Packet> out;
    out.reserve(packets.size());
    for (Packet& packet : packets) {
      if (hit(faults_.loss_percent)) {
        ++counters_.lost;
        continue;
      }
      out.push_back(packet);
      if (hit(faults_.duplicate_percent)) {
        ++counters_.duplicated;
        out.push_back(packet);
      }
    }
    reorder(out);
    packets = std::move(out);
  }

  const Counters& counters() const { return counters_; }

 private:
  bool hit(double percent) {
    return percent > 0 && std::uniform_real_distribution<double>(0, 100)(random_) < percent;
  }

  template <class Packet>
  void reorder(std::vector<Packet>& packets) {
    for (std::size_t i = 0; i + 1 < packets.size(); ++i) {
      if (!hit(faults_.reorder_percent)) continue;
      const std::size_t most = std::min<std::size_t>(3, packets.size() - 1 - i);
      std::swap(packets[i], packets[i + 1 + random_() % most]);
      ++counters_.reordered;
    }
  }

  Faults faults_;
  std::mt19937_64 random_;
  Counters counters_;
};

}  // namespace gbcam
