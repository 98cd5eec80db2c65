#include "rtp/reception_stats.hpp"

#include <algorithm>

namespace rtp {
namespace {

// RFC 3550 A.1
constexpr std::uint16_t max_dropout = 3000;
constexpr std::uint16_t max_misorder = 100;

std::uint32_t to_units(std::int64_t ns, std::uint32_t rate_hz) {
  const auto rate = static_cast<std::int64_t>(rate_hz);
  const auto units = ns / ns_per_second * rate + ns % ns_per_second * rate / ns_per_second;
  return static_cast<std::uint32_t>(units);
}

std::int32_t clamp_24_bits(std::int64_t n) {
  return static_cast<std::int32_t>(std::clamp<std::int64_t>(n, -0x80'0000, 0x7f'ffff));
}

}  // namespace

void ReceptionStats::on_packet(std::uint16_t sequence, std::uint32_t timestamp,
                               std::int64_t arrival_ns) {
  if (!started_) start(sequence);
  if (!update_sequence(sequence)) return;
  ++received_;
  update_jitter(timestamp, arrival_ns);
}

void ReceptionStats::start(std::uint16_t sequence) {
  started_ = true;
  transit_known_ = bad_known_ = false;
  base_ = highest_ = sequence;
  cycles_ = 0;
  received_ = expected_prior_ = received_prior_ = 0;
}

// False for a packet that is far off the sequence, until the next one follows on from it.
bool ReceptionStats::update_sequence(std::uint16_t sequence) {
  const auto ahead = static_cast<std::uint16_t>(sequence - highest_);
  if (ahead < max_dropout) {
    if (sequence < highest_) cycles_ += 1u << 16;
    highest_ = sequence;
  } else if (ahead <= 0x10000 - max_misorder) {
    if (!bad_known_ || sequence != bad_next_) {
      bad_known_ = true;
      bad_next_ = static_cast<std::uint16_t>(sequence + 1);
      return false;
    }
    start(sequence);
  }
  return true;
}

// A.8. A step of more than 10 s is a jump of somebody's clock, not jitter.
void ReceptionStats::update_jitter(std::uint32_t timestamp, std::int64_t arrival_ns) {
  const auto transit = to_units(arrival_ns, clock_rate_hz_) - timestamp;
  const auto step = static_cast<std::int32_t>(transit - transit_);
  const auto size =
      step < 0 ? 0u - static_cast<std::uint32_t>(step) : static_cast<std::uint32_t>(step);
  if (transit_known_ && size < std::uint64_t{clock_rate_hz_} * 10)
    jitter_16ths_ += size - ((jitter_16ths_ + 8) >> 4);
  transit_ = transit;
  transit_known_ = true;
}

std::uint64_t ReceptionStats::expected() const {
  if (!started_) return 0;
  return std::uint64_t{highest_sequence()} - base_ + 1;
}

std::int64_t ReceptionStats::lost() const {
  return static_cast<std::int64_t>(expected()) - static_cast<std::int64_t>(received_);
}

// A.3
ReportBlock ReceptionStats::report(std::uint32_t ssrc) {
  const auto expected_now = expected();
  const auto expected_interval = static_cast<std::int64_t>(expected_now - expected_prior_);
  const auto received_interval = static_cast<std::int64_t>(received_ - received_prior_);
  expected_prior_ = expected_now;
  received_prior_ = received_;
  const auto lost_interval = expected_interval - received_interval;

  ReportBlock block;
  block.ssrc = ssrc;
  if (expected_interval > 0 && lost_interval > 0)
    block.fraction_lost = static_cast<std::uint8_t>(
        std::min<std::int64_t>(255, lost_interval * 256 / expected_interval));
  block.cumulative_lost = clamp_24_bits(lost());
  block.highest_sequence = highest_sequence();
  block.jitter = jitter();
  return block;
}

double ReceptionStats::jitter_ms() const {
  return clock_rate_hz_ == 0 ? 0 : jitter() * 1000.0 / clock_rate_hz_;
}

}  // namespace rtp
