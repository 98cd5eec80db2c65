// Elementary stream in, finished RTP packets out: one front for the payload formats that we speak
// (RFC 6184, 7798, 3640, 3551). Pure. Zero copy: packets refer to the slices that came in; only
// learnt parameter sets, when they must be inserted, live in memory of their own.
#pragma once

#include <cstdint>
#include <variant>
#include <vector>

#include "rtp/media.hpp"
#include "rtp/payload/aac_packetizer.hpp"
#include "rtp/payload/g711_packetizer.hpp"
#include "rtp/payload/h264_packetizer.hpp"
#include "rtp/payload/h265_packetizer.hpp"
#include "rtp/payload/packet_writer.hpp"

namespace rtp::payload {

// Made for one track and one codec; when the demuxer changes a track's codec, make a new one and
// hand it the old one's next_sequence().
class Packetizer {
 public:
  static bool supports(Codec codec);

  // The codec must be supported.
  Packetizer(Codec codec, const PacketizerConfig& config);

  // Takes the next chunk of its track and appends to `out` every packet that is now complete:
  // all but the last piece of the unit, which leaves with the chunk that says unit_end.
  // `arrival_ns` (steady clock) is passed on in the packets.
  void push(const EsChunk& chunk, std::int64_t arrival_ns, std::vector<OutPacket>& out);

  // The shortest way: see NalPacketizer. Never for audio.
  bool takes_more() const;
  void take_more(const Slice& bytes, std::int64_t arrival_ns, std::vector<OutPacket>& out);

  // Learnt from the stream; parameter_sets() changes whenever version() grows.
  const ParameterSets& parameter_sets() const;
  std::uint32_t version() const;
  // Enough is known for an SDP that a player can start from (always true for G.711).
  bool ready() const;
  // Fills codec, clock rate, channels, payload type, ssrc and sets of a Track.
  void describe(Track& track) const;

  Codec codec() const { return codec_; }
  std::uint16_t next_sequence() const;
  const PacketizerCounters& counters() const;

 private:
  using Format = std::variant<H264Packetizer, H265Packetizer, AacPacketizer, G711Packetizer>;
  static Format make(Codec codec, const PacketizerConfig& config);

  Codec codec_;
  Format format_;
};

}  // namespace rtp::payload
