#include "gateway/media_pipeline.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "rtp/sequence.hpp"

namespace gateway {
namespace {

constexpr std::uint8_t video_payload_type = 96, aac_payload_type = 97;

std::uint8_t payload_type_of(rtp::Codec codec) {
  switch (codec) {
    case rtp::Codec::g711u:
      return 0;  // RFC 3551 table 4
    case rtp::Codec::g711a:
      return 8;
    case rtp::Codec::aac:
      return aac_payload_type;
    default:
      return video_payload_type;
  }
}

bool is_video(rtp::Codec codec) {
  return rtp::kind_of(codec) == rtp::MediaKind::video;
}

}  // namespace

MediaPipeline::MediaPipeline(Stream& stream, PipelineConfig config, rtp::SsrcGenerator& ssrcs)
    : stream_(stream), config_(config), ssrcs_(ssrcs), reorder_(config.reorder) {}

void MediaPipeline::on_packet(rtp::Packet&& packet, std::int64_t arrival_ns) {
  if (in_nal_ && take_more(packet, arrival_ns)) return;
  if (!config_.in_order) {
    reorder_.push(std::move(packet), arrival_ns, ordered_);
  } else {
    // Only a small step ahead is believed to be loss: some senders over TCP do not count at all.
    const auto step = last_sequence_ ? static_cast<std::uint16_t>(packet.sequence - *last_sequence_)
                                     : std::uint16_t{1};
    last_sequence_ = packet.sequence;
    const bool gap = step > 1 && step <= config_.reorder.max_dropout;
    ordered_.push_back({std::move(packet), arrival_ns, gap ? step - 1u : 0u, false});
  }
  for (const auto& ordered : ordered_) demux(ordered);
  ordered_.clear();
}

// Three packets of four: the next one, in the middle of a picture. No stage needs to keep it or to
// look at it twice.
bool MediaPipeline::take_more(const rtp::Packet& packet, std::int64_t arrival_ns) {
  if (packet.marker || source_switched_ || tracks_changed_ || arrival_ns < newest_arrival_ns_)
    return false;
  const bool next = config_.in_order
                        ? packet.sequence == static_cast<std::uint16_t>(*last_sequence_ + 1)
                        : reorder_.is_next(packet.sequence);
  if (!next) return false;
  const auto track = static_cast<std::size_t>(in_nal_ - lanes_.data());
  if (!demuxer_.take_more(packet, track, arrival_ns)) return false;
  config_.in_order ? void(last_sequence_ = packet.sequence) : reorder_.pass_next();
  newest_arrival_ns_ = arrival_ns;
  in_nal_->packetizer->take_more(packet.payload, arrival_ns, packets_);
  publish();
  return true;
}

void MediaPipeline::publish() {
  for (auto& packet : packets_) stream_.publish(std::move(packet));
  packets_.clear();
}

void MediaPipeline::on_source_switched() {
  reorder_.flush(ordered_);
  for (const auto& ordered : ordered_) demux(ordered);
  ordered_.clear();
  reorder_.reset();
  last_sequence_.reset();
  demuxer_.reconsider();
  timeline_.on_source_restart();
  source_switched_ = true;
}

void MediaPipeline::demux(const rtp::Ordered& ordered) {
  const rtp::ps::PushInfo info{
      .marker = ordered.packet.marker,
      .lost_before = ordered.lost_before > 0 || ordered.restarted || source_switched_,
      .rtp_timestamp = ordered.packet.timestamp,
      .arrival_ns = std::max(ordered.arrival_ns, newest_arrival_ns_)};
  newest_arrival_ns_ = info.arrival_ns;
  if (!first_ns_) first_ns_ = info.arrival_ns;
  source_switched_ = false;
  demuxer_.push(ordered.packet, info, chunks_);
  take_chunks(info.arrival_ns);
}

void MediaPipeline::take_chunks(std::int64_t arrival_ns) {
  if (tracks_version_ != demuxer_.tracks_version()) sync_lanes();
  for (auto& chunk : chunks_) take(chunk, lanes_[chunk.track], arrival_ns);
  chunks_.clear();
}

void MediaPipeline::take(rtp::EsChunk& chunk, Lane& lane, std::int64_t arrival_ns) {
  if (!lane.packetizer) {
    const auto& track = demuxer_.tracks()[chunk.track];
    if (!rtp::payload::Packetizer::supports(track.codec)) return;
    // Video is the first track: sound that comes before any picture waits for one.
    if (stream_tracks_ == 0 && !is_video(track.codec) &&
        arrival_ns - *first_ns_ < config_.picture_first_ns)
      return;
    open_lane(lane, track);
  }
  if (chunk.unit_begin) {
    lane.pts_90khz = on_line(timeline_.map(chunk.track, chunk.pts_90khz, arrival_ns), arrival_ns);
    newest_pts_90khz_ = lane.pts_90khz;
    unit_seen_ = true;
  }
  chunk.pts_90khz = lane.pts_90khz;
  lane.packetizer->push(chunk, arrival_ns, packets_);
  if (lane.packetizer->version() != lane.version) tracks_changed_ = true;
  if (tracks_changed_) update_tracks(arrival_ns);
  publish();
  in_nal_ = lane.packetizer->takes_more() ? &lane : nullptr;
}

// A source that takes over begins a frame behind where the one before would be now.
std::int64_t MediaPipeline::on_line(std::int64_t pts_90khz, std::int64_t arrival_ns) {
  constexpr std::int64_t frame_90khz = 3600;
  if (!shift_90khz_) {
    const auto due = stream_.pts_at(arrival_ns);
    shift_90khz_ = due ? *due + frame_90khz - pts_90khz : 0;
  }
  return pts_90khz + *shift_90khz_;
}

// The demuxer knows more, or knows better: a track's codec may have been wrong in the PSM.
void MediaPipeline::sync_lanes() {
  tracks_version_ = demuxer_.tracks_version();
  const auto tracks = demuxer_.tracks();
  for (std::size_t i = 0; i < tracks.size(); ++i) {
    auto& lane = lanes_[i];
    const bool corrected = lane.packetizer && lane.codec != tracks[i].codec &&
                           rtp::payload::Packetizer::supports(tracks[i].codec);
    // Video is opened as soon as it is announced, so that it is the first track; audio when it is
    // heard, because what is announced is not always sent.
    if (corrected || (!lane.packetizer && is_video(tracks[i].codec) &&
                      rtp::payload::Packetizer::supports(tracks[i].codec))) {
      open_lane(lane, tracks[i]);
    }
  }
}

void MediaPipeline::open_lane(Lane& lane, const rtp::Track& track) {
  const bool again = lane.packetizer.has_value();
  if (!again) lane.stream_track = stream_tracks_++;
  const auto old = again ? stream_.tracks()[lane.stream_track] : rtp::Track{};
  // Viewers of a stream that was called before see no new beginning.
  const auto before = again ? std::nullopt : stream_.continuation(lane.stream_track, track.codec);
  const auto numbers = before.value_or(Stream::Continuation{.ssrc = ssrcs_.next()});
  const rtp::payload::PacketizerConfig config{
      .track = static_cast<std::uint8_t>(lane.stream_track),
      .payload_type = payload_type_of(track.codec),
      .ssrc = again ? old.ssrc : numbers.ssrc,
      .first_sequence =
          again ? lane.packetizer->next_sequence()
                : numbers.next_sequence.value_or(static_cast<std::uint16_t>(ssrcs_.next())),
      .timestamp_offset = numbers.timestamp_offset.value_or(ssrcs_.next()),
      .max_payload_bytes = config_.max_payload_bytes,
      .clock_rate_hz = is_video(track.codec) ? 90'000 : track.clock_rate_hz};
  in_nal_ = nullptr;
  lane.codec = track.codec;
  lane.packetizer.emplace(track.codec, config);
  lane.version = lane.packetizer->version();
  tracks_changed_ = true;
  update_tracks(newest_arrival_ns_);
}

void MediaPipeline::update_tracks(std::int64_t now_ns) {
  tracks_changed_ = false;
  std::vector<rtp::Track> tracks(stream_tracks_);
  for (auto& lane : lanes_) {
    if (!lane.packetizer) continue;
    lane.packetizer->describe(tracks[lane.stream_track]);
    lane.version = lane.packetizer->version();
  }
  stream_.set_tracks(std::move(tracks), is_ready(now_ns));
}

bool MediaPipeline::is_ready(std::int64_t now_ns) {
  if (ready_) return true;
  if (stream_tracks_ == 0 || !video_ready()) {
    video_ready_ns_.reset();  // another picture has been announced meanwhile
    return false;
  }
  if (!video_ready_ns_) video_ready_ns_ = now_ns;
  ready_ = audio_settled(now_ns);
  return ready_;
}

bool MediaPipeline::video_ready() const {
  return std::all_of(lanes_.begin(), lanes_.end(), [](const Lane& lane) {
    return !lane.packetizer || !is_video(lane.codec) || lane.packetizer->ready();
  });
}

bool MediaPipeline::audio_settled(std::int64_t now_ns) const {
  if (now_ns >= audio_deadline()) return true;
  const auto heard = [](const Lane& lane) {
    return lane.packetizer && !is_video(lane.codec) && lane.packetizer->ready();
  };
  if (std::any_of(lanes_.begin(), lanes_.end(), heard)) return true;
  // A map lists all there is; without one audio may follow.
  const auto announced = demuxer_.map().list();
  return demuxer_.counters().maps > 0 &&
         std::none_of(announced.begin(), announced.end(), [](const auto& entry) {
           const auto codec = rtp::ps::codec_of(entry.type);
           return !is_video(codec) && rtp::payload::Packetizer::supports(codec);
         });
}

std::int64_t MediaPipeline::audio_deadline() const {
  const bool mapped = demuxer_.counters().maps > 0;
  return *video_ready_ns_ + (mapped ? config_.announced_audio_ns : config_.unannounced_audio_ns);
}

void MediaPipeline::end_of_batch(std::int64_t now_ns, std::int64_t wall_ns) {
  if (unit_seen_) {
    unit_seen_ = false;
    capture_.observe(newest_pts_90khz_, wall_ns - (now_ns - newest_arrival_ns_));
    stream_.set_clock(newest_pts_90khz_, capture_.wall_ns_at(newest_pts_90khz_));
  }
  if (!ready_ && video_ready_ns_) update_tracks(now_ns);
  stream_.flush();
}

std::optional<std::int64_t> MediaPipeline::next_deadline() const {
  auto earliest = reorder_.next_deadline();
  const auto also = [&](std::optional<std::int64_t> other) {
    if (other && (!earliest || *other < *earliest)) earliest = other;
  };
  also(demuxer_.next_deadline());
  if (!ready_ && video_ready_ns_) also(audio_deadline());
  return earliest;
}

void MediaPipeline::on_deadline(std::int64_t now_ns, std::int64_t wall_ns) {
  reorder_.on_deadline(now_ns, ordered_);
  for (const auto& ordered : ordered_) demux(ordered);
  ordered_.clear();
  demuxer_.on_deadline(now_ns, chunks_);
  take_chunks(now_ns);
  end_of_batch(now_ns, wall_ns);
}

std::string MediaPipeline::diagnosis() const {
  if (!demuxer_.diagnosis().empty()) return demuxer_.diagnosis();
  if (stream_tracks_ == 0) return "no video or audio was found in it";
  if (!video_ready()) return "no parameter sets (SPS, PPS) have come: no key frame yet";
  return {};
}

std::string MediaPipeline::describe() const {
  return fmt::format("{} | {} | {}", reorder_.describe(), demuxer_.describe(),
                     timeline_.describe());
}

}  // namespace gateway
