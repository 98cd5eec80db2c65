// Takes elementary streams that come in RTP directly, without a program stream around them, to the
// same units that ps::Demuxer yields: GB/T 28181-2022 annex C, RFC 6184, 7798, 3551, 3640. Pure,
// zero copy, cut-through.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "rtp/es/format.hpp"
#include "rtp/ps/demuxer.hpp"

namespace rtp::es {

using ps::DemuxerCounters;
using ps::DemuxerLimits;
using ps::PushInfo;

// One source: a video stream, an audio stream, or both, told apart by payload type. Units of video
// are access units in annex B form; their end is told by the marker, a complete NAL unit or
// silence, each believed as long as the sender has not lied by it. A unit of audio is a packet of
// G.711, or a frame of AAC with an ADTS header in front.
//
// pts_90khz of the chunks is the RTP timestamp, in ticks of 90 kHz; audio with a clock of another
// rate is unwrapped and scaled. Counters: `pes` are NAL units and audio packets, `bad_headers`
// payloads that could not be read.
class Demuxer {
 public:
  explicit Demuxer(DemuxerLimits limits = {});
  ~Demuxer();
  Demuxer(Demuxer&&) noexcept;
  Demuxer& operator=(Demuxer&&) noexcept;

  // `format`: of the packet's payload type, h264, h265, g711a, g711u or aac; others are counted
  // and named in diagnosis(). Appends to `out`; the chunks share ownership of `payload`'s slab.
  void push(const Slice& payload, const Format& format, const PushInfo& info,
            std::vector<EsChunk>& out);
  std::optional<std::int64_t> next_deadline() const;
  void on_deadline(std::int64_t now_ns, std::vector<EsChunk>& out);

  std::span<const Track> tracks() const;
  std::uint32_t tracks_version() const;
  const DemuxerCounters& counters() const;
  const std::string& diagnosis() const;
  std::string describe() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace rtp::es
