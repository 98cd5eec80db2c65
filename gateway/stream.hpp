// One source, many viewers. Holds the newest packets in a ring that all viewers share; a viewer is
// a cursor into it, so that a packet costs a viewer nothing until it is written to the viewer's
// socket. Knows no protocol and does no I/O. Lives on one shard; nothing here is thread-safe.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "gateway/flush_turn.hpp"
#include "gateway/key_requests.hpp"
#include "gateway/packet_ring.hpp"
#include "rtp/media.hpp"

namespace gateway {

// What a stream tells whoever watches it. Called on the stream's shard, never from inside
// attach() or detach(). A viewer may detach (itself or another) inside a call.
class Viewer {
 public:
  virtual ~Viewer() = default;
  // New packets are there, up to stream.end(); called once per batch that the source delivered.
  virtual void on_packets() = 0;
  // The stream is over and will not continue. `reason` is for people.
  virtual void on_end(const std::string& reason) = 0;
};

// Who can be asked for a key frame. Called on the stream's shard.
class KeySource {
 public:
  virtual void ask_key_frame() = 0;
  // To be remembered for the next stream of the same device.
  virtual void on_key_memory(const KeyMemory& memory) = 0;

 protected:
  ~KeySource() = default;
};

// How much the ring remembers: the newest group of pictures and whatever is younger than
// `backlog_ns`, but never more than the two other limits. A viewer whose cursor the ring has
// passed has lost packets (see Stream::begin()).
struct StreamLimits {
  std::size_t ring_bytes = 16 * 1024 * 1024;
  std::size_t ring_packets = 32768;
  std::int64_t backlog_ns = 2'000'000'000;
};

// An RTP timestamp and the wall clock of the instant it was captured; RFC 3550 6.4.1.
struct SenderReport {
  std::uint64_t ntp = 0;  // 32.32 fixed point, seconds since 1900
  std::uint32_t rtp_timestamp = 0;
  std::uint32_t packet_count = 0;
  std::uint32_t octet_count = 0;
};

class Stream {
 public:
  // Without a turn flush() speaks to the viewers at once.
  Stream(std::string name, StreamLimits limits, FlushTurn* turn = nullptr);
  ~Stream();
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  const std::string& name() const { return name_; }
  const std::string& cname() const { return cname_; }  // RTCP SDES, the same for all tracks

  // Tracks; an OutPacket's track is the index. Grows when audio shows up late; never shrinks.
  std::span<const rtp::Track> tracks() const { return tracks_; }
  // True when there is at least one track whose parameter sets are known, so that an SDP can be
  // made.
  bool ready() const { return ready_; }
  // An SDP can be made, be it of what the source sent when it last ran.
  bool describable() const { return ready_ || remembered_; }
  // The tracks up to the last that has sent anything: worth remembering.
  std::span<const rtp::Track> heard_tracks() const;
  // Changes when an SDP that was made before is wrong: a track has another codec or clock.
  std::uint32_t layout() const { return layout_; }
  bool ended() const { return ended_; }
  const std::string& end_reason() const { return end_reason_; }

  // The ring: packets [begin(), end()) can be read. A cursor below begin() has been overtaken.
  std::uint64_t begin() const { return ring_.begin(); }
  std::uint64_t end() const { return ring_.end(); }
  const rtp::OutPacket& packet(std::uint64_t index) const { return ring_[index]; }
  // Where a new viewer can start decoding: the first packet of the newest random access point in
  // the ring; empty before the first one. For an audio-only stream: end().
  std::optional<std::uint64_t> latest_key() const;
  // The first random access point at or after `index`, for a viewer that must skip.
  std::optional<std::uint64_t> next_key(std::uint64_t index) const;

  // A viewer would like a key frame soon. Wishes are merged; the source may ignore them.
  void wish_key(std::int64_t now_ns);
  const KeyRequests& key_requests() const { return key_requests_; }

  // For an RTCP SR of a track at this moment: maps capture time, not time of sending.
  SenderReport sender_report(std::size_t track, std::int64_t now_ns) const;

  // The viewer must detach before it dies. It sees packets from the next batch on.
  void attach(Viewer& viewer);
  void detach(Viewer& viewer);
  std::size_t viewer_count() const { return viewers_.size(); }

  // ---- the source's side ----
  // Null: nobody can be asked any more. The source must outlive this or take itself back.
  void set_key_source(KeySource* source, const KeyMemory& memory = {});
  // Sets or replaces the tracks; those beyond the new ones stay, and a stream that was ready stays
  // ready. When a track's kind changed (see layout()) only the new ones are left, and viewers are
  // told that they must come again.
  void set_tracks(std::vector<rtp::Track> tracks, bool ready);
  // The tracks that the stream had when it last ran, until the source says better.
  void remember(std::vector<rtp::Track> tracks);
  // How a packetizer that takes over a track goes on with its numbers. Without a value when the
  // track is new or of another codec.
  struct Continuation {
    std::uint32_t ssrc = 0;
    std::optional<std::uint16_t> next_sequence{};  // none when nothing was sent yet
    std::optional<std::uint32_t>
        timestamp_offset{};  // RTP timestamp of pts 0, in the track's clock
  };
  std::optional<Continuation> continuation(std::size_t track, rtp::Codec codec) const;
  // Where the time line is at this moment, when an earlier source has left it somewhere.
  std::optional<std::int64_t> pts_at(std::int64_t now_ns) const;
  // Appends a packet; viewers hear of it after the next flush().
  void publish(rtp::OutPacket&& packet);
  void flush();
  void speak();  // for FlushTurn: tells the viewers
  // Ties the stream's time line to the wall clock: the instant `wall_ns` (since 1970) was
  // captured at `pts_90khz`. Called now and then; small corrections only.
  void set_clock(std::int64_t pts_90khz, std::int64_t wall_ns);
  void end(const std::string& reason);

  // ---- figures ----
  struct Counters {
    std::uint64_t packets = 0, bytes = 0, units = 0, keys = 0;
  };
  const Counters& counters() const { return counters_; }
  std::size_t ring_bytes() const { return ring_bytes_; }

 private:
  struct TrackCounters {
    std::uint32_t packets = 0, octets = 0, last_timestamp = 0;
    std::uint16_t last_sequence = 0;
    std::int64_t last_pts_90khz = 0;
  };
  bool fits(const std::vector<rtp::Track>& tracks) const;
  void tell_end(const std::string& reason);
  void trim(std::int64_t now_ns);
  bool is_spare(std::int64_t now_ns) const;
  void tend_key_requests(std::int64_t now_ns);
  void forget_first();

  std::string name_, cname_;
  StreamLimits limits_;
  FlushTurn* turn_;
  bool has_turn_ = false;  // turn_ will call
  bool in_unit_ = false;   // the newest packet was not its unit's last
  std::vector<rtp::Track> tracks_;
  std::vector<TrackCounters> track_counters_;
  bool ready_ = false, ended_ = false, remembered_ = false;
  std::uint32_t layout_ = 0;
  std::string end_reason_;
  PacketRing ring_;
  std::size_t ring_bytes_ = 0;
  std::deque<std::uint64_t> keys_;  // indices of first packets of random access points, ascending
  bool has_video_ = false;
  KeyRequests key_requests_;
  KeySource* key_source_ = nullptr;
  Obedience told_obedience_ = Obedience::unknown;
  std::int64_t newest_arrival_ns_ = 0, newest_pts_90khz_ = 0;
  std::int64_t clock_pts_90khz_ = 0, clock_wall_ns_ = 0;
  bool clock_known_ = false;
  std::vector<Viewer*> viewers_;  // nullptr where one left during a call
  bool calling_ = false;
  Counters counters_;
};

}  // namespace gateway
