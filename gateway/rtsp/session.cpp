#include "gateway/rtsp/session.hpp"

#include <algorithm>

#include "gateway/stream_source.hpp"

namespace gateway::rtsp {

Session::Session(std::string id, std::uint64_t connection, Target target,
                 std::shared_ptr<StreamHold> hold)
    : id_(std::move(id)),
      connection_(connection),
      target_(std::move(target)),
      hold_(std::move(hold)),
      stream_(hold_->stream()),
      layout_(stream_.layout()) {}

void Session::set_up(std::size_t track, Transport transport) {
  remove(track);
  setups_.push_back({track, std::move(transport)});
}

void Session::remove(std::size_t track) {
  std::erase_if(setups_, [&](const TrackSetup& setup) { return setup.track == track; });
}

void Session::pause(std::uint64_t position) {
  state_ = State::ready;
  paused_at_ = position;
}

bool Session::expired(TimePoint now, const SessionTimes& times) const {
  const auto limit = orphaned_ ? times.orphan : times.told + times.grace;
  return now - last_sign_of_life_ > limit;
}

bool Session::has_video() const {
  const auto tracks = stream().tracks();
  return std::any_of(tracks.begin(), tracks.end(), [&](const rtp::Track& track) {
    const auto index = static_cast<std::size_t>(&track - tracks.data());
    return rtp::kind_of(track.codec) == rtp::MediaKind::video && (satip_stream_ || setup_of(index));
  });
}

std::optional<std::uint64_t> Session::start_position() const {
  const Stream& live = stream();
  if (!has_video()) return live.end();
  const auto key = live.latest_key();
  // After a pause, nothing is sent twice.
  if (key && paused_at_ && *key < *paused_at_) return {};
  return key;
}

std::shared_ptr<Session> SessionTable::create(std::uint64_t connection, const Target& target,
                                              std::shared_ptr<StreamHold> hold, TimePoint now) {
  std::string id = make_id_();
  while (sessions_.contains(id)) id = make_id_();
  auto session = std::make_shared<Session>(id, connection, target, std::move(hold));
  session->touch(now);
  sessions_.emplace(std::move(id), session);
  if (total_) ++*total_;
  by_connection_[connection].push_back(session);
  return session;
}

std::shared_ptr<Session> SessionTable::find(std::string_view id) const {
  const auto found = sessions_.find(std::string(id));
  return found == sessions_.end() ? nullptr : found->second;
}

void SessionTable::erase(const Session& session) {
  const auto found = sessions_.find(session.id());
  if (found == sessions_.end()) return;
  const auto kept = found->second;  // `session` may be a reference into the tables
  sessions_.erase(found);
  if (total_) --*total_;
  const auto group = by_connection_.find(kept->connection());
  std::erase(group->second, kept);
  if (group->second.empty()) by_connection_.erase(group);
}

const std::vector<std::shared_ptr<Session>>& SessionTable::of_connection(
    std::uint64_t connection) const {
  static const std::vector<std::shared_ptr<Session>> none;
  const auto found = by_connection_.find(connection);
  return found == by_connection_.end() ? none : found->second;
}

std::vector<std::shared_ptr<Session>> SessionTable::expired(TimePoint now) const {
  std::vector<std::shared_ptr<Session>> found;
  for (const auto& [id, session] : sessions_)
    if (session->expired(now, times_)) found.push_back(session);
  return found;
}

}  // namespace gateway::rtsp
