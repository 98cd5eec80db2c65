// Where one viewer is in its stream's ring, and how far behind: starts at a key frame, and when the
// viewer cannot keep up, goes on at a later one. Pure.
//
// A paced one sends what is older than its start at four times the speed at which it came, until it
// is level with the source: a group of pictures in one burst overruns UDP receivers.
#pragma once

#include <cstdint>
#include <optional>

#include "gateway/rtsp/session.hpp"
#include "gateway/stream.hpp"

namespace gateway::rtsp {

struct ViewerLimits {
  std::int64_t backlog_ns = 2'000'000'000;        // age of the next packet to send
  std::uint64_t backlog_bytes = 4 * 1024 * 1024;  // published and not sent
  // Nothing taken for so long, or a picture begun and not finished within it: disconnect.
  std::int64_t stall_ns = 10'000'000'000;
};

// A batch is made by walking: i = next(position()); i = next(i + 1); ... until stream.end(); what
// was really sent is then told to sent(), in order.
class PlayHead {
 public:
  // `session` outlives it; its set-up tracks are those that are sent.
  PlayHead(const Session& session, ViewerLimits limits, bool paced = false)
      : session_(session), limits_(limits), pace_(paced) {}

  // Empty: at the next key frame. Packets before `promised` are never left out for getting level.
  void start(std::optional<std::uint64_t> at, std::int64_t now_ns, std::uint64_t promised = 0);
  // To be called when packets were published, before walking: a key frame that was waited for may
  // be there, or the ring may have overtaken the viewer.
  void refresh(std::int64_t now_ns);
  std::uint64_t position() const { return position_; }
  // The first packet at or after `index` that is to be sent; stream.end() when there is none.
  std::uint64_t next(std::uint64_t index) const;
  void sent(std::uint64_t index);
  // To be called when not everything could be sent. Beyond a limit, plans to go on at the newest
  // key frame, or to wait for one. A unit that was begun is finished first.
  void check_backlog(std::int64_t now_ns);
  // When the packet may leave, on the steady clock.
  std::int64_t due_ns(std::uint64_t index) const;
  // Everything has been sent.
  void reached_end() { pacing_ = false; }
  // The begun picture has not moved on for longer than the limit: the viewer is beyond help.
  bool stalled(std::int64_t now_ns) const;

  // Nothing is sent before a key frame comes.
  bool waiting() const { return waiting_; }
  // What is sent now was published before the start, or before the last jump.
  bool catching_up() const { return pacing_ || position_ < free_until_; }
  std::int64_t queue_age_ns(std::int64_t now_ns) const;
  std::uint64_t skips() const { return skips_; }
  std::uint64_t skipped_units() const { return skipped_units_; }

 private:
  struct Jump {
    std::uint64_t from = 0;
    std::optional<std::uint64_t> to;  // empty: to the next key frame
  };
  Stream& stream() const { return session_.stream(); }
  void count_skipped_units(std::uint64_t until);
  bool wanted(const rtp::OutPacket& packet) const;
  bool video(const rtp::OutPacket& packet) const;
  void jump(std::uint64_t to, std::int64_t now_ns);
  void perform_jump(std::int64_t now_ns);
  void get_level();
  void skip(std::int64_t now_ns);
  std::int64_t age_ns(std::uint64_t index, std::int64_t now_ns) const;
  std::optional<std::uint64_t> end_of_unit() const;
  void count_backlog();

  const Session& session_;
  ViewerLimits limits_;
  bool pace_, pacing_ = false;
  std::int64_t pace_from_ns_ = 0;  // arrival of the first packet of what is paced
  std::uint64_t position_ = 0, promised_ = 0;
  bool waiting_ = false;  // for a key frame at or after position_
  bool in_unit_ = false;  // the last video packet sent was not its unit's last
  std::optional<Jump> jump_;
  std::int64_t since_ns_ = 0;          // of the start, or of the last jump
  std::int64_t excused_until_ns_ = 0;  // what came before is no backlog: pacing holds it back
  std::uint64_t free_until_ = 0;       // packets that were old at the start are no backlog
  std::uint64_t counted_until_ = 0;    // backlog_bytes_ is of [free_until_, counted_until_)
  std::uint64_t backlog_bytes_ = 0;
  std::uint64_t units_counted_until_ = 0;
  std::uint64_t skips_ = 0, skipped_units_ = 0;
};

}  // namespace gateway::rtsp
