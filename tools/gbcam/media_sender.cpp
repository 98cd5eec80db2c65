#include "tools/gbcam/media_sender.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "rtp/bytes.hpp"
#include "rtp/packet.hpp"
#include "rtp/time.hpp"

namespace gbcam {
namespace {

// A large frame leaves in bursts a millisecond apart, the whole within about ten of them (9.2: the
// sender must be able to smooth its peaks).
constexpr std::size_t burst_packets = 16, most_bursts = 10;
constexpr auto burst_gap = std::chrono::milliseconds(1);
// Further behind (a suspended machine), the time line moves instead of everything being sent at
// once.
constexpr auto most_behind = std::chrono::seconds(1);

std::int64_t ns_of(sip::TimePoint at) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(at.time_since_epoch()).count();
}

// Each call has faults of its own, and the same in every run.
Faults seeded(Faults faults, std::uint32_t ssrc) {
  faults.seed += ssrc;
  return faults;
}

void fill_stamp(std::span<std::uint8_t> digits, StampUnit unit) {
  const auto ns = static_cast<std::uint64_t>(ns_of(sip::Clock::now()));
  const std::uint64_t value = unit == StampUnit::microseconds ? ns / 1000 : ns;
  fmt::format_to_n(digits.begin(), digits.size(), "{:016x}", value);
}

}  // namespace

MediaSender::MediaSender(gateway::AlarmClock& clock, MediaLink& link, std::unique_ptr<Feed> feed,
                         const MediaOptions& options, SenderIdentity identity, Counters& counters)
    : link_(link),
      feed_(std::move(feed)),
      options_(options),
      identity_(std::move(identity)),
      counters_(counters),
      impairment_(seeded(options.faults, identity_.ssrc)),
      rtcp_({.ssrc = identity_.ssrc, .cname = identity_.cname}),
      frame_alarm_(clock, [this](sip::TimePoint now) { on_due(now); }),
      report_alarm_(clock, [this](sip::TimePoint now) { report(now); }),
      sequence_(static_cast<std::uint16_t>(identity_.ssrc * 7919u)) {}

MediaSender::~MediaSender() {
  const Impairment::Counters& faults = impairment_.counters();
  counters_.lost += faults.lost;
  counters_.reordered += faults.reordered;
  counters_.duplicated += faults.duplicated;
}

void MediaSender::start() {
  start_ = sip::Clock::now();
  rtcp_.start(ns_of(start_));
  schedule();
}

void MediaSender::stop() {
  frame_alarm_.clear();
  report_alarm_.clear();
  packets_.clear();
  sent_ = 0;
}

void MediaSender::request_key_frame() {
  key_wanted_ = true;
}

sip::TimePoint MediaSender::time_of(std::int64_t due_90khz) const {
  return start_ + std::chrono::nanoseconds(rtp::ns_of_90khz(due_90khz));
}

void MediaSender::schedule() {
  frame_alarm_.set(time_of(feed_->next_due_90khz()) + impairment_.frame_delay());
}

void MediaSender::on_due(sip::TimePoint now) {
  const Seconds silence = options_.silence_after;
  if (silence.count() > 0 && now - start_ >= silence) return stop();
  if (sent_ == packets_.size()) begin_frame(now);
  send_burst();
  if (packet_count_ > 0 && rtcp_.due(ns_of(now))) report(now);
  if (sent_ < packets_.size())
    frame_alarm_.set(now + burst_gap);
  else
    schedule();
}

void MediaSender::begin_frame(sip::TimePoint now) {
  if (std::exchange(key_wanted_, false)) feed_->request_key_frame();
  count_lateness(now);
  const Frame frame = feed_->next();
  last_due_ = time_of(frame.due_90khz);
  last_timestamp_ = frame.rtp_timestamp;
  if (!frame.stamp.empty()) fill_stamp(frame.stamp, options_.stamp);
  cut(frame);
  impairment_.apply(packets_);
  sent_ = 0;
  burst_ = std::max(burst_packets, (packets_.size() + most_bursts - 1) / most_bursts);
  ++counters_.frames;
}

void MediaSender::count_lateness(sip::TimePoint now) {
  const auto due = time_of(feed_->next_due_90khz()) + options_.faults.jitter;
  if (now <= due) return;
  const auto late = std::chrono::duration_cast<std::chrono::microseconds>(now - due);
  const auto late_us = static_cast<std::uint64_t>(late.count());
  counters_.latest_frame_us = std::max(counters_.latest_frame_us, late_us);
  if (late_us > 5000) ++counters_.frames_5ms_late;
  if (late > most_behind) start_ += now - due;
}

void MediaSender::cut(const Frame& frame) {
  packets_.clear();
  const std::size_t most = options_.payload_bytes;
  for (std::size_t at = 0; at < frame.bytes.size(); at += most) {
    const std::size_t size = std::min(most, frame.bytes.size() - at);
    RtpPacket& packet = packets_.emplace_back();
    packet.payload = frame.bytes.subspan(at, size);
    rtp::store_be16(packet.head.data(), static_cast<std::uint16_t>(size + RtpPacket::header_size));
    const rtp::PacketHeader header{
        .marker = options_.marker && frame.whole && at + size == frame.bytes.size(),
        .payload_type = identity_.payload_type,
        .sequence = sequence_++,
        .timestamp = frame.rtp_timestamp,
        .ssrc = identity_.ssrc};
    rtp::write_header(header, std::span(packet.head).subspan<RtpPacket::prefix_size>());
  }
}

void MediaSender::send_burst() {
  const std::size_t count = std::min(burst_, packets_.size() - sent_);
  if (count == 0) return;
  const auto burst = std::span<const RtpPacket>(packets_).subspan(sent_, count);
  link_.send(burst);
  sent_ += count;
  for (const RtpPacket& packet : burst) {
    octet_count_ += static_cast<std::uint32_t>(packet.payload.size());
    counters_.rtp_bytes += packet.payload.size() + RtpPacket::header_size;
  }
  packet_count_ += static_cast<std::uint32_t>(count);
  counters_.rtp_packets += count;
}

rtp::SenderInfo MediaSender::sender_info(sip::TimePoint now) const {
  const auto wall = std::chrono::system_clock::now().time_since_epoch();
  const auto wall_ns = std::chrono::duration_cast<std::chrono::nanoseconds>(wall).count();
  const auto since = std::chrono::duration_cast<std::chrono::nanoseconds>(now - last_due_).count();
  return {.ntp = rtp::NtpTime::from_wall_ns(wall_ns),
          .rtp_timestamp = last_timestamp_ + static_cast<std::uint32_t>(rtp::ns_to_90khz(since)),
          .packet_count = packet_count_,
          .octet_count = octet_count_};
}

void MediaSender::report(sip::TimePoint now) {
  report_.clear();
  rtcp_.report(sender_info(now), ns_of(now), report_);
  link_.send_rtcp(report_);
  ++counters_.sender_reports;
  if (const auto next = rtcp_.next_deadline())
    report_alarm_.set(sip::TimePoint(std::chrono::nanoseconds(*next)));
}

bool MediaSender::on_rtcp(std::span<const std::uint8_t> packet) {
  const auto about_us = rtcp_.on_rtcp(packet, ns_of(sip::Clock::now()));
  if (!about_us) ++counters_.bad_rtcp;
  if (!about_us || !about_us->report) return false;
  ++counters_.receiver_reports;
  return true;
}

}  // namespace gbcam
