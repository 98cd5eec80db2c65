// Takes MPEG program streams (ISO 13818-1 2.5, and the packs of MPEG-1, ISO 11172-1) apart as
// cameras send them in RTP: GB/T 28181-2022 annex C. Pure. Zero copy and cut-through: what comes
// out are sub-slices of what was pushed, as soon as it was pushed; only headers that straddle a
// packet border are copied, into a fixed buffer.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "rtp/media.hpp"
#include "rtp/ps/stream_map.hpp"
#include "rtp/slab.hpp"

namespace rtp::ps {

// What the RTP packet around a payload told.
struct PushInfo {
  bool marker = false;
  bool lost_before = false;         // packets are missing between the previous push and this one
  std::uint32_t rtp_timestamp = 0;  // stands in for a PTS that is absent
  std::int64_t arrival_ns = 0;      // steady clock; must not decrease
};

struct DemuxerLimits {
  std::int64_t idle_end_ns = 5'000'000;    // a unit whose PES is complete ends after this silence
  std::uint32_t probe_bytes = 256 * 1024;  // video bytes looked at before its codec is given up
};

struct DemuxerCounters {
  std::uint64_t packets = 0, bytes = 0, packs = 0, maps = 0, pes = 0, units = 0;
  std::uint64_t lost_gaps = 0;         // pushes with lost_before
  std::uint64_t damaged_units = 0;     // units that lost bytes
  std::uint64_t bytes_dropped = 0;     // outside of anything known, or of damaged units
  std::uint64_t private_bytes = 0;     // BD, BF, FC-FF: skipped by their length
  std::uint64_t bad_headers = 0;       // start codes whose header made no sense
  std::uint64_t pes_overruns = 0;      // PES longer than their length said (wrapped at 65536)
  std::uint64_t pes_cut_short = 0;     // a pack began before the PES's length was reached
  std::uint64_t codecs_corrected = 0;  // the data contradicted the PSM
  std::uint64_t streams_refused = 0;   // PES of streams beyond max_streams or of no known codec
  std::uint64_t ends_by_marker = 0, ends_by_length = 0, ends_by_timer = 0, ends_by_next = 0;
  std::uint64_t false_ends = 0;      // more of a unit came after its end had been declared
  std::uint64_t vendor_headers = 0;  // payloads that began with "IMKH" or "DHAV"
};

// One program stream. After each push() and on_deadline() the chunks in `out` are in stream order;
// a track's index never changes. Units are access units: PES of one PTS are joined, and where a
// PES holds several frames or begins inside of one, they are cut at the coded borders
// (H.264 7.4.1.2.3, H.265 7.4.2.4.4) and the missing PTS is interpolated.
//
// pts_90khz of the chunks is what the sender wrote, 33 bits and not unwrapped (rtp::Timeline does
// that); without any PTS in the stream it is the RTP timestamp. A unit whose bytes were lost ends
// with an (empty) chunk that says damaged and unit_end; a unit whose beginning was lost says
// damaged in its first chunk.
class Demuxer {
 public:
  static constexpr std::size_t max_streams = 8;

  explicit Demuxer(DemuxerLimits limits = {});
  ~Demuxer();
  Demuxer(Demuxer&&) noexcept;
  Demuxer& operator=(Demuxer&&) noexcept;

  // Appends to `out`. The chunks share ownership of `rtp_payload`'s slab; a few bytes of it may be
  // held back until the next push, when they might be the beginning of a start code.
  void push(const Slice& rtp_payload, const PushInfo& info, std::vector<EsChunk>& out);

  // The shortest way of a packet in the middle of a frame: when all of `rtp_payload` goes on with
  // the NAL unit of `track` that came last, and nothing in it begins or ends, it is counted as
  // pushed, but no chunk is made of it. False, and nothing done, when it must be pushed. Not for
  // packets with marker or lost_before.
  bool take_more(const Slice& rtp_payload, std::size_t track, std::int64_t arrival_ns);

  // When on_deadline() wants to be called (steady clock, ns), so that a complete unit does not wait
  // for the next packet.
  std::optional<std::int64_t> next_deadline() const;
  void on_deadline(std::int64_t now_ns, std::vector<EsChunk>& out);

  // Elementary streams whose codec is known, from the PSM or from the data. Of each: codec, clock
  // rate, channels and, for AAC, sets.config; ssrc and payload type are the caller's business.
  std::span<const Track> tracks() const;
  // Grows whenever tracks() changes. Check it after push(), before the chunks are used.
  std::uint32_t tracks_version() const;
  // What the newest program stream map announces, whether it is sent or not; empty before it.
  const StreamMap& map() const;

  const DemuxerCounters& counters() const;
  // Why there is no or not all media, in words for an operator; empty when all is well.
  const std::string& diagnosis() const;
  // State in one line, for logs and test failures.
  std::string describe() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace rtp::ps
