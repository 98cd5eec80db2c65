// The currency of the media path: what a track is, a run of elementary-stream bytes on its way in
// (EsChunk), and a finished RTP packet on its way out (OutPacket).
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "rtp/slab.hpp"

namespace rtp {

enum class Codec : std::uint8_t {
  unknown,
  h264,
  h265,
  mpeg4,
  svac,
  g711a,  // from here on audio
  g711u,
  g722_1,
  g723_1,
  g729,
  aac,
};

enum class MediaKind : std::uint8_t { video, audio };

const char* to_string(Codec codec);
constexpr MediaKind kind_of(Codec codec) {
  return codec >= Codec::g711a ? MediaKind::audio : MediaKind::video;
}

// Out-of-band description of a coded stream, each without start code: H.264 {sps, pps},
// H.265 {vps, sps, pps}, AAC {config} (AudioSpecificConfig, ISO 14496-3).
struct ParameterSets {
  std::vector<std::uint8_t> vps, sps, pps, config;
  bool operator==(const ParameterSets&) const = default;
};

struct Track {
  Codec codec = Codec::unknown;
  std::uint32_t clock_rate_hz = 90000;  // of the RTP timestamps that viewers see
  std::uint8_t channels = 1;            // audio only
  std::uint8_t payload_type = 96;
  std::uint32_t ssrc = 0;
  ParameterSets sets;
};

// A run of elementary-stream bytes of one access unit. A unit arrives as one or more chunks: the
// first has unit_begin, the last unit_end; the last may be empty, when the end is only learnt
// later.
struct EsChunk {
  std::uint8_t track = 0;  // index into the demuxer's tracks()
  bool unit_begin = false;
  bool unit_end = false;
  bool damaged = false;        // bytes of this unit were lost before this chunk
  bool plain = false;          // video: known to hold no whole start code (00 00 01)
  std::int64_t pts_90khz = 0;  // of the unit, unwrapped beyond 33 bits; the same for all its chunks
  Slice bytes;
};

// One RTP packet as every viewer of a stream shares it. The first 4 bytes of head are the
// interleaved prefix of RFC 2326 10.12 with the default channel (2 x track), so that an
// interleaved viewer writes head + slices in one gather, and a UDP viewer skips the 4.
//
// Where the memory in front of the first slice is free, the head is written there as well, over
// what the camera's own RTP header was: then the packet is one piece for a gather write.
struct OutPacket {
  static constexpr std::size_t max_slices = 3;
  static constexpr std::size_t prefix_size = 4;

  std::array<std::uint8_t, 20> head{};  // "$", channel, length | RTP header | payload header
  std::uint8_t head_size = 0;           // used bytes of head, prefix included
  std::uint8_t slice_count = 0;
  std::uint8_t track = 0;
  bool unit_begin = false;  // first packet of an access unit
  bool unit_end = false;    // last packet of an access unit (RTP marker for video)
  bool key = false;         // its access unit is a random access point (all its packets say so)
  bool joined = false;      // the head lies in front of the first slice, too: they are one piece
  std::uint16_t sequence = 0;
  std::uint32_t timestamp = 0;   // RTP timestamp in the track's clock
  std::uint32_t size_bytes = 0;  // RTP header and payload, without the prefix
  std::int64_t pts_90khz = 0;    // on the stream's time line
  std::int64_t arrival_ns = 0;   // steady clock, when its last byte came in
  std::array<Slice, max_slices> slices;

  // Calls piece(data, size) for what is sent, from the `from`-th byte of the head on.
  template <class F>
  void for_each_piece(std::size_t from, F&& piece) const {
    const auto left = head_size - from;
    if (joined)
      piece(slices[0].data - left, slices[0].size + left);
    else
      piece(head.data() + from, left);
    for (std::size_t i = joined ? 1 : 0; i < slice_count; ++i)
      piece(slices[i].data, std::size_t{slices[i].size});
  }
};
static_assert(sizeof(OutPacket) == 128);  // two cache lines

}  // namespace rtp
