#include "gateway/rtsp/live_viewer.hpp"

#include <random>

namespace gateway::rtsp {
namespace {

std::unique_ptr<TsStream> make_ts(const Session& session) {
  if (!session.satip_stream()) return nullptr;
  std::random_device random;
  const auto tracks = session.stream().tracks();
  return std::make_unique<TsStream>(tracks, tracks.empty() ? random() : tracks[0].ssrc,
                                    static_cast<std::uint16_t>(random()));
}

}  // namespace

std::int64_t steady_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now().time_since_epoch())
      .count();
}

LiveViewer::LiveViewer(std::shared_ptr<Session> session, ViewerLimits limits, Over over)
    : session_(std::move(session)),
      limits_(limits),
      head_(*session_, limits, session_->lower() == Transport::Lower::udp),
      ts_(make_ts(*session_)),
      reports_(*session_, ts_.get()),
      over_(std::move(over)) {}

LiveViewer::~LiveViewer() {
  if (playing_) stream().detach(*this);
}

void LiveViewer::start(const PlayStart& start) {
  const auto now_ns = steady_ns();
  if (!playing_) stream().attach(*this);
  playing_ = true;
  patient_until_ns_ = start.patience_ns > 0 ? now_ns + start.patience_ns : 0;
  if (start.ask) stream().wish_key(now_ns);
  reports_.add_missing();
  head_.start(start.at, now_ns, start.promised);
  if (ts_) ts_->set_tracks(stream().tracks());
  go_on(now_ns);
}

void LiveViewer::go_on(std::int64_t now_ns) {
  head_.refresh(now_ns);
  if (patient_until_ns_ > 0 && now_ns >= patient_until_ns_ && head_.waiting()) {
    patient_until_ns_ = 0;
    head_.start(session_->start_position(), now_ns);
  }
  transmit(now_ns);
}

void LiveViewer::pause() {
  if (playing_) stream().detach(*this);
  playing_ = false;
}

void LiveViewer::finish(const std::string& reason) {
  pause();
  for (const auto& setup : session_->setups()) {
    rtcp_.clear();
    if (reports_.bye(setup.track, reason, rtcp_)) send_rtcp(setup.track, rtcp_);
  }
}

void LiveViewer::tick(std::int64_t now_ns) {
  if (!playing_) return;
  head_.check_backlog(now_ns);
  go_on(now_ns);
  for (const auto& setup : session_->setups())
    if (reports_.due(setup.track, now_ns)) report(setup.track, now_ns);
  if (acknowledges() && bytes_ != bytes_at_tick_) session_->touch(Clock::now());
  bytes_at_tick_ = bytes_;
  if (stalled(now_ns) || head_.stalled(now_ns)) too_slow_ = true;
  if (too_slow_)
    over("viewer too slow: it took nothing, or no whole picture, for " +
         std::to_string(limits_.stall_ns / 1'000'000'000) + " s");
}

void LiveViewer::report(std::size_t track, std::int64_t now_ns) {
  rtcp_.clear();
  reports_.report(track, now_ns, rtcp_);
  send_rtcp(track, rtcp_);
}

void LiveViewer::on_packets() {
  go_on(steady_ns());
}

void LiveViewer::on_end(const std::string& reason) {
  finish(reason);
  over("stream ended: " + reason);
}

void LiveViewer::over(const std::string& reason) {
  if (is_over_) return;
  is_over_ = true;
  pause();
  if (over_) over_(reason);
}

const rtp::OutPacket* LiveViewer::next_packet() const {
  const auto index = head_.next(head_.position());
  return index == stream().end() ? nullptr : &stream().packet(index);
}

ViewerFigures LiveViewer::figures() const {
  ViewerFigures figures;
  figures.session = session_->id();
  figures.stream = stream().name();
  figures.transport = session_->lower() == Transport::Lower::tcp ? "tcp" : "udp";
  if (ts_) figures.transport += "-ts";
  figures.playing = playing_;
  figures.packets = packets_;
  figures.bytes = bytes_;
  figures.skips = head_.skips();
  figures.skipped_units = head_.skipped_units();
  figures.queue_age_ms = playing_ ? head_.queue_age_ns(steady_ns()) / 1'000'000 : 0;
  figures.since = since_;
  figures.report = reports_.viewer_report();
  return figures;
}

}  // namespace gateway::rtsp
