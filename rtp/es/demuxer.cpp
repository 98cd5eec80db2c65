#include "rtp/es/demuxer.hpp"

#include <algorithm>
#include <utility>

#include "rtp/payload/aac_depacketizer.hpp"
#include "rtp/payload/nal_depacketizer.hpp"
#include "rtp/ps/audio_stream.hpp"
#include "rtp/ps/codec_guess.hpp"
#include "rtp/ps/demux_context.hpp"
#include "rtp/ps/pes.hpp"
#include "rtp/ps/stream_map.hpp"
#include "rtp/ps/video_stream.hpp"

namespace rtp::es {
namespace {

using payload::AacDepacketizer;
using payload::NalDepacketizer;

constexpr std::int64_t samples_per_frame = 1024;  // AAC

// Widens the RTP timestamps of one source; a small step back stays one.
class TimestampLine {
 public:
  std::int64_t widen(std::uint32_t timestamp) {
    if (!known_) value_ = timestamp;
    known_ = true;
    value_ += static_cast<std::int32_t>(timestamp - static_cast<std::uint32_t>(value_));
    return value_;
  }

 private:
  bool known_ = false;
  std::int64_t value_ = 0;
};

// The streams of ps/ take PES: one stands for a NAL unit or an audio packet. Its length only says
// that its end will be known.
ps::Header pes(std::uint8_t id, std::optional<std::int64_t> pts_90khz, std::uint32_t size) {
  ps::Header header;
  header.id = id;
  header.payload_bytes = size;
  header.pts_90khz = pts_90khz;
  return header;
}

payload::AdtsHeader mono(std::uint32_t rate_hz) {
  payload::AdtsHeader format;
  for (std::uint8_t i = 0; i < 13; ++i) {
    format.sampling_index = i;
    if (format.sample_rate_hz() == rate_hz) return format;
  }
  format.sampling_index = 11;  // 8 kHz
  return format;
}

}  // namespace

class Demuxer::Impl {
 public:
  explicit Impl(DemuxerLimits limits) : limits_(limits) {
    tracks_.reserve(2);
    nal_pieces_.reserve(8);
  }

  void push(const Slice& payload, const Format& format, const PushInfo& info,
            std::vector<EsChunk>& out);
  std::optional<std::int64_t> next_deadline() const;
  void on_deadline(std::int64_t now_ns, std::vector<EsChunk>& out);
  std::string describe() const;

  std::vector<Track> tracks_;
  std::uint32_t tracks_version_ = 0;
  DemuxerCounters counters_;
  std::string diagnosis_;

 private:
  ps::DemuxContext context(const PushInfo& info, std::vector<EsChunk>& out) {
    return {out, out.size(), info, counters_, limits_, tracks_, tracks_version_, diagnosis_};
  }
  void lose(ps::DemuxContext& here);
  void take_video(const Slice& payload, Codec codec, ps::DemuxContext& here);
  void follow_codec(const Slice& payload, Codec codec);
  void take_nal_pieces(ps::DemuxContext& here);
  void take_g711(const Slice& payload, const Format& format, ps::DemuxContext& here);
  void take_aac(const Slice& payload, const Format& format, ps::DemuxContext& here);

  DemuxerLimits limits_;
  ps::VideoStream video_;
  ps::AudioStream audio_;
  std::optional<NalDepacketizer> nals_;
  std::optional<AacDepacketizer> aac_;
  std::vector<NalDepacketizer::Piece> nal_pieces_;  // reused
  std::vector<AacDepacketizer::Piece> aac_pieces_;  // reused
  std::optional<std::uint32_t> video_timestamp_;
  bool pts_is_free_ = false;  // no NAL unit of this timestamp has come yet
  bool lost_video_ = false, lost_audio_ = false;
  TimestampLine audio_line_;
};

void Demuxer::Impl::push(const Slice& payload, const Format& format, const PushInfo& info,
                         std::vector<EsChunk>& out) {
  auto here = context(info, out);
  ++counters_.packets;
  counters_.bytes += payload.size;
  if (info.lost_before) lose(here);
  switch (format.codec) {
    case Codec::h264:
    case Codec::h265:
      take_video(payload, format.codec, here);
      break;
    case Codec::g711a:
    case Codec::g711u:
      take_g711(payload, format, here);
      break;
    case Codec::aac:
      take_aac(payload, format, here);
      break;
    default:
      counters_.bytes_dropped += payload.size;
      if (++counters_.streams_refused == 1)
        diagnosis_ = "RTP payload type " + std::to_string(format.payload_type) + " (" +
                     to_string(format.codec) + ") is not relayed";
  }
  video_.end_packet(here);
  audio_.end_packet(here);
}

void Demuxer::Impl::lose(ps::DemuxContext& here) {
  ++counters_.lost_gaps;
  video_.lose(here);
  audio_.lose(here);
  lost_video_ = lost_audio_ = true;
}

// ---- video ----

// The time of a packet counts where a NAL unit begins: some senders count on within one.
void Demuxer::Impl::take_video(const Slice& payload, Codec codec, ps::DemuxContext& here) {
  follow_codec(payload, codec);
  const bool in_nal = nals_->in_fragment() && !lost_video_;
  if (video_timestamp_ != here.info.rtp_timestamp && !in_nal) {
    video_timestamp_ = here.info.rtp_timestamp;
    pts_is_free_ = true;
  }
  const auto unreadable = [&] {
    const auto& c = nals_->counters();
    return c.malformed + c.unsupported;
  };
  const auto before = unreadable();
  nals_->push(payload, std::exchange(lost_video_, false), nal_pieces_);
  counters_.bad_headers += unreadable() - before;
  if (nal_pieces_.empty()) counters_.bytes_dropped += payload.size;
  take_nal_pieces(here);
}

// A parameter set outweighs the payload type: 99 and 98 are used for H.265, too.
void Demuxer::Impl::follow_codec(const Slice& payload, Codec codec) {
  if (!nals_) {
    nals_.emplace(codec);
    video_.set_mapped(ps::stream_type_of(codec));
  }
  if (payload.size < 2 || nals_->in_fragment()) return;
  const Codec proven = ps::prove_video(payload.data[0], payload.data[1]);
  if (proven != Codec::unknown) nals_->set_codec(proven);
}

void Demuxer::Impl::take_nal_pieces(ps::DemuxContext& here) {
  for (auto& piece : nal_pieces_) {
    if (piece.begin) {
      ++counters_.pes;
      const auto pts = std::exchange(pts_is_free_, false)
                           ? std::optional<std::int64_t>(here.info.rtp_timestamp)
                           : std::nullopt;
      video_.begin_pes(pes(ps::first_video, pts, 1), here);
    }
    video_.data(std::move(piece.bytes), here);
    if (piece.end) video_.end_pes(here);
  }
  nal_pieces_.clear();
}

// ---- audio ----

void Demuxer::Impl::take_g711(const Slice& payload, const Format& format, ps::DemuxContext& here) {
  if (payload.empty()) return;
  lost_audio_ = false;
  ++counters_.pes;
  const auto rate = std::max<std::int64_t>(1, format.clock_rate_hz);
  const auto pts = audio_line_.widen(here.info.rtp_timestamp) * 90000 / rate;
  audio_.set_mapped(ps::stream_type_of(format.codec));
  audio_.begin_pes(pes(ps::first_audio, pts, payload.size), here);
  audio_.data(Slice(payload), here);
  audio_.end_pes(here);
}

void Demuxer::Impl::take_aac(const Slice& payload, const Format& format, ps::DemuxContext& here) {
  if (!aac_) aac_.emplace(mono(format.clock_rate_hz));
  const auto rate = std::max<std::int64_t>(1, format.clock_rate_hz);
  const auto samples = audio_line_.widen(here.info.rtp_timestamp);
  if (!aac_->push(payload, std::exchange(lost_audio_, false), aac_pieces_)) ++counters_.bad_headers;
  for (auto& piece : aac_pieces_) {
    if (piece.begin) {
      ++counters_.pes;
      const auto pts = (samples + piece.frame * samples_per_frame) * 90000 / rate;
      audio_.set_mapped(ps::stream_type::aac_adts);
      audio_.begin_pes(pes(ps::first_audio, pts, 0x1fff), here);
    }
    audio_.data(std::move(piece.bytes), here);
    if (piece.end) audio_.end_pes(here);
  }
  aac_pieces_.clear();
}

// ---- time, figures ----

std::optional<std::int64_t> Demuxer::Impl::next_deadline() const {
  const auto a = video_.deadline(), b = audio_.deadline();
  return a && b ? std::min(*a, *b) : a ? a : b;
}

void Demuxer::Impl::on_deadline(std::int64_t now_ns, std::vector<EsChunk>& out) {
  auto here = context({.arrival_ns = now_ns}, out);
  video_.on_deadline(now_ns, here);
  audio_.on_deadline(now_ns, here);
}

std::string Demuxer::Impl::describe() const {
  std::string text = "es";
  for (const auto& track : tracks_) text += std::string(" ") + to_string(track.codec);
  text += ", " + std::to_string(counters_.packets) + " packets, " +
          std::to_string(counters_.units) + " units, " + std::to_string(counters_.damaged_units) +
          " damaged";
  return diagnosis_.empty() ? text : text + ": " + diagnosis_;
}

// ---- the front ----

Demuxer::Demuxer(DemuxerLimits limits) : impl_(std::make_unique<Impl>(limits)) {}
Demuxer::~Demuxer() = default;
Demuxer::Demuxer(Demuxer&&) noexcept = default;
Demuxer& Demuxer::operator=(Demuxer&&) noexcept = default;

void Demuxer::push(const Slice& payload, const Format& format, const PushInfo& info,
                   std::vector<EsChunk>& out) {
  impl_->push(payload, format, info, out);
}
std::optional<std::int64_t> Demuxer::next_deadline() const {
  return impl_->next_deadline();
}
void Demuxer::on_deadline(std::int64_t now_ns, std::vector<EsChunk>& out) {
  impl_->on_deadline(now_ns, out);
}
std::span<const Track> Demuxer::tracks() const {
  return impl_->tracks_;
}
std::uint32_t Demuxer::tracks_version() const {
  return impl_->tracks_version_;
}
const DemuxerCounters& Demuxer::counters() const {
  return impl_->counters_;
}
const std::string& Demuxer::diagnosis() const {
  return impl_->diagnosis_;
}
std::string Demuxer::describe() const {
  return impl_->describe();
}

}  // namespace rtp::es
