// What the parts of a Demuxer share during one push. Internal to rtp/ps.
#pragma once

#include <string>
#include <vector>

#include "rtp/ps/demuxer.hpp"

namespace rtp::ps {

struct DemuxContext {
  std::vector<EsChunk>& out;
  std::size_t first_chunk;  // of this push, in out
  PushInfo info;
  DemuxerCounters& counters;
  const DemuxerLimits& limits;
  std::vector<Track>& tracks;
  std::uint32_t& tracks_version;
  std::string& diagnosis;
};

// Puts a track's bytes out as units: knows which chunk begins and which ends one.
class UnitWriter {
 public:
  void set_track(std::size_t track) { track_ = static_cast<std::uint8_t>(track); }
  std::uint8_t track() const { return track_; }
  bool open() const { return open_; }
  bool begun() const { return open_ && !begin_pending_; }  // some of the unit was put out
  std::int64_t pts_90khz() const { return pts_90khz_; }

  void begin(std::int64_t pts_90khz, bool damaged) {
    open_ = begin_pending_ = true;
    damaged_ = damaged;
    pts_90khz_ = pts_90khz;
  }
  void write(Slice&& bytes, bool plain, DemuxContext& context) {
    if (!begin_pending_ && continues_last(bytes, context)) {
      context.out.back().bytes.size += bytes.size;
      context.out.back().plain = false;  // one might lie across the border
      return;
    }
    context.out.push_back({.track = track_,
                           .unit_begin = begin_pending_,
                           .unit_end = false,
                           .damaged = begin_pending_ && damaged_,
                           .plain = plain,
                           .pts_90khz = pts_90khz_,
                           .bytes = std::move(bytes)});
    begin_pending_ = false;
  }
  // On its last chunk when that came with this push, else on an empty one.
  void end(DemuxContext& context) {
    open_ = false;
    if (begin_pending_) return;  // nothing of it was put out
    ++context.counters.units;
    for (std::size_t i = context.out.size(); i > context.first_chunk; --i) {
      EsChunk& chunk = context.out[i - 1];
      if (chunk.track != track_) continue;
      chunk.unit_end = true;
      return;
    }
    context.out.push_back(
        {.track = track_, .unit_end = true, .pts_90khz = pts_90khz_, .bytes = {}});
  }
  // Bytes are missing from here on.
  void break_off(DemuxContext& context) {
    open_ = false;
    if (begin_pending_) return;
    ++context.counters.damaged_units;
    context.out.push_back(
        {.track = track_, .unit_end = true, .damaged = true, .pts_90khz = pts_90khz_, .bytes = {}});
  }

 private:
  // What was cut to be looked at is one chunk again.
  bool continues_last(const Slice& bytes, const DemuxContext& context) const {
    if (context.out.size() <= context.first_chunk) return false;
    const EsChunk& last = context.out.back();
    return last.track == track_ && !last.unit_end && !last.bytes.empty() &&
           last.bytes.data + last.bytes.size == bytes.data && &*last.bytes.owner == &*bytes.owner;
  }

  std::uint8_t track_ = 0;
  bool open_ = false, begin_pending_ = false, damaged_ = false;
  std::int64_t pts_90khz_ = 0;
};

}  // namespace rtp::ps
