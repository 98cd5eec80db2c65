#include "tests/bench/load/rtp_watch.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

#include "tests/bench/load/frame_stamp.hpp"

namespace load {
namespace {

constexpr std::string_view sei_stamp = "GBGATE-STAMP-NS1";  // of gbcam --stamp

std::uint32_t number(const std::uint8_t* at, int bytes) {
  std::uint32_t value = 0;
  for (int i = 0; i < bytes; ++i) value = value << 8 | at[i];
  return value;
}

// Of H.264 (RFC 6184): the type of the NAL unit that the payload is, or is a fragment of.
int nal_type(std::span<const std::uint8_t> payload) {
  const int type = payload[0] & 0x1f;
  return type == 28 && payload.size() > 1 ? payload[1] & 0x1f : type;
}

bool has_key_slice(std::span<const std::uint8_t> payload) {
  if (nal_type(payload) == 5) return true;
  if ((payload[0] & 0x1f) != 24) return false;
  for (std::size_t i = 1; i + 2 < payload.size(); i += 2 + number(&payload[i], 2))
    if ((payload[i + 2] & 0x1f) == 5) return true;
  return false;
}

std::optional<std::int64_t> camera_stamp(std::span<const std::uint8_t> payload) {
  const auto* at =
      static_cast<const char*>(memmem(payload.data(), payload.size(), sei_stamp.data(), 16));
  const auto* end = reinterpret_cast<const char*>(payload.data() + payload.size());
  if (!at || end - at < 32) return {};
  return static_cast<std::int64_t>(std::strtoull(std::string(at + 16, 16).c_str(), nullptr, 16));
}

}  // namespace

void Delays::add(std::int64_t ns) {
  ns = std::max<std::int64_t>(ns, 0);
  const auto fine = static_cast<std::size_t>(ns / step_ns);
  const auto coarse = short_steps + static_cast<std::size_t>(ns / long_step_ns);
  const auto step = fine < short_steps ? fine : std::min(coarse, steps_.size() - 1);
  ++steps_[step];
  ++count_;
  most_ns_ = std::max(most_ns_, ns);
}

double Delays::percentile_ms(double share) const {
  const auto wanted = static_cast<std::uint64_t>(share * static_cast<double>(count_));
  std::uint64_t below = 0;
  for (std::size_t i = 0; i < steps_.size(); ++i)
    if ((below += steps_[i]) > wanted)
      return i < short_steps ? static_cast<double>(i + 1) / 100
                             : static_cast<double>(i + 1 - short_steps) * 10;
  return most_ms();
}

void RtpWatch::on_rtp(std::span<const std::uint8_t> packet, std::int64_t now_ns, Seen& seen) {
  if (packet.size() < 14 || packet[0] >> 6 != 2 || (packet[0] & 0x1f) != 0) return;
  ++packets_;
  ++seen.packets;
  seen.bytes += packet.size();
  if (packet[1] & 0x80) ++seen.frames;
  on_sequence(static_cast<std::uint16_t>(number(&packet[2], 2)), seen);
  const auto payload = packet.subspan(12);
  on_stamps(payload, now_ns, seen);
  if (!key_age_ns_) look_for_key(payload, number(&packet[4], 4), now_ns);
}

void RtpWatch::on_raw(std::span<const std::uint8_t> bytes, std::int64_t now_ns, Seen& seen) {
  seen.bytes += bytes.size();
  while (const auto stamp = next_stamp(bytes)) seen.delay.add(now_ns - stamp->sent_ns);
}

std::uint32_t RtpWatch::take_packets() {
  return std::exchange(packets_, 0);
}

void RtpWatch::on_sequence(std::uint16_t sequence, Seen& seen) {
  const auto ahead = static_cast<std::int16_t>(sequence - sequence_);
  if (!std::exchange(any_, true) || ahead == 1) {
    sequence_ = sequence;
  } else if (ahead > 1) {
    seen.lost += static_cast<std::uint64_t>(ahead - 1);
    sequence_ = sequence;
  } else {
    ++seen.reordered;
  }
}

void RtpWatch::on_stamps(std::span<const std::uint8_t> payload, std::int64_t now_ns, Seen& seen) {
  while (const auto stamp = next_stamp(payload)) {
    seen.delay.add(now_ns - stamp->sent_ns);
    stamped_ns_ = stamp->sent_ns;
    if (!stamp->first) continue;
    if (frame_ && stamp->frame > *frame_ + 1) seen.lost_frames += stamp->frame - *frame_ - 1;
    frame_ = stamp->frame;
  }
}

void RtpWatch::look_for_key(std::span<const std::uint8_t> payload, std::uint32_t timestamp,
                            std::int64_t now_ns) {
  if (const int type = payload[0] & 0x1f; type == 6 || type == 24)
    if (const auto stamp = camera_stamp(payload)) stamped_ns_ = *stamp;
  if (!has_key_slice(payload)) return;
  if (!key_ns_) key_timestamp_ = timestamp;
  if (!key_ns_) key_ns_ = now_ns;
  if (stamped_ns_ && timestamp == key_timestamp_) key_age_ns_ = *key_ns_ - stamped_ns_;
}

}  // namespace load
