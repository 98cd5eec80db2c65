// RTSP sessions (RFC 2326 3.4, A.2): what a client has set up, in which state it is, and until when
// it lives without a sign of life. Pure.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "gateway/rtsp/target.hpp"
#include "gateway/rtsp/transport_header.hpp"
#include "gateway/stream.hpp"

namespace gateway {
class StreamHold;
}

namespace gateway::rtsp {

using Clock = std::chrono::steady_clock;
using TimePoint = Clock::time_point;
using Duration = Clock::duration;

// How long a session lives. Players send their sign of life at the limit they were told or a little
// after it, so we wait longer than we say.
struct SessionTimes {
  std::chrono::seconds told{60};
  std::chrono::seconds grace{15};
  // A UDP session whose RTSP connection has gone keeps only as long as RTCP keeps coming.
  std::chrono::seconds orphan{15};
};

class Session {
 public:
  enum class State : std::uint8_t { ready, playing };  // Init is: not in the table
  struct TrackSetup {
    std::size_t track = 0;  // index into the stream's tracks(); 0 for SAT>IP
    Transport transport;
  };

  Session(std::string id, std::uint64_t connection, Target target,
          std::shared_ptr<StreamHold> hold);

  const std::string& id() const { return id_; }
  std::uint64_t connection() const { return connection_; }  // that created it
  const Target& target() const { return target_; }          // as the first SETUP wrote it
  Stream& stream() const { return stream_; }
  State state() const { return state_; }
  const std::vector<TrackSetup>& setups() const { return setups_; }
  const TrackSetup* setup_of(std::size_t track) const {
    for (const auto& setup : setups_)
      if (setup.track == track) return &setup;
    return nullptr;
  }
  Transport::Lower lower() const { return setups_.front().transport.lower; }  // once set up
  // SAT>IP: all tracks as one MPEG-TS, addressed as /stream=N.
  std::optional<unsigned> satip_stream() const { return satip_stream_; }

  void set_up(std::size_t track, Transport transport);  // replaces what the track had
  void set_satip_stream(unsigned number) { satip_stream_ = number; }
  void remove(std::size_t track);
  void play() { state_ = State::playing; }
  // `position`: the packet after the last one sent; a later PLAY starts at a key frame behind it.
  void pause(std::uint64_t position);
  std::optional<std::uint64_t> paused_at() const { return paused_at_; }

  // Stream::layout() of the SDP by which it is set up.
  void set_layout(std::uint32_t layout) { layout_ = layout; }
  bool outdated() const { return layout_ != stream().layout(); }

  void touch(TimePoint now) { last_sign_of_life_ = now; }
  void orphan() { orphaned_ = true; }
  bool expired(TimePoint now, const SessionTimes& times) const;

  // The packet that PLAY starts with, when it is known already.
  std::optional<std::uint64_t> start_position() const;
  bool has_video() const;

 private:
  std::string id_;
  std::uint64_t connection_;
  Target target_;
  std::shared_ptr<StreamHold> hold_;
  Stream& stream_;  // of hold_: asked for each packet
  State state_ = State::ready;
  std::vector<TrackSetup> setups_;
  std::optional<unsigned> satip_stream_;
  std::optional<std::uint64_t> paused_at_;
  TimePoint last_sign_of_life_{};
  bool orphaned_ = false;
  std::uint32_t layout_ = 0;
};

// All sessions of a server.
class SessionTable {
 public:
  // `make_id` gives a fresh id that nobody can guess. `total`: of all servers that share the
  // capacity; may be null.
  SessionTable(SessionTimes times, std::size_t capacity, std::function<std::string()> make_id,
               std::atomic<std::size_t>* total = nullptr)
      : times_(times), capacity_(capacity), make_id_(std::move(make_id)), total_(total) {}

  const SessionTimes& times() const { return times_; }
  std::size_t size() const { return sessions_.size(); }
  bool full() const { return (total_ ? total_->load() : sessions_.size()) >= capacity_; }

  std::shared_ptr<Session> create(std::uint64_t connection, const Target& target,
                                  std::shared_ptr<StreamHold> hold, TimePoint now);
  std::shared_ptr<Session> find(std::string_view id) const;
  void erase(const Session& session);
  // A number for /stream=N that no living session has.
  unsigned next_satip_stream() { return ++last_satip_stream_; }

  // Valid until the next create() or erase().
  const std::vector<std::shared_ptr<Session>>& of_connection(std::uint64_t connection) const;
  std::vector<std::shared_ptr<Session>> expired(TimePoint now) const;
  template <class Visit>
  void for_each(Visit&& visit) const {
    for (const auto& [id, session] : sessions_) visit(*session);
  }

 private:
  SessionTimes times_;
  std::size_t capacity_;
  std::function<std::string()> make_id_;
  std::atomic<std::size_t>* total_;
  unsigned last_satip_stream_ = 0;
  std::unordered_map<std::string, std::shared_ptr<Session>> sessions_;
  std::unordered_map<std::uint64_t, std::vector<std::shared_ptr<Session>>> by_connection_;
};

}  // namespace gateway::rtsp
