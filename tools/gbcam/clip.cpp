#include "tools/gbcam/clip.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <numeric>
#include <stdexcept>

#include "tools/gbcam/annexb.hpp"

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavcodec/bsf.h>
#include <libavformat/avformat.h>
}

namespace gbcam {
namespace {

constexpr std::size_t max_clip_bytes = 1u << 30;
constexpr std::size_t g711_unit_bytes = 320;  // 40 ms at 8 kHz
constexpr std::int64_t g711_unit_90khz = 3600;
constexpr AVRational clock_90khz{1, 90000};

[[noreturn]] void fail(const std::string& what, int code = 0) {
  char text[AV_ERROR_MAX_STRING_SIZE] = {};
  if (code < 0) av_strerror(code, text, sizeof text);
  throw std::runtime_error(code < 0 ? fmt::format("{}: {}", what, text) : what);
}

struct Free {
  void operator()(AVFormatContext* p) const { avformat_close_input(&p); }
  void operator()(AVBSFContext* p) const { av_bsf_free(&p); }
  void operator()(AVPacket* p) const { av_packet_free(&p); }
};
using Format = std::unique_ptr<AVFormatContext, Free>;
using Filter = std::unique_ptr<AVBSFContext, Free>;
using Packet = std::unique_ptr<AVPacket, Free>;

Format open(const std::string& path, double fps) {
  AVDictionary* settings = nullptr;
  av_dict_set(&settings, "framerate", fmt::format("{}", fps).c_str(), 0);
  AVFormatContext* raw = nullptr;
  const int code = avformat_open_input(&raw, path.c_str(), nullptr, &settings);
  av_dict_free(&settings);
  if (code < 0) fail(path, code);
  Format format(raw);
  if (const int info = avformat_find_stream_info(raw, nullptr); info < 0) fail(path, info);
  return format;
}

rtp::Codec video_codec(AVCodecID id) {
  if (id == AV_CODEC_ID_H264) return rtp::Codec::h264;
  if (id == AV_CODEC_ID_HEVC) return rtp::Codec::h265;
  return rtp::Codec::unknown;
}

rtp::Codec audio_codec(AVCodecID id) {
  if (id == AV_CODEC_ID_PCM_ALAW) return rtp::Codec::g711a;
  if (id == AV_CODEC_ID_PCM_MULAW) return rtp::Codec::g711u;
  if (id == AV_CODEC_ID_AAC) return rtp::Codec::aac;
  return rtp::Codec::unknown;
}

Filter annexb_filter(const AVStream& stream, rtp::Codec codec) {
  const bool h265 = codec == rtp::Codec::h265;
  const AVBitStreamFilter* kind =
      av_bsf_get_by_name(h265 ? "hevc_mp4toannexb" : "h264_mp4toannexb");
  AVBSFContext* raw = nullptr;
  if (!kind || av_bsf_alloc(kind, &raw) < 0) fail("libavcodec lacks the Annex B filter");
  Filter filter(raw);
  avcodec_parameters_copy(raw->par_in, stream.codecpar);
  raw->time_base_in = stream.time_base;
  if (const int code = av_bsf_init(raw); code < 0) fail("Annex B filter", code);
  return filter;
}

std::int64_t in_90khz(std::int64_t ticks, AVRational base) {
  return ticks == AV_NOPTS_VALUE ? AV_NOPTS_VALUE : av_rescale_q(ticks, base, clock_90khz);
}

// ISO 14496-3 1.A.2.2: the 7 bytes in front of an AAC frame, from its AudioSpecificConfig.
class Adts {
 public:
  explicit Adts(const AVCodecParameters& par) {
    if (par.extradata_size < 2) return;
    const unsigned config = (unsigned{par.extradata[0]} << 8) | par.extradata[1];
    const unsigned object_type = config >> 11;
    profile_ = object_type >= 1 && object_type <= 4 ? object_type - 1 : 1;
    rate_index_ = (config >> 7) & 15;
    channels_ = (config >> 3) & 15;
    needed_ = true;
  }
  // ADTS has no place for a rate that is spelled out.
  bool possible() const { return !needed_ || rate_index_ < 13; }
  void put(const AVPacket& packet, std::vector<std::uint8_t>& out) const {
    const auto* data = packet.data;
    const auto size = static_cast<unsigned>(packet.size);
    const bool has_sync = size > 1 && data[0] == 0xff && (data[1] & 0xf6) == 0xf0;
    if (needed_ || !has_sync) put_header(size + 7, out);
    out.insert(out.end(), data, data + size);
  }

 private:
  void put_header(unsigned length, std::vector<std::uint8_t>& out) const {
    const unsigned b2 = (profile_ << 6) | (rate_index_ << 2) | (channels_ >> 2);
    const unsigned b3 = ((channels_ & 3) << 6) | (length >> 11);
    const unsigned bytes[] = {0xff, 0xf1, b2, b3, length >> 3, ((length & 7) << 5) | 0x1f, 0xfc};
    for (const unsigned byte : bytes) out.push_back(static_cast<std::uint8_t>(byte & 0xff));
  }
  unsigned profile_ = 1, rate_index_ = 8, channels_ = 1;
  bool needed_ = false;
};

class Loader {
 public:
  Loader(const std::string& path, const ClipOptions& options)
      : options_(options), format_(open(path, options.fps)) {
    choose_video(path);
    if (options.audio) choose_audio();
  }

  Clip load() {
    const Packet packet(av_packet_alloc());
    while (av_read_frame(format_.get(), packet.get()) >= 0) {
      if (packet->stream_index == video_) filter_video(packet.get());
      if (packet->stream_index == audio_) take_audio(*packet);
      av_packet_unref(packet.get());
    }
    filter_video(nullptr);
    finish();
    return std::move(clip_);
  }

 private:
  const AVStream& stream(int index) const { return *format_->streams[index]; }

  void choose_video(const std::string& path) {
    video_ = av_find_best_stream(format_.get(), AVMEDIA_TYPE_VIDEO, -1, -1, nullptr, 0);
    if (video_ < 0) fail(path + ": no video");
    const AVCodecParameters& par = *stream(video_).codecpar;
    clip_.video = video_codec(par.codec_id);
    if (clip_.video == rtp::Codec::unknown)
      fail(
          fmt::format("{}: video is {}, not H.264 or H.265", path, avcodec_get_name(par.codec_id)));
    clip_.width = par.width;
    clip_.height = par.height;
    filter_ = annexb_filter(stream(video_), clip_.video);
    interval_ = std::llround(90000 / options_.fps);
  }

  void choose_audio() {
    const int index = av_find_best_stream(format_.get(), AVMEDIA_TYPE_AUDIO, -1, -1, nullptr, 0);
    if (index < 0) return;
    const AVCodecParameters& par = *stream(index).codecpar;
    const rtp::Codec codec = audio_codec(par.codec_id);
    const bool g711 = codec == rtp::Codec::g711a || codec == rtp::Codec::g711u;
    adts_ = std::make_unique<Adts>(par);
    if (codec == rtp::Codec::unknown || !adts_->possible() ||
        (g711 && (par.sample_rate != 8000 || par.ch_layout.nb_channels != 1))) {
      clip_.warnings.push_back(fmt::format("sound left out: {} {} Hz {} ch",
                                           avcodec_get_name(par.codec_id), par.sample_rate,
                                           par.ch_layout.nb_channels));
      return;
    }
    audio_ = index;
    clip_.audio = codec;
    clip_.audio_rate_hz = par.sample_rate;
  }

  // nullptr: the end of the file.
  void filter_video(AVPacket* packet) {
    if (av_bsf_send_packet(filter_.get(), packet) < 0) return;
    const Packet out(av_packet_alloc());
    while (av_bsf_receive_packet(filter_.get(), out.get()) >= 0) {
      take_video(*out);
      av_packet_unref(out.get());
    }
  }

  void take_video(const AVPacket& packet) {
    AccessUnit unit;
    unit.key = (packet.flags & AV_PKT_FLAG_KEY) != 0;
    unit.dts_90khz = in_90khz(packet.dts, stream(video_).time_base);
    unit.pts_90khz = in_90khz(packet.pts, stream(video_).time_base);
    // A raw byte stream has no times: its frames follow each other at the given rate.
    if (unit.pts_90khz == AV_NOPTS_VALUE) untimed_ = true;
    unit.bytes.assign(packet.data, packet.data + packet.size);
    keep(std::move(unit), video_units_);
  }

  void take_audio(const AVPacket& packet) {
    AccessUnit unit;
    unit.kind = rtp::MediaKind::audio;
    unit.pts_90khz = in_90khz(packet.pts, stream(audio_).time_base);
    if (clip_.audio == rtp::Codec::aac) {
      if (unit.pts_90khz == AV_NOPTS_VALUE) return;
      adts_->put(packet, unit.bytes);
      keep(std::move(unit), audio_units_);
      return;
    }
    if (g711_.empty()) g711_begin_ = unit.pts_90khz == AV_NOPTS_VALUE ? 0 : unit.pts_90khz;
    g711_.insert(g711_.end(), packet.data, packet.data + packet.size);
  }

  void keep(AccessUnit unit, std::vector<AccessUnit>& list) {
    bytes_ += unit.bytes.size();
    if (bytes_ > max_clip_bytes) fail("the file holds more than 1 GiB of coded media");
    list.push_back(std::move(unit));
  }

  void finish() {
    const auto first_key = std::find_if(video_units_.begin(), video_units_.end(),
                                        [](const AccessUnit& unit) { return unit.key; });
    if (first_key == video_units_.end()) fail("no key frame in the video");
    video_units_.erase(video_units_.begin(), first_key);
    if (untimed_) number_frames();
    cut_g711();
    measure();
    for (AccessUnit& unit : video_units_) {
      with_parameter_sets(unit);
      unit.first_slice = first_slice(unit.bytes);
    }
    merge();
  }

  void number_frames() {
    std::int64_t at = 0;
    for (AccessUnit& unit : video_units_) {
      unit.dts_90khz = unit.pts_90khz = at;
      at += interval_;
    }
    if (stream(video_).codecpar->video_delay > 0)
      clip_.warnings.push_back("raw stream with B frames: frames keep their coding order as times");
  }

  void cut_g711() {
    for (std::size_t at = 0; at + g711_unit_bytes <= g711_.size(); at += g711_unit_bytes) {
      AccessUnit unit;
      unit.kind = rtp::MediaKind::audio;
      unit.pts_90khz =
          g711_begin_ + static_cast<std::int64_t>(at / g711_unit_bytes) * g711_unit_90khz;
      const auto begin = g711_.begin() + static_cast<std::ptrdiff_t>(at);
      unit.bytes.assign(begin, begin + static_cast<std::ptrdiff_t>(g711_unit_bytes));
      audio_units_.push_back(std::move(unit));
    }
  }

  // Moves the time line to 0 and finds where it repeats: one frame after the last.
  void measure() {
    for (AccessUnit& unit : video_units_)
      if (unit.dts_90khz == AV_NOPTS_VALUE) unit.dts_90khz = unit.pts_90khz;
    const std::int64_t base = video_units_.front().dts_90khz;
    const std::int64_t last = video_units_.back().dts_90khz;
    const auto steps = static_cast<std::int64_t>(video_units_.size()) - 1;
    clip_.frame_interval_90khz = steps > 0 ? (last - base + steps / 2) / steps : interval_;
    if (clip_.frame_interval_90khz <= 0) fail("the video's times do not advance");
    clip_.duration_90khz = last - base + clip_.frame_interval_90khz;
    for (AccessUnit& unit : video_units_) {
      unit.dts_90khz -= base;
      unit.pts_90khz -= base;
    }
    for (AccessUnit& unit : audio_units_) unit.dts_90khz = unit.pts_90khz -= base;
    std::erase_if(audio_units_, [this](const AccessUnit& unit) {
      return unit.dts_90khz < 0 || unit.dts_90khz >= clip_.duration_90khz;
    });
  }

  // F.2.2 and F.9.2: parameter sets in front of every I frame; many files have them only once.
  void with_parameter_sets(AccessUnit& unit) {
    if (!unit.key) return;
    std::vector<std::uint8_t> own = parameter_sets(unit.bytes, clip_.video);
    if (!own.empty()) {
      sets_ = std::move(own);
      return;
    }
    unit.bytes.insert(unit.bytes.begin(), sets_.begin(), sets_.end());
  }

  std::size_t first_slice(std::span<const std::uint8_t> bytes) const {
    for (const NalUnit& nal : nal_units(bytes, clip_.video))
      if (is_slice(nal.type, clip_.video)) return nal.begin;
    return 0;
  }

  void merge() {
    std::move(audio_units_.begin(), audio_units_.end(), std::back_inserter(video_units_));
    clip_.units = std::move(video_units_);
    std::stable_sort(
        clip_.units.begin(), clip_.units.end(),
        [](const AccessUnit& a, const AccessUnit& b) { return a.dts_90khz < b.dts_90khz; });
  }

  ClipOptions options_;
  Format format_;
  Filter filter_;
  std::unique_ptr<Adts> adts_;
  int video_ = -1, audio_ = -1;
  Clip clip_;
  std::vector<AccessUnit> video_units_, audio_units_;
  std::vector<std::uint8_t> g711_, sets_;
  std::int64_t g711_begin_ = 0, interval_ = 3600;
  std::size_t bytes_ = 0;
  bool untimed_ = false;
};

}  // namespace

Clip load_clip(const std::string& path, const ClipOptions& options) {
  av_log_set_level(AV_LOG_ERROR);
  return Loader(path, options).load();
}

}  // namespace gbcam
