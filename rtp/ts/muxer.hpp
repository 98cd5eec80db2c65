// Turns finished RTP packets into an MPEG transport stream (ISO 13818-1 2.4) for SAT>IP viewers
// (Debian's VLC): start codes and ADTS headers are put back, AUDs inserted. Pure.
//
// Carries H.264, H.265 and AAC. G.711 has no stream type that players know: such a track is left
// out, and the viewer has picture without sound.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "rtp/media.hpp"

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

  struct Elementary {
    Codec codec = Codec::unknown;
    std::uint16_t pid = 0;
    std::uint8_t stream_type = 0;
    std::uint8_t continuity = 0;
    std::uint16_t asc = 0;       // AAC: first two bytes of the AudioSpecificConfig
    bool open = false;           // a PES is being written
    bool in_nal = false;         // the last fragment was not the NAL's end
    bool payload_start = false;  // the next cell begins a PES
    bool key = false;
    bool with_pcr = false;
    std::uint8_t used = 0;  // bytes waiting in `pending`
    std::array<std::uint8_t, 184> pending{};
  };

  bool table_due(const OutPacket& packet) const;
  void write_tables(std::vector<std::uint8_t>& cells);
  void write_section(std::uint16_t pid, std::uint8_t& continuity,
                     std::span<const std::uint8_t> section, std::vector<std::uint8_t>& cells);
  void begin_unit(Elementary& es, const OutPacket& packet, std::vector<std::uint8_t>& cells);
  void end_unit(Elementary& es, std::vector<std::uint8_t>& cells);
  void put_video(Elementary& es, const OutPacket& packet, std::vector<std::uint8_t>& cells);
  void put_audio(Elementary& es, const OutPacket& packet, std::vector<std::uint8_t>& cells);
  void put(Elementary& es, std::span<const std::uint8_t> bytes, std::vector<std::uint8_t>& cells);
  void write_cell(Elementary& es, bool last, std::vector<std::uint8_t>& cells);
  std::size_t room(const Elementary& es) const;

  std::array<Elementary, max_tracks> elementaries_{};
  std::size_t count_ = 0;
  std::size_t pcr_track_ = max_tracks;
  std::uint8_t pat_continuity_ = 0, pmt_continuity_ = 0, version_ = 0;
  bool tables_written_ = false;
  std::int64_t tables_pts_90khz_ = 0;
  std::int64_t pcr_90khz_ = 0;
};

}  // namespace rtp::ts
