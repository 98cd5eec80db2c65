// What the two kinds of viewers, interleaved and UDP, have in common: a session that plays, its
// place in the stream, its RTCP. Shell; lives on the stream's shard.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gateway/rtsp/play_head.hpp"
#include "gateway/rtsp/play_policy.hpp"
#include "gateway/rtsp/satip.hpp"
#include "gateway/rtsp/track_reports.hpp"
#include "gateway/stream.hpp"

namespace gateway::rtsp {

// For the API and the metrics.
struct ViewerFigures {
  std::string session, stream, peer;  // peer: address of the RTSP connection
  std::string transport;              // "tcp", "udp", "tcp-ts", "udp-ts"
  bool playing = false;
  std::uint64_t packets = 0, bytes = 0;
  std::uint64_t skips = 0, skipped_units = 0;  // for want of speed on the viewer's side
  std::int64_t queue_age_ms = 0;
  std::chrono::system_clock::time_point since;
  std::optional<rtp::ViewerReport> report;  // what the viewer says of loss and jitter
};

// One that has left.
struct Departure {
  ViewerFigures viewer;  // as it was
  std::string reason;
  std::chrono::system_clock::time_point at;
  bool too_slow = false;
};

std::int64_t steady_ns();

class LiveViewer : public gateway::Viewer {
 public:
  // Called when the viewer can go no further: the stream ended, or the viewer was too slow. May be
  // called from inside anything; the viewer must not be destroyed in it.
  using Over = std::function<void(const std::string& reason)>;

  LiveViewer(std::shared_ptr<Session> session, ViewerLimits limits, Over over);
  ~LiveViewer() override;
  LiveViewer(const LiveViewer&) = delete;
  LiveViewer& operator=(const LiveViewer&) = delete;

  const std::shared_ptr<Session>& session() const { return session_; }
  // Begins to send.
  void start(const PlayStart& start);
  void pause();
  // Sends RTCP BYE and nothing more.
  void finish(const std::string& reason);
  // A few times a second: reports that are due, backlog, stalls.
  void tick(std::int64_t now_ns);
  // RTCP from the viewer, by whichever way it came. True when it was a sign of life.
  bool on_rtcp(std::span<const std::uint8_t> bytes) { return reports_.on_rtcp(bytes, steady_ns()); }
  // Ended because it did not take what it was sent.
  bool too_slow() const { return too_slow_; }
  virtual ViewerFigures figures() const;

  void on_packets() final;
  void on_end(const std::string& reason) final;

 protected:
  // Sends as much as can be sent now.
  virtual void transmit(std::int64_t now_ns) = 0;
  virtual void send_rtcp(std::size_t track, std::span<const std::uint8_t> bytes) = 0;
  virtual bool stalled(std::int64_t now_ns) const = 0;
  // Media that is taken is a sign of life (TCP: a peer that is gone takes no more than buffers
  // hold).
  virtual bool acknowledges() const { return false; }

  bool playing() const { return playing_; }
  Stream& stream() const { return session_->stream(); }
  const rtp::OutPacket* next_packet() const;
  void report(std::size_t track, std::int64_t now_ns);
  void count(std::size_t bytes) {
    ++packets_;
    bytes_ += bytes;
  }
  void over(const std::string& reason);
  // Packets were published, or time has passed.
  void go_on(std::int64_t now_ns);

  std::shared_ptr<Session> session_;
  ViewerLimits limits_;
  PlayHead head_;
  std::unique_ptr<TsStream> ts_;  // SAT>IP only
  TrackReports reports_;

 private:
  Over over_;
  bool playing_ = false, is_over_ = false, too_slow_ = false;
  std::int64_t patient_until_ns_ = 0;  // then the newest key frame will do; 0: no limit
  std::uint64_t packets_ = 0, bytes_ = 0, bytes_at_tick_ = 0;
  std::chrono::system_clock::time_point since_ = std::chrono::system_clock::now();
  std::vector<std::uint8_t> rtcp_;  // reused
};

}  // namespace gateway::rtsp
