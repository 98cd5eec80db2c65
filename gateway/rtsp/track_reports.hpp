// The RTCP that one viewer gets (RFC 3550 6): for each track SR + SDES before its first RTP packet
// and every 5 s, SR + SDES + BYE at the end; and what its receiver reports say. Pure.
//
// At first every second (6.2 allows it at the rates of video): players that are sent old pictures
// faster than they were taken learn the wrong clock from that, and hold to it until the next SR.
//
// All tracks report at the same time: what ties the stream to the wall clock moves by some
// milliseconds while it is learnt, and picture and sound shall move together.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "gateway/rtsp/satip.hpp"
#include "gateway/rtsp/session.hpp"
#include "rtp/rtcp_session.hpp"

namespace gateway::rtsp {

class TrackReports {
 public:
  // `session` outlives it. For SAT>IP, `ts` describes the only track.
  explicit TrackReports(const Session& session, const TsStream* ts = nullptr);
  // Takes in tracks that were set up since.
  void add_missing();

  // True when the track's RTP must wait for its first report.
  bool first_due(std::size_t track) const;
  bool due(std::size_t track, std::int64_t now_ns) const;
  // Appends a compound for the track; `now_ns` is the steady clock.
  void report(std::size_t track, std::int64_t now_ns, std::vector<std::uint8_t>& out);
  // False when the track never sent anything: there is nothing to say good-bye to.
  bool bye(std::size_t track, const std::string& reason, std::vector<std::uint8_t>& out);
  // From the viewer. True when it can be read: a sign of life.
  bool on_rtcp(std::span<const std::uint8_t> bytes, std::int64_t now_ns);
  // The worst of the tracks.
  std::optional<rtp::ViewerReport> viewer_report() const;

 private:
  struct Track {
    std::size_t index;
    rtp::RtcpSender sender;
    bool started = false;
    bool outdated = false;  // another track has begun, and told a newer time
    std::int64_t reported_ns = INT64_MIN;
  };
  Track* find(std::size_t track);
  const Track* find(std::size_t track) const;
  rtp::SenderInfo sender_info(std::size_t track) const;

  bool early(std::int64_t now_ns) const { return early_left_ > 0 && now_ns >= early_ns_; }

  const Session& session_;
  const TsStream* ts_;
  int early_left_ = 0;  // reports before their time
  std::int64_t early_ns_ = 0;
  std::vector<Track> tracks_;
};

}  // namespace gateway::rtsp
