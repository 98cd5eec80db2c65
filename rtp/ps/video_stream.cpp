#include "rtp/ps/video_stream.hpp"

#include <algorithm>
#include <utility>

#include "rtp/payload/h264.hpp"
#include "rtp/payload/h265.hpp"
#include "rtp/payload/start_code.hpp"
#include "rtp/ps/codec_guess.hpp"
#include "rtp/ps/stream_map.hpp"

namespace rtp::ps {
namespace {

using Sign = EndOfUnit::Sign;

constexpr int proof_of_alignment = 16;  // PES in a row
using Bytes = std::span<const std::uint8_t>;

bool is_nal_codec(Codec codec) {
  return codec == Codec::h264 || codec == Codec::h265;
}
bool is_video(Codec codec) {
  return is_nal_codec(codec) || codec == Codec::mpeg4 || codec == Codec::svac;
}

bool begins_unit(Codec codec, Bytes nal) {
  return codec == Codec::h265 ? payload::h265::begins_access_unit(nal)
                              : payload::h264::begins_access_unit(nal);
}
bool is_picture(Codec codec, std::uint8_t first) {
  return codec == Codec::h265 ? payload::h265::is_picture(payload::h265::nal_type(first))
                              : payload::h264::is_picture(payload::h264::nal_type(first));
}
bool all_zero(Bytes bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](std::uint8_t byte) { return byte == 0; });
}

}  // namespace

void VideoStream::set_mapped(std::uint8_t type) {
  if (type == 0 || type == mapped_) return;
  mapped_ = type;
  const Codec codec = codec_of(type);
  // Once the data has spoken, only the data may contradict it.
  if (!is_video(codec) || (announced_ && is_nal_codec(codec_))) return;
  codec_ = codec;
  reads_nals_ = true;
}

// ---- PES ----

void VideoStream::begin_pes(const Header& header, DemuxContext& context) {
  const bool new_pts = header.pts_90khz && *header.pts_90khz != last_pts_90khz_;
  if (new_pts && !unaligned_) flush_heads(context);
  pes_ = {};
  pes_.pts_90khz = header.pts_90khz;
  pes_.time_90khz = header.dts_90khz ? header.dts_90khz : header.pts_90khz;
  pes_.pts_is_free = header.pts_90khz.has_value();
  pes_.unbounded = !header.payload_bytes;
  pes_.bytes = header.payload_bytes.value_or(0);
  joins_ = unit_.open() && !unaligned_ && pts_written_ && header.pts_90khz &&
           *header.pts_90khz == last_pts_90khz_;
  any_pts_ = any_pts_ || header.pts_90khz;
}

void VideoStream::data(Slice&& bytes, DemuxContext& context) {
  if (bytes.empty()) return;
  touched_ = true;
  if (!reads_nals_) return take_by_pes(std::move(bytes), context);
  if (goes_on(bytes)) {
    end_of_unit_.continued(context.info.arrival_ns);
    return write(std::move(bytes), true, context);
  }
  heads_.push(bytes, items_);
  for (auto& item : items_) take(item, context);
  items_.clear();
}

// Most packets of a frame: more of its NAL unit and nothing else.
bool VideoStream::goes_on(const Slice& bytes) const {
  return unit_.open() && !pes_.fresh && codec_ != Codec::unknown && !heads_.holds() &&
         bytes.data[bytes.size - 1] != 0 && payload::find_start_code(bytes.bytes()) == bytes.size;
}

bool VideoStream::take_more(const Slice& bytes, std::int64_t arrival_ns,
                            const DemuxerLimits& limits) {
  if (!unit_.begun() || !reads_nals_ || !goes_on(bytes)) return false;
  end_of_unit_.continued(arrival_ns);
  deadline_ns_.reset();
  silent_at_ns_ = arrival_ns + limits.idle_end_ns;
  return true;
}

void VideoStream::end_pes(DemuxContext&) {
  pes_.complete = !pes_.unbounded;
}

void VideoStream::flush_heads(DemuxContext& context) {
  if (!heads_.holds()) return;
  heads_.flush(items_);
  for (auto& item : items_) take(item, context);
  items_.clear();
}

void VideoStream::take_by_pes(Slice&& bytes, DemuxContext& context) {
  const bool new_pts = pes_.fresh && pes_.pts_90khz && !joins_;
  if (new_pts || !unit_.open()) open_unit(new_pts, context);
  have_picture_ = true;
  pes_.fresh = false;
  write(std::move(bytes), false, context);
}

// ---- NAL units ----

void VideoStream::take(NalHeads::Item& item, DemuxContext& context) {
  if (item.is_nal && reads_nals_) identify(item, context);
  if (!reads_nals_) return take_by_pes(std::move(item.bytes), context);
  if (codec_ == Codec::unknown) {
    context.counters.bytes_dropped += item.bytes.size;
    probed_bytes_ += item.bytes.size;
    if (probed_bytes_ > context.limits.probe_bytes && context.diagnosis.empty())
      context.diagnosis = "video of a codec that is neither declared nor recognised";
  } else if (item.is_nal) {
    take_nal(item, context);
  } else {
    take_content(std::move(item.bytes), context);
  }
}

void VideoStream::take_nal(NalHeads::Item& item, DemuxContext& context) {
  const bool begins = begins_unit(codec_, item.head);
  const Bytes nal = item.bytes.bytes().subspan(std::min<std::size_t>(3, item.bytes.size));
  const bool h264 = codec_ == Codec::h264;
  if (h264 && payload::h264::nal_type(item.head[0]) == payload::h264::sps)
    picture_times_.learn(nal);
  if (is_border(begins)) {
    if (h264) picture_times_.begin(nal);
    open_unit(begins, context);
  } else {
    end_of_unit_.continued(context.info.arrival_ns);
  }
  if (pes_.fresh && pes_.pts_90khz && ++aligned_pes_ >= proof_of_alignment) unaligned_ = false;
  pes_.fresh = false;
  have_picture_ = have_picture_ || is_picture(codec_, item.head[0]);
  write(std::move(item.bytes), false, context);
}

bool VideoStream::is_border(bool begins_access_unit) const {
  if (!unit_.open()) return true;
  if (joins_) return false;
  if (pes_.fresh && pes_.pts_is_free && !unaligned_) return true;
  return have_picture_ && begins_access_unit;
}

// Bytes in the middle of a NAL unit, or zeros around one.
void VideoStream::take_content(Slice&& bytes, DemuxContext& context) {
  const bool zeros = all_zero(bytes.bytes());
  const bool unit_expected = pes_.fresh && pes_.pts_is_free && !joins_;
  if (zeros && !unit_.open()) return;
  if (!zeros) {
    // A PES with a PTS that begins in the middle of a frame: borders mean nothing here.
    if (unit_expected && !after_loss_ && announced_) {
      unaligned_ = true;
      aligned_pes_ = 0;
    }
    pes_.fresh = false;
  }
  if (!unit_.open()) {
    context.counters.bytes_dropped += bytes.size;
    if (ended_by_ == Sign::none || after_loss_) return;
    ++context.counters.false_ends;
    ended_by_ = Sign::none;
    end_of_unit_.continued(context.info.arrival_ns);
    return;
  }
  if (!zeros) end_of_unit_.continued(context.info.arrival_ns);
  write(std::move(bytes), true, context);
}

// ---- codec ----

void VideoStream::identify(const NalHeads::Item& item, DemuxContext& context) {
  const Codec proven = prove_video(item.head[0], item.head[1]);
  if (proven != Codec::unknown) {
    if (proven == codec_) return;
    if (codec_ != Codec::unknown) ++context.counters.codecs_corrected;
    set_codec(proven, context);
  } else if (codec_ == Codec::unknown) {
    set_codec(guess_video(item.head[0], item.head[1]), context);
  } else if (!is_nal_codec(codec_)) {
    reads_nals_ = false;
  }
}

void VideoStream::set_codec(Codec codec, DemuxContext& context) {
  codec_ = codec;
  // H.264 has NAL units of two bytes in front of others (AUD): asking for more would delay them.
  heads_.set_head_bytes(codec == Codec::h264 ? 2 : NalHeads::max_head_bytes);
  if (!announced_) return;
  context.tracks[unit_.track()] = Track{};
  context.tracks[unit_.track()].codec = codec;
  ++context.tracks_version;
}

void VideoStream::announce(DemuxContext& context) {
  if (announced_) return;
  announced_ = true;
  unit_.set_track(context.tracks.size());
  context.tracks.emplace_back().codec = codec_;
  ++context.tracks_version;
}

// ---- units ----

void VideoStream::open_unit(bool begins_access_unit, DemuxContext& context) {
  if (unit_.open()) end_unit(Sign::next, context);
  announce(context);
  // More of a picture whose unit is over: it had ended too early. It goes on as a unit of its own.
  const bool goes_on = !begins_access_unit && !after_loss_ && ended_by_ != Sign::none &&
                       ended_by_ != Sign::next && reads_nals_ && !pes_.pts_is_free;
  if (goes_on) {
    ++context.counters.false_ends;
    end_of_unit_.continued(context.info.arrival_ns);
  } else {
    end_of_unit_.confirmed(context.info.arrival_ns);
  }
  unit_.begin(goes_on ? last_pts_90khz_ : pts_of_new_unit(context.info),
              after_loss_ && !begins_access_unit);
  after_loss_ = have_picture_ = joins_ = false;
  ended_by_ = Sign::none;
}

void VideoStream::end_unit(Sign sign, DemuxContext& context) {
  deadline_ns_.reset();
  ended_by_ = sign;
  unit_.end(context);
  switch (sign) {
    case Sign::marker:
      ++context.counters.ends_by_marker;
      break;
    case Sign::length:
      ++context.counters.ends_by_length;
      break;
    case Sign::silence:
      ++context.counters.ends_by_timer;
      break;
    default:
      ++context.counters.ends_by_next;
  }
}

void VideoStream::write(Slice&& bytes, bool plain, DemuxContext& context) {
  deadline_ns_.reset();
  unit_.write(std::move(bytes), plain, context);
}

void VideoStream::end_packet(DemuxContext& context) {
  const bool touched = std::exchange(touched_, false);
  if (!unit_.open() || !have_picture_ || unaligned_) return;
  const std::int64_t silent_at_ns = context.info.arrival_ns + context.limits.idle_end_ns;
  const EndOfUnit::State state{.complete = pes_.complete,
                               .unbounded = pes_.unbounded,
                               .marker = context.info.marker,
                               .pes_bytes = pes_.bytes,
                               .silent_at_ns = touched ? silent_at_ns : silent_at_ns_};
  silent_at_ns_ = state.silent_at_ns;
  if (const Sign sign = end_of_unit_.judge(state); sign != Sign::none) {
    flush_heads(context);
    end_unit(sign, context);
  } else if (touched && (state.complete || state.unbounded) && end_of_unit_.trusts_silence()) {
    deadline_ns_ = silent_at_ns;
  }
}

void VideoStream::on_deadline(std::int64_t now_ns, DemuxContext& context) {
  if (!deadline_ns_ || now_ns < *deadline_ns_) return;
  deadline_ns_.reset();
  if (!unit_.open()) return;
  flush_heads(context);
  end_unit(Sign::silence, context);
}

void VideoStream::lose(DemuxContext& context) {
  heads_.drop();
  deadline_ns_.reset();
  if (unit_.open()) {
    // Complete as far as one can tell: then it was the next one that lost bytes.
    const bool whole = have_picture_ && !unaligned_ && end_of_unit_.looks_whole();
    whole ? end_unit(Sign::next, context) : unit_.break_off(context);
  }
  end_of_unit_.forget();
  ended_by_ = Sign::none;
  after_loss_ = true;
  pes_ = {};
}

// ---- time ----

std::int64_t VideoStream::pts_of_new_unit(const PushInfo& info) {
  const bool own = std::exchange(pes_.pts_is_free, false);
  const std::int64_t pts_90khz = own ? *pes_.pts_90khz : derived_pts(info);
  ++units_since_;
  if (own) {
    learn_frame_time();
    picture_times_.anchor(pts_90khz);
  }
  pts_written_ = own;
  any_unit_ = true;
  last_pts_90khz_ = pts_90khz;
  last_rtp_timestamp_ = info.rtp_timestamp;
  return pts_90khz;
}

// No PTS: at the beginning of a PES the RTP timestamp tells, within one only the frame rate.
std::int64_t VideoStream::derived_pts(const PushInfo& info) {
  constexpr std::int32_t plausible_90khz = 10 * 90000;
  if (!any_unit_) return info.rtp_timestamp;
  const auto step = static_cast<std::int32_t>(info.rtp_timestamp - last_rtp_timestamp_);
  if (!any_pts_ && step != 0) return info.rtp_timestamp;
  if (pes_.fresh && step > 0 && step < plausible_90khz) return last_pts_90khz_ + step;
  if (codec_ == Codec::h264)
    if (const auto pts_90khz = picture_times_.derive(frame_90khz_)) return *pts_90khz;
  return last_pts_90khz_ + frame_90khz_;
}

void VideoStream::learn_frame_time() {
  constexpr std::int64_t longest_90khz = 90000;
  if (last_time_90khz_ && units_since_ > 0) {
    const std::int64_t step = (*pes_.time_90khz - *last_time_90khz_) / units_since_;
    if (step > 0 && step <= longest_90khz) frame_90khz_ = step;
  }
  last_time_90khz_ = pes_.time_90khz;
  units_since_ = 0;
}

}  // namespace rtp::ps
