// What viewers see: packets, gaps, frames, and how long bytes were under way.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace load {

// In steps of 10 us up to 0.5 s, of 10 ms up to a minute.
class Delays {
 public:
  void add(std::int64_t ns);
  std::uint64_t count() const { return count_; }
  double most_ms() const { return static_cast<double>(most_ns_) / 1e6; }
  double percentile_ms(double share) const;

 private:
  static constexpr std::int64_t step_ns = 10'000, long_step_ns = 10'000'000;
  static constexpr std::size_t short_steps = 50'000, long_steps = 6'000;
  std::vector<std::uint32_t> steps_ = std::vector<std::uint32_t>(short_steps + long_steps);
  std::uint64_t count_ = 0;
  std::int64_t most_ns_ = 0;
};

// Of all viewers of this process, since it was last asked.
struct Seen {
  std::uint64_t packets = 0, bytes = 0, lost = 0, reordered = 0, frames = 0, lost_frames = 0;
  Delays delay;  // of each stamp: a packet of the camera
};

// One viewer's track.
class RtpWatch {
 public:
  void on_rtp(std::span<const std::uint8_t> packet, std::int64_t now_ns, Seen& seen);
  // Without RTP headers of ours: the floor's bytes.
  static void on_raw(std::span<const std::uint8_t> bytes, std::int64_t now_ns, Seen& seen);

  // The first packet with a slice of a key frame, and how old what it shows was by then.
  std::optional<std::int64_t> key_ns() const { return key_ns_; }
  std::optional<std::int64_t> key_age_ns() const { return key_age_ns_; }
  // Packets since the last call.
  std::uint32_t take_packets();

 private:
  void on_sequence(std::uint16_t sequence, Seen& seen);
  void on_stamps(std::span<const std::uint8_t> payload, std::int64_t now_ns, Seen& seen);
  void look_for_key(std::span<const std::uint8_t> payload, std::uint32_t timestamp,
                    std::int64_t now_ns);

  bool any_ = false;
  std::uint16_t sequence_ = 0;
  std::optional<std::uint32_t> frame_;
  std::optional<std::int64_t> key_ns_, key_age_ns_;
  std::int64_t stamped_ns_ = 0;  // by the latest stamp
  std::uint32_t key_timestamp_ = 0, packets_ = 0;
};

}  // namespace load
