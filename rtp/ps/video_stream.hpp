// The video of a program stream: PES payloads in, access units out. Internal to rtp/ps.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "rtp/ps/demux_context.hpp"
#include "rtp/ps/end_of_unit.hpp"
#include "rtp/ps/nal_heads.hpp"
#include "rtp/ps/pes.hpp"
#include "rtp/ps/picture_times.hpp"

namespace rtp::ps {

// A unit begins where the coded data says so (H.264 7.4.1.2.3, H.265 7.4.2.4.4) or where a PES with
// a new PTS begins with a NAL unit; a PES with the open unit's PTS is part of it. For codecs whose
// NAL units are not read (MPEG-4, SVAC) only PES and PTS count. Two fields of a frame that share a
// PES, without a PTS of their own, become two units.
//
// A PTS that is missing comes from the picture order count (H.264, when the slice header lies in
// one packet), else from the RTP timestamp or the frame rate.
class VideoStream {
 public:
  VideoStream() { items_.reserve(16); }

  // What the map says; 0: nothing.
  void set_mapped(std::uint8_t stream_type);

  void begin_pes(const Header& header, DemuxContext& context);
  void data(Slice&& bytes, DemuxContext& context);
  // Takes bytes that only go on with a unit which was begun, without making a chunk of them; false,
  // and nothing done, when they are more than that.
  bool take_more(const Slice& bytes, std::int64_t arrival_ns, const DemuxerLimits& limits);
  std::uint8_t track() const { return unit_.track(); }
  void end_pes(DemuxContext& context);
  // All of an RTP packet has been taken.
  void end_packet(DemuxContext& context);
  void lose(DemuxContext& context);

  std::optional<std::int64_t> deadline() const { return deadline_ns_; }
  void on_deadline(std::int64_t now_ns, DemuxContext& context);

 private:
  struct Pes {
    std::optional<std::int64_t> pts_90khz, time_90khz;  // time: DTS, else PTS
    bool complete = false, unbounded = false;
    bool fresh = true;         // nothing but zeros yet
    bool pts_is_free = false;  // no unit has taken it yet
    std::uint32_t bytes = 0;
  };

  bool goes_on(const Slice& bytes) const;
  void take(NalHeads::Item& item, DemuxContext& context);
  void take_nal(NalHeads::Item& item, DemuxContext& context);
  void take_content(Slice&& bytes, DemuxContext& context);
  void take_by_pes(Slice&& bytes, DemuxContext& context);
  void flush_heads(DemuxContext& context);
  void identify(const NalHeads::Item& item, DemuxContext& context);
  void set_codec(Codec codec, DemuxContext& context);
  void announce(DemuxContext& context);
  bool is_border(bool begins_access_unit) const;
  void open_unit(bool begins_access_unit, DemuxContext& context);
  void end_unit(EndOfUnit::Sign sign, DemuxContext& context);
  void write(Slice&& bytes, bool plain, DemuxContext& context);
  std::int64_t pts_of_new_unit(const PushInfo& info);
  std::int64_t derived_pts(const PushInfo& info);
  void learn_frame_time();

  Codec codec_ = Codec::unknown;
  std::uint8_t mapped_ = 0;
  bool reads_nals_ = true;
  bool announced_ = false;
  NalHeads heads_;
  std::vector<NalHeads::Item> items_;  // reused

  UnitWriter unit_;
  Pes pes_;
  bool have_picture_ = false;  // in the open unit
  bool joins_ = false;         // this PES has the open unit's PTS
  bool after_loss_ = true;     // what came before is not known
  bool unaligned_ = false;     // this stream's frames begin anywhere in a PES
  int aligned_pes_ = 0;        // in a row that began with a NAL unit
  EndOfUnit end_of_unit_;
  EndOfUnit::Sign ended_by_ = EndOfUnit::Sign::none;  // the newest unit, when none is open
  std::optional<std::int64_t> deadline_ns_;
  std::int64_t silent_at_ns_ = 0;  // when it had been quiet for long enough
  bool touched_ = false;           // this RTP packet brought some of it
  std::uint64_t probed_bytes_ = 0;

  bool any_unit_ = false, any_pts_ = false;
  bool pts_written_ = false;              // the newest unit's was not derived
  std::int64_t last_pts_90khz_ = 0;       // of the newest unit
  std::uint32_t last_rtp_timestamp_ = 0;  // when it began
  PictureTimes picture_times_;            // H.264 only
  std::int64_t frame_90khz_ = 3600;
  std::optional<std::int64_t> last_time_90khz_;  // that a PES had
  std::int64_t units_since_ = 0;                 // units begun since
};

}  // namespace rtp::ps
