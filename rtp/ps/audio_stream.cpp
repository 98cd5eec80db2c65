#include "rtp/ps/audio_stream.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "rtp/ps/codec_guess.hpp"
#include "rtp/ps/stream_map.hpp"

namespace rtp::ps {
namespace {

constexpr int proof_pes = 3;  // in a row

bool is_g711(Codec codec) {
  return codec == Codec::g711a || codec == Codec::g711u;
}

}  // namespace

void AudioStream::set_mapped(std::uint8_t type) {
  if (type == 0 || type == mapped_) return;
  mapped_ = type;
  verdict_ = Verdict::open;
  strange_pes_ = 0;
}

void AudioStream::begin_pes(const Header& header, DemuxContext& context) {
  if (unit_.open()) unit_.end(context);
  fresh_ = true;
  pes_pts_90khz_ = header.pts_90khz;
  unbounded_ = !header.payload_bytes;
  pes_bytes_ = header.payload_bytes.value_or(std::numeric_limits<std::uint32_t>::max());
  head_size_ = held_count_ = 0;
}

void AudioStream::data(Slice&& bytes, DemuxContext& context) {
  if (bytes.empty()) return;
  if (verdict_ == Verdict::open) return probe(std::move(bytes), context);
  if (verdict_ == Verdict::refused) {
    context.counters.bytes_dropped += bytes.size;
    return;
  }
  if (fresh_) {
    check(bytes.bytes(), context);
    open_unit(context);
  }
  unit_bytes_ += bytes.size;
  unit_.write(std::move(bytes), false, context);
}

void AudioStream::end_pes(DemuxContext& context) {
  if (verdict_ == Verdict::open && head_size_ > 0) decide(context);
  if (unit_.open()) unit_.end(context);
  fresh_ = false;
  deadline_ns_.reset();
}

// Only a PES without length needs it: the others end where their length says.
void AudioStream::end_packet(DemuxContext& context) {
  if (unit_.open() && unbounded_)
    deadline_ns_ = context.info.arrival_ns + context.limits.idle_end_ns;
}

void AudioStream::on_deadline(std::int64_t now_ns, DemuxContext& context) {
  if (!deadline_ns_ || now_ns < *deadline_ns_) return;
  deadline_ns_.reset();
  if (!unit_.open()) return;
  unit_.end(context);
  fresh_ = true;  // more of the PES is a unit of its own
  pes_pts_90khz_.reset();
}

void AudioStream::lose(DemuxContext& context) {
  if (unit_.open()) unit_.break_off(context);
  deadline_ns_.reset();
  after_loss_ = true;
  head_size_ = held_count_ = 0;
  for (auto& slice : held_) slice = {};
}

// ---- codec ----

void AudioStream::probe(Slice&& bytes, DemuxContext& context) {
  const std::size_t n = std::min<std::size_t>(probe_bytes - head_size_, bytes.size);
  std::copy_n(bytes.data, n, head_.data() + head_size_);
  head_size_ += n;
  held_[held_count_++] = std::move(bytes);  // at most one slice per byte of the head
  if (head_size_ == probe_bytes) decide(context);
}

void AudioStream::decide(DemuxContext& context) {
  const Codec codec = judge(context);
  if (codec != Codec::unknown) accept(codec, context);
  for (std::size_t i = 0; i < held_count_; ++i) {
    Slice bytes = std::move(held_[i]);
    held_[i] = {};
    if (verdict_ == Verdict::accepted)
      data(std::move(bytes), context);
    else
      context.counters.bytes_dropped += bytes.size;
  }
  head_size_ = held_count_ = 0;
}

// Unknown: refused, or not decided by this PES.
Codec AudioStream::judge(DemuxContext& context) {
  const auto head = std::span(head_).first(head_size_);
  const Codec mapped = codec_of(mapped_);
  if (guess_adts(head, pes_bytes_)) return Codec::aac;
  const bool mpeg_type = mapped_ == stream_type::mpeg1_audio ||
                         mapped_ == stream_type::mpeg2_audio || mapped_ == stream_type::aac_latm;
  if (mpeg_type || (mapped == Codec::unknown && is_mpeg_audio(head))) {
    verdict_ = Verdict::refused;
    ++context.counters.streams_refused;
    context.diagnosis = mapped_ == stream_type::aac_latm ? "audio is AAC in LATM: not relayed"
                                                         : "audio is MPEG layer I-III: not relayed";
    return Codec::unknown;
  }
  if (mapped == Codec::aac) return judge_unsynced(context);
  if (mapped != Codec::unknown && kind_of(mapped) == MediaKind::audio) return mapped;
  return Codec::g711a;
}

// AAC by the map, but no ADTS. It may begin in the middle of a frame: give it a few PES. G.711 has
// PES of one size; raw AAC has not, and without its header nobody can play it.
Codec AudioStream::judge_unsynced(DemuxContext& context) {
  if (strange_pes_ == 0) strange_size_ = pes_bytes_;
  one_size_ = (strange_pes_ == 0 || one_size_) && strange_size_ == pes_bytes_;
  if (++strange_pes_ < proof_pes) return Codec::unknown;
  if (one_size_) return Codec::g711a;
  verdict_ = Verdict::refused;
  ++context.counters.streams_refused;
  context.diagnosis = "audio is AAC without ADTS headers: not relayed";
  return Codec::unknown;
}

void AudioStream::accept(Codec codec, DemuxContext& context) {
  const Codec mapped = codec_of(mapped_);
  if (mapped != Codec::unknown && mapped != codec) ++context.counters.codecs_corrected;
  verdict_ = Verdict::accepted;
  strange_pes_ = 0;
  Track track;
  track.codec = codec;
  track.clock_rate_hz = codec == Codec::g722_1 ? 16000 : 8000;
  if (const auto adts = guess_adts(std::span(head_).first(head_size_), pes_bytes_);
      adts && codec == Codec::aac) {
    const auto config = payload::audio_specific_config(*adts);
    track.clock_rate_hz = adts->sample_rate_hz();
    track.channels = adts->channels;
    track.sets.config.assign(config.begin(), config.end());
  }
  if (announced_ && codec == codec_) return;
  codec_ = codec;
  if (!announced_) {
    announced_ = true;
    unit_.set_track(context.tracks.size());
    context.tracks.push_back(std::move(track));
  } else {
    context.tracks[unit_.track()] = std::move(track);
  }
  ++context.tracks_version;
}

// G.711 that turns out to be AAC, or the reverse, some PES in a row.
void AudioStream::check(std::span<const std::uint8_t> bytes, DemuxContext& context) {
  if (bytes.size() < probe_bytes || (!is_g711(codec_) && codec_ != Codec::aac)) return;
  const bool adts = guess_adts(bytes, pes_bytes_).has_value();
  if (adts == (codec_ == Codec::aac)) {
    strange_pes_ = 0;
  } else if (is_g711(codec_) && ++strange_pes_ >= proof_pes) {
    std::copy_n(bytes.data(), probe_bytes, head_.data());
    head_size_ = probe_bytes;
    accept(Codec::aac, context);
    head_size_ = 0;
  }
}

// ---- units ----

void AudioStream::open_unit(DemuxContext& context) {
  fresh_ = false;
  unit_.begin(pts_of_pes(context.info), std::exchange(after_loss_, false) && !pes_pts_90khz_);
  unit_bytes_ = 0;
}

std::int64_t AudioStream::pts_of_pes(const PushInfo& info) {
  constexpr std::int32_t plausible_90khz = 10 * 90000;
  std::int64_t pts_90khz = info.rtp_timestamp;
  if (pes_pts_90khz_) {
    pts_90khz = *pes_pts_90khz_;
    any_pts_ = true;
  } else if (any_pts_) {
    const auto step = static_cast<std::int32_t>(info.rtp_timestamp - last_rtp_timestamp_);
    const std::int64_t samples = is_g711(codec_) ? unit_bytes_ : 0;
    pts_90khz =
        last_pts_90khz_ + (step > 0 && step < plausible_90khz ? step : samples * 90000 / 8000);
  }
  last_pts_90khz_ = pts_90khz;
  last_rtp_timestamp_ = info.rtp_timestamp;
  return pts_90khz;
}

}  // namespace rtp::ps
