// What a receiver knows of one source: RFC 3550 A.1 (validity), A.3 (loss), A.8 (jitter). Pure.
#pragma once

#include <cstdint>

#include "rtp/rtcp.hpp"

namespace rtp {

class ReceptionStats {
 public:
  explicit ReceptionStats(std::uint32_t clock_rate_hz = 90000) : clock_rate_hz_(clock_rate_hz) {}

  // For every RTP packet of the source as it arrives, before any reordering.
  void on_packet(std::uint16_t sequence, std::uint32_t timestamp, std::int64_t arrival_ns);
  // The source starts over (another SSRC); totals begin at 0.
  void reset() { *this = ReceptionStats(clock_rate_hz_); }

  // A report block about the time since the last call; last_sr and delay are left 0.
  ReportBlock report(std::uint32_t ssrc);

  bool started() const { return started_; }
  std::uint64_t received() const { return received_; }
  std::uint64_t expected() const;
  // Expected less received: negative when duplicates outnumber losses.
  std::int64_t lost() const;
  std::uint32_t highest_sequence() const { return cycles_ + highest_; }
  std::uint32_t jitter() const { return jitter_16ths_ >> 4; }  // in RTP timestamp units
  double jitter_ms() const;

 private:
  void start(std::uint16_t sequence);
  bool update_sequence(std::uint16_t sequence);
  void update_jitter(std::uint32_t timestamp, std::int64_t arrival_ns);

  std::uint32_t clock_rate_hz_;
  bool started_ = false, transit_known_ = false, bad_known_ = false;
  std::uint16_t highest_ = 0, bad_next_ = 0;
  std::uint32_t cycles_ = 0;  // shifted by 16
  std::uint32_t base_ = 0;
  std::uint64_t received_ = 0, expected_prior_ = 0, received_prior_ = 0;
  std::uint32_t transit_ = 0, jitter_16ths_ = 0;
};

}  // namespace rtp
