// RTCP as one participant runs it (RFC 3550 6): RtcpReceiver reports on a device's stream,
// RtcpSender describes ours to a viewer. Pure: `now_ns` (steady) in, bytes and deadlines out.
//
// The interval is fixed (5 s by default, varied by +-10 % so that a thousand streams do not report
// at once): each session has two participants, so the scaling of 6.3 has nothing to scale.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "rtp/packet.hpp"
#include "rtp/reception_stats.hpp"
#include "rtp/rtcp.hpp"

namespace rtp {

struct RtcpReceiverOptions {
  std::uint32_t own_ssrc = 0;  // of our reports; must differ from the device's
  std::string cname;
  std::int64_t interval_ns = 5 * ns_per_second;
  std::uint32_t clock_rate_hz = 90000;
  bool only_after_sender_report = false;  // stay silent to devices that send no RTCP
};

// What a compound from the device said.
struct RtcpNews {
  bool sender_report = false;
  bool bye = false;  // of the media source, or of the only source there is
  std::string bye_reason;
};

class RtcpReceiver {
 public:
  explicit RtcpReceiver(RtcpReceiverOptions options);

  // Every RTP packet as it arrives. Another SSRC than before starts the statistics over.
  void on_rtp(const Packet& packet, std::int64_t now_ns);
  // Every RTCP packet. An SR of an SSRC that sends no media is heeded too (devices err there).
  Result<RtcpNews> on_rtcp(std::span<const std::uint8_t> bytes, std::int64_t now_ns);

  // Appends a compound RR + SDES to `out` when one is due; otherwise leaves it alone.
  void on_deadline(std::int64_t now_ns, std::vector<std::uint8_t>& out);
  // Empty before the first RTP packet.
  std::optional<std::int64_t> next_deadline() const { return deadline_ns_; }
  // RR + SDES + BYE; for the end.
  void bye(std::int64_t now_ns, std::vector<std::uint8_t>& out);

  // The last SR, for A/V sync and the age of the picture; empty before it. Check ntp.sane().
  const std::optional<SenderInfo>& sender_info() const { return sender_info_; }
  const ReceptionStats& stats() const { return stats_; }
  std::uint64_t sender_reports() const { return sender_reports_; }
  std::uint64_t malformed() const { return malformed_; }

 private:
  void report(std::int64_t now_ns, std::vector<std::uint8_t>& out);
  void on_report(const RtcpSenderReport& report, std::int64_t now_ns);

  RtcpReceiverOptions options_;
  ReceptionStats stats_;
  std::uint32_t media_ssrc_ = 0;
  bool media_seen_ = false;
  std::optional<SenderInfo> sender_info_;
  std::int64_t sender_report_ns_ = 0;
  std::optional<std::int64_t> deadline_ns_;
  std::uint64_t sender_reports_ = 0, malformed_ = 0;
  std::uint32_t variation_;
};

struct RtcpSenderOptions {
  std::uint32_t ssrc = 0;
  std::string cname;  // the same for all tracks of a stream
  std::int64_t interval_ns = 5 * ns_per_second;
};

// What the last report of a viewer said about our stream.
struct ViewerReport {
  std::uint8_t fraction_lost = 0;
  std::int32_t cumulative_lost = 0;
  std::uint32_t jitter = 0;
  std::optional<std::int64_t> round_trip_ns;  // when it names an SR of ours
};

// What a compound from a viewer said.
struct ViewerNews {
  bool report = false;  // on our SSRC; see viewer_report()
  bool bye = false;     // the viewer leaves
};

class RtcpSender {
 public:
  explicit RtcpSender(RtcpSenderOptions options);

  // The first report is due before the first RTP packet, so that players sync at once.
  void start(std::int64_t now_ns) { deadline_ns_ = now_ns; }
  std::optional<std::int64_t> next_deadline() const { return deadline_ns_; }
  bool due(std::int64_t now_ns) const { return deadline_ns_ && now_ns >= *deadline_ns_; }
  // Appends SR + SDES(CNAME) as one compound packet; sets the next deadline.
  void report(const SenderInfo& info, std::int64_t now_ns, std::vector<std::uint8_t>& out);
  // Appends SR + SDES + BYE as one compound packet. No deadline afterwards.
  void bye(const SenderInfo& info, const std::string& reason, std::vector<std::uint8_t>& out);

  // A viewer's RTCP: any readable compound is a sign of life.
  Result<ViewerNews> on_rtcp(std::span<const std::uint8_t> bytes, std::int64_t now_ns);
  const std::optional<ViewerReport>& viewer_report() const { return viewer_report_; }

 private:
  void on_block(const ReportBlock& block, std::int64_t now_ns);

  RtcpSenderOptions options_;
  std::optional<std::int64_t> deadline_ns_;
  std::uint32_t last_sr_ = 0;
  std::int64_t last_sr_ns_ = 0;
  std::optional<ViewerReport> viewer_report_;
  std::uint32_t variation_;
};

// One compound SR + SDES(CNAME), for callers that keep their own time.
void write_sender_compound(std::uint32_t ssrc, const std::string& cname, const SenderInfo& info,
                           std::vector<std::uint8_t>& out);

}  // namespace rtp
