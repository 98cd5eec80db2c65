#include "gateway/rtsp/viewers.hpp"

#include <boost/asio/post.hpp>

#include "gateway/rtsp/tcp_viewer.hpp"
#include "gateway/rtsp/udp_viewer.hpp"

namespace gateway::rtsp {

Viewers::Viewers(boost::asio::any_io_executor executor, const ServerOptions& options,
                 SessionTable& sessions, UdpSender& udp, SessionOver session_over)
    : executor_(std::move(executor)),
      options_(options),
      sessions_(sessions),
      udp_(udp),
      session_over_(std::move(session_over)) {
  udp_.set_announced([this](std::uint16_t port) { return is_announced(port); });
}

Viewers::~Viewers() {
  udp_.set_announced({});
}

bool Viewers::is_announced(std::uint16_t port) const {
  bool found = false;
  sessions_.for_each([&](const Session& session) {
    for (const auto& setup : session.setups())
      found |= setup.transport.client_rtp_port == port || setup.transport.client_rtcp_port == port;
  });
  return found;
}

void Viewers::start(const std::shared_ptr<Session>& session, const Route& route,
                    const PlayStart& from) {
  auto& entry = viewers_[session.get()];
  if (!entry.viewer) {
    entry.viewer = make(session, route);
    entry.peer = route.peer;
  }
  entry.viewer->start(from);
}

std::unique_ptr<LiveViewer> Viewers::make(const std::shared_ptr<Session>& session,
                                          const Route& route) {
  const auto over = [this, weak = std::weak_ptr(session)](const std::string& reason) {
    if (const auto alive = weak.lock()) end_later(alive, reason);
  };
  if (session->lower() == Transport::Lower::tcp)
    return std::make_unique<TcpViewer>(session, options_.viewer_limits, route.writer, over);
  auto viewer = std::make_unique<UdpViewer>(session, options_.viewer_limits, options_.udp_pace,
                                            udp_, executor_, route.address, over);
  viewer->on_life_sign([weak = std::weak_ptr(session)] {
    if (const auto alive = weak.lock()) alive->touch(Clock::now());
  });
  return viewer;
}

// A viewer may say so in the middle of a batch; it is taken apart when that is over.
void Viewers::end_later(const std::shared_ptr<Session>& session, const std::string& reason) {
  boost::asio::post(executor_, [this, session, reason, weak = std::weak_ptr(alive_)] {
    if (!weak.expired()) end(session, reason);
  });
}

void Viewers::end(const std::shared_ptr<Session>& session, const std::string& reason) {
  if (sessions_.find(session->id()) != session) return;  // ended by TEARDOWN meanwhile
  finish(*session, reason);
  sessions_.erase(*session);
  session_over_(*session, reason);
}

void Viewers::pause(const Session& session) {
  const auto found = viewers_.find(&session);
  if (found != viewers_.end()) found->second.viewer->pause();
}

void Viewers::finish(const Session& session, const std::string& reason) {
  const auto found = viewers_.find(&session);
  if (found == viewers_.end()) return;
  auto& viewer = *found->second.viewer;
  viewer.finish(reason);
  auto figures = viewer.figures();
  figures.peer = found->second.peer;
  left_.skips += figures.skips;
  left_.skipped_units += figures.skipped_units;
  if (viewer.too_slow()) ++left_.too_slow;
  if (departures_.size() == departures_kept) departures_.pop_front();
  departures_.push_back(
      {std::move(figures), reason, std::chrono::system_clock::now(), viewer.too_slow()});
  viewers_.erase(found);
}

Viewers::Totals Viewers::totals() const {
  auto totals = left_;
  for (const auto& [session, entry] : viewers_) {
    const auto figures = entry.viewer->figures();
    totals.skips += figures.skips;
    totals.skipped_units += figures.skipped_units;
  }
  return totals;
}

bool Viewers::on_rtcp(const Session& session, std::span<const std::uint8_t> bytes) {
  const auto found = viewers_.find(&session);
  return found != viewers_.end() && found->second.viewer->on_rtcp(bytes);
}

void Viewers::tick(TimePoint now) {
  for (const auto& session : sessions_.expired(now))
    end(session, "no sign of life within the session's time");
  const auto now_ns = steady_ns();
  for (auto& [session, entry] : viewers_) entry.viewer->tick(now_ns);
}

void Viewers::clear(const std::string& reason) {
  for (auto& [session, entry] : viewers_) entry.viewer->finish(reason);
  viewers_.clear();
}

std::vector<ViewerFigures> Viewers::figures() const {
  std::vector<ViewerFigures> all;
  for (const auto& [session, entry] : viewers_) {
    all.push_back(entry.viewer->figures());
    all.back().peer = entry.peer;
  }
  return all;
}

}  // namespace gateway::rtsp
