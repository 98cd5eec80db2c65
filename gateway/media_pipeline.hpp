// What happens to media between a device's RTP packets and a Stream: put in order, taken out of the
// program stream (or of RTP itself), put on the time line, packed anew. Pure: packets and time in,
// the Stream filled.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "gateway/stream.hpp"
#include "rtp/payload/packetizer.hpp"
#include "rtp/payload_demuxer.hpp"
#include "rtp/reorder_buffer.hpp"
#include "rtp/ssrc.hpp"
#include "rtp/timeline.hpp"

namespace gateway {

struct PipelineConfig {
  rtp::ReorderLimits reorder;
  std::uint32_t max_payload_bytes = 1400;  // RTP payload towards viewers
  // How long a stream whose video is known waits for audio that was announced, or that may yet
  // show up where nothing was announced. Then it is ready without.
  std::int64_t announced_audio_ns = 500'000'000;
  std::int64_t unannounced_audio_ns = 300'000'000;
  std::int64_t picture_first_ns = 1'000'000'000;  // sound alone is a stream after so long
  bool in_order = false;  // packets come by TCP: there is nothing to reorder
};

class MediaPipeline {
 public:
  // `stream` must outlive the pipeline. `ssrcs` gives the SSRCs and first numbers of our packets.
  MediaPipeline(Stream& stream, PipelineConfig config, rtp::SsrcGenerator& ssrcs);

  // An a=rtpmap of the sender's answer.
  void declare(const rtp::es::Format& format) { demuxer_.declare(format); }
  // One packet of the source. Viewers hear of what came of it at end_of_batch().
  void on_packet(rtp::Packet&& packet, std::int64_t arrival_ns);
  // What comes next is from another sender, or from one that has begun anew.
  void on_source_switched();
  // `wall_ns`: the wall clock at `now_ns`.
  void end_of_batch(std::int64_t now_ns, std::int64_t wall_ns);

  // Gaps to give up, units to end, audio no longer to wait for.
  std::optional<std::int64_t> next_deadline() const;
  void on_deadline(std::int64_t now_ns, std::int64_t wall_ns);

  const rtp::ReorderBuffer::Counters& reorder_counters() const { return reorder_.counters(); }
  const rtp::ps::DemuxerCounters& demuxer_counters() const { return demuxer_.counters(); }
  bool is_elementary() const { return demuxer_.is_elementary(); }
  std::uint64_t timestamp_jumps() const { return timeline_.timestamp_jumps(); }
  // Why packets come and no picture does, for an operator; empty when all is well.
  std::string diagnosis() const;
  std::string describe() const;

 private:
  // One track of the demuxer on its way to a track of the stream.
  struct Lane {
    rtp::Codec codec = rtp::Codec::unknown;
    std::optional<rtp::payload::Packetizer> packetizer;
    std::size_t stream_track = 0;
    std::uint32_t version = 0;  // of the packetizer's parameter sets, as the stream knows them
    std::int64_t pts_90khz = 0;
  };

  bool take_more(const rtp::Packet& packet, std::int64_t arrival_ns);
  void demux(const rtp::Ordered& ordered);
  void publish();
  void take_chunks(std::int64_t arrival_ns);
  void take(rtp::EsChunk& chunk, Lane& lane, std::int64_t arrival_ns);
  void sync_lanes();
  void open_lane(Lane& lane, const rtp::Track& track);
  std::int64_t on_line(std::int64_t pts_90khz, std::int64_t arrival_ns);
  void update_tracks(std::int64_t now_ns);
  bool is_ready(std::int64_t now_ns);
  bool video_ready() const;
  bool audio_settled(std::int64_t now_ns) const;
  std::int64_t audio_deadline() const;

  Stream& stream_;
  PipelineConfig config_;
  rtp::SsrcGenerator& ssrcs_;
  rtp::ReorderBuffer reorder_;
  rtp::PayloadDemuxer demuxer_;
  rtp::Timeline timeline_;
  rtp::CaptureClock capture_;
  std::array<Lane, rtp::PayloadDemuxer::max_streams> lanes_;
  Lane* in_nal_ = nullptr;  // whose packetizer takes more of a NAL unit
  std::size_t stream_tracks_ = 0;
  // From our time line to the stream's, which another pipeline may have begun.
  std::optional<std::int64_t> shift_90khz_;
  std::uint32_t tracks_version_ = 0;
  bool tracks_changed_ = false, ready_ = false, source_switched_ = false, unit_seen_ = false;
  std::optional<std::int64_t> first_ns_, video_ready_ns_;
  std::optional<std::uint16_t> last_sequence_;
  std::int64_t newest_pts_90khz_ = 0, newest_arrival_ns_ = 0;
  std::vector<rtp::Ordered> ordered_;    // reused
  std::vector<rtp::EsChunk> chunks_;     // reused
  std::vector<rtp::OutPacket> packets_;  // reused
};

}  // namespace gateway
