#include "gateway/rtsp/track_reports.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

namespace gateway::rtsp {
namespace {

constexpr int early_reports = 3;
constexpr std::int64_t early_interval_ns = 1'000'000'000;

// The stream's clock is tied to the wall clock; this is used only before that is known.
std::int64_t wall_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

}  // namespace

TrackReports::TrackReports(const Session& session, const TsStream* ts)
    : session_(session), ts_(ts) {
  add_missing();
}

void TrackReports::add_missing() {
  const auto tracks = session_.stream().tracks();
  for (const auto& setup : session_.setups()) {
    if (find(setup.track)) continue;
    rtp::RtcpSenderOptions options;
    options.ssrc = ts_ ? ts_->ssrc() : tracks[setup.track].ssrc;
    options.cname = session_.stream().cname();
    tracks_.push_back({setup.track, rtp::RtcpSender(options), false});
  }
}

TrackReports::Track* TrackReports::find(std::size_t track) {
  for (auto& candidate : tracks_)
    if (candidate.index == track) return &candidate;
  return nullptr;
}
const TrackReports::Track* TrackReports::find(std::size_t track) const {
  for (const auto& candidate : tracks_)
    if (candidate.index == track) return &candidate;
  return nullptr;
}

bool TrackReports::first_due(std::size_t track) const {
  const auto* found = find(track);
  return found && !found->started;
}

bool TrackReports::due(std::size_t track, std::int64_t now_ns) const {
  const auto* found = find(track);
  if (!found || !found->started || found->reported_ns == now_ns) return false;
  return found->outdated || early(now_ns) || std::ranges::any_of(tracks_, [&](const Track& other) {
           return other.started && (other.reported_ns == now_ns || other.sender.due(now_ns));
         });
}

rtp::SenderInfo TrackReports::sender_info(std::size_t track) const {
  const auto& stream = session_.stream();
  const auto report = stream.sender_report(track, wall_ns());
  rtp::SenderInfo info{.ntp = rtp::NtpTime{report.ntp},
                       .rtp_timestamp = report.rtp_timestamp,
                       .packet_count = report.packet_count,
                       .octet_count = report.octet_count};
  if (ts_) {
    info.rtp_timestamp = ts_->last_timestamp();
    info.packet_count = ts_->packets();
    info.octet_count = ts_->octets();
  }
  return info;
}

void TrackReports::report(std::size_t track, std::int64_t now_ns, std::vector<std::uint8_t>& out) {
  auto* found = find(track);
  if (!found) return;
  const bool first = !std::exchange(found->started, true);
  for (auto& other : tracks_) other.outdated |= first;
  if (first) early_left_ = early_reports;
  if (first || early(now_ns)) {
    early_left_ -= first ? 0 : 1;
    early_ns_ = now_ns + early_interval_ns;
  }
  found->outdated = false;
  found->reported_ns = now_ns;
  found->sender.report(sender_info(track), now_ns, out);
}

bool TrackReports::bye(std::size_t track, const std::string& reason,
                       std::vector<std::uint8_t>& out) {
  auto* found = find(track);
  if (!found || !found->started) return false;
  found->started = false;
  found->sender.bye(sender_info(track), reason, out);
  return true;
}

bool TrackReports::on_rtcp(std::span<const std::uint8_t> bytes, std::int64_t now_ns) {
  bool readable = false;
  for (auto& track : tracks_) readable |= track.sender.on_rtcp(bytes, now_ns).has_value();
  return readable;
}

std::optional<rtp::ViewerReport> TrackReports::viewer_report() const {
  std::optional<rtp::ViewerReport> worst;
  for (const auto& track : tracks_) {
    const auto& report = track.sender.viewer_report();
    if (report && (!worst || report->fraction_lost > worst->fraction_lost)) worst = report;
  }
  return worst;
}

}  // namespace gateway::rtsp
