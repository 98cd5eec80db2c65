// Turns finished RTP packets into an MPEG transport stream (ISO 13818-1 2.4) for SAT>IP viewers
// (Debian's VLC): start codes and ADTS headers are put back, AUDs inserted. Pure.
//
// Carries H.264, H.265 and AAC. G.711 has no stream type that players know: such a track is left
// out, and the viewer has picture without sound.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "rtp/media.hpp"
#include "rtp/payload/aac.hpp"

namespace rtp::ts {

constexpr std::size_t cell_bytes = 188;
constexpr std::size_t cells_per_datagram = 7;  // 1316 bytes: what fits an Ethernet frame

class Muxer {
 public:
  // `tracks` as of the stream; an OutPacket's track is the index. Tracks that appear later need a
  // new Muxer: set_tracks() keeps the continuity counters.
  explicit Muxer(std::span<const Track> tracks);
  void set_tracks(std::span<const Track> tracks);

  // True when at least one of the tracks can be carried.
  bool has_media() const;

  // Appends whole cells to `cells`; what fills no cell waits for the unit's next packet or its
  // end. Begin with the first packet of a unit; packets before one are ignored. Packets may be
  // missing between units (a viewer that skipped); a unit that is broken off is closed when the
  // next begins.
  void push(const OutPacket& packet, std::vector<std::uint8_t>& cells);

 private:
  static constexpr std::size_t max_tracks = 8;
  static constexpr std::size_t no_track = max_tracks;

  struct Elementary {
    Codec codec = Codec::unknown;
    std::uint16_t pid = 0;
    std::uint8_t stream_type = 0;  // 0: not carried
    std::uint8_t continuity = 0;
    payload::AdtsHeader adts;  // AAC
    bool adts_known = false;
    bool open = false;      // a PES is being written
    bool at_start = false;  // its first cell has not been written
    bool key = false, with_pcr = false, discontinuity = false;
    std::size_t used = 0;  // bytes that fill no cell yet
    std::array<std::uint8_t, 184> pending{};
  };

  using Cells = std::vector<std::uint8_t>;
  using Bytes = std::span<const std::uint8_t>;

  void set_track(Elementary& es, const Track& track, std::size_t index);
  bool tables_due(const OutPacket& packet) const;
  void write_tables(std::int64_t pts_90khz, Cells& cells);
  void begin_unit(Elementary& es, const OutPacket& packet, Cells& cells);
  void end_unit(Elementary& es, Cells& cells);
  void put_video(Elementary& es, const OutPacket& packet, Cells& cells);
  void put_audio(Elementary& es, const OutPacket& packet, Cells& cells);
  void put_slices(Elementary& es, const OutPacket& packet, Cells& cells);
  void put(Elementary& es, Bytes bytes, Cells& cells);
  void advance_pcr(Elementary& es, std::int64_t pts_90khz);
  void write_cell(Elementary& es, Cells& cells);
  static std::size_t adaptation_bytes(const Elementary& es);

  std::array<Elementary, max_tracks> elementaries_{};
  std::size_t count_ = 0;
  std::size_t pcr_track_ = no_track;
  std::uint8_t pat_continuity_ = 0, pmt_continuity_ = 0, version_ = 0;
  std::optional<std::int64_t> tables_pts_90khz_;  // when the tables were written last
  std::optional<std::int64_t> pcr_90khz_;
};

}  // namespace rtp::ts
