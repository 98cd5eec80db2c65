// Shell: sends what a Feed yields over a MediaLink as RTP, frame k at start + its time, with the
// faults that were asked for, and RTCP beside it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "gateway/alarm_clock.hpp"
#include "rtp/rtcp_session.hpp"
#include "tools/gbcam/feed.hpp"
#include "tools/gbcam/impairment.hpp"
#include "tools/gbcam/journal.hpp"
#include "tools/gbcam/media_link.hpp"
#include "tools/gbcam/options.hpp"

namespace gbcam {

struct SenderIdentity {
  std::uint32_t ssrc = 0;
  std::uint8_t payload_type = 96;
  std::string cname;
};

class MediaSender {
 public:
  // `clock`, `link` and `counters` outlive the sender.
  MediaSender(gateway::AlarmClock& clock, MediaLink& link, std::unique_ptr<Feed> feed,
              const MediaOptions& options, SenderIdentity identity, Counters& counters);

  ~MediaSender();
  MediaSender(const MediaSender&) = delete;
  MediaSender& operator=(const MediaSender&) = delete;

  void start();
  void stop();  // nothing leaves any more
  void request_key_frame();
  // True when it was a report on what we send.
  bool on_rtcp(std::span<const std::uint8_t> packet);
  std::uint64_t packets() const { return packet_count_; }

 private:
  void schedule();
  void on_due(sip::TimePoint now);
  void begin_frame(sip::TimePoint now);
  void cut(const Frame& frame);
  void send_burst();
  void count_lateness(sip::TimePoint now);
  void report(sip::TimePoint now);
  sip::TimePoint time_of(std::int64_t due_90khz) const;
  rtp::SenderInfo sender_info(sip::TimePoint now) const;

  MediaLink& link_;
  std::unique_ptr<Feed> feed_;
  MediaOptions options_;
  SenderIdentity identity_;
  Counters& counters_;
  Impairment impairment_;
  rtp::RtcpSender rtcp_;
  gateway::Alarm frame_alarm_, report_alarm_;

  sip::TimePoint start_{};
  bool key_wanted_ = false;
  std::vector<RtpPacket> packets_;  // of the present frame
  std::size_t sent_ = 0, burst_ = 0;
  std::uint16_t sequence_ = 0;
  std::uint32_t packet_count_ = 0, octet_count_ = 0;
  std::uint32_t last_timestamp_ = 0;
  sip::TimePoint last_due_{};
  std::vector<std::uint8_t> report_;
};

}  // namespace gbcam
