// What a SAT>IP viewer (Debian's VLC) receives: all tracks as one MPEG transport stream in RTP
// (RFC 2250, payload type 33, 7 cells per packet). Pure.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "rtp/media.hpp"
#include "rtp/ts/muxer.hpp"

namespace gateway::rtsp {

// Finished RTP packets, one behind the other in `bytes`. Reused from batch to batch.
struct TsDatagrams {
  std::vector<std::uint8_t> bytes;
  std::vector<std::uint16_t> sizes;
  void clear() {
    bytes.clear();
    sizes.clear();
  }
};

class TsStream {
 public:
  static constexpr std::uint8_t payload_type = 33;

  TsStream(std::span<const rtp::Track> tracks, std::uint32_t ssrc, std::uint16_t first_sequence)
      : muxer_(tracks), ssrc_(ssrc), sequence_(first_sequence) {}

  // Appends the RTP packets that are full. The end of a unit sends what is there, so that the last
  // cells of a picture do not wait for the next one.
  void push(const rtp::OutPacket& packet, TsDatagrams& out);
  void set_tracks(std::span<const rtp::Track> tracks) { muxer_.set_tracks(tracks); }
  bool has_media() const { return muxer_.has_media(); }

  std::uint32_t ssrc() const { return ssrc_; }
  std::uint32_t last_timestamp() const { return timestamp_; }
  std::uint32_t packets() const { return packets_; }
  std::uint32_t octets() const { return octets_; }

 private:
  void write_datagram(std::size_t cells_begin, std::size_t size, TsDatagrams& out);

  rtp::ts::Muxer muxer_;
  std::vector<std::uint8_t> cells_;
  std::uint32_t ssrc_;
  std::uint16_t sequence_;
  std::uint32_t timestamp_ = 0, packets_ = 0, octets_ = 0;
};

}  // namespace gateway::rtsp
