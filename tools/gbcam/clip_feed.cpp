#include "tools/gbcam/clip_feed.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string_view>

namespace gbcam {
namespace {

constexpr std::string_view stamp_ns_uuid = "GBGATE-STAMP-NS1";
constexpr std::string_view stamp_us_uuid = "GBMEASURE-STAMP1";
constexpr std::size_t digits = 16;

std::string_view uuid_of(StampUnit unit) {
  return unit == StampUnit::microseconds ? stamp_us_uuid : stamp_ns_uuid;
}

std::int64_t ticks(Seconds span) {
  return std::llround(span.count() * 90000);
}

rtp::ps::MuxerOptions muxer_options(const Clip& clip, const MapOptions& map) {
  using Map = rtp::ps::MuxerOptions::Map;
  rtp::ps::MuxerOptions options;
  options.video = clip.video;
  options.audio = map.audio_only_in_map ? rtp::Codec::g711a : clip.audio;
  options.map = map.none ? Map::never : map.once ? Map::once : Map::every_key_frame;
  if (map.wrong_type) options.video_stream_type = clip.video == rtp::Codec::h264 ? 0x24 : 0x1b;
  return options;
}

// user_data_unregistered (H.264 and H.265 annex D): a UUID and 16 digits to be filled in. Digits
// and letters need no emulation prevention.
void put_sei(std::vector<std::uint8_t>& out, rtp::Codec codec, StampUnit unit) {
  out.insert(out.end(), {0, 0, 0, 1});
  if (codec == rtp::Codec::h265)
    out.insert(out.end(), {39 << 1, 1});
  else
    out.push_back(6);
  const std::string_view uuid = uuid_of(unit);
  out.insert(out.end(), {5, static_cast<std::uint8_t>(uuid.size() + digits)});
  out.insert(out.end(), uuid.begin(), uuid.end());
  out.insert(out.end(), digits, '0');
  out.push_back(0x80);
}

std::span<std::uint8_t> find_stamp(std::vector<std::uint8_t>& pack, StampUnit unit) {
  const std::string_view uuid = uuid_of(unit);
  // The SEI stands behind headers and parameter sets: near the begin.
  const auto end =
      pack.begin() + static_cast<std::ptrdiff_t>(std::min<std::size_t>(16 * 1024, pack.size()));
  const auto found = std::search(pack.begin(), end, uuid.begin(), uuid.end());
  const auto at = static_cast<std::size_t>(found - pack.begin()) + uuid.size();
  if (found == end || at + digits > pack.size()) return {};
  return std::span(pack).subspan(at, digits);
}

}  // namespace

ClipFeed::ClipFeed(const Clip& clip, const MediaOptions& options)
    : clip_(&clip),
      cursor_(clip, 0),
      muxer_(muxer_options(clip, options.map)),
      stamp_(options.stamp),
      start_90khz_(options.pts_start_90khz),
      jump_90khz_(ticks(options.pts_jump)),
      jump_after_90khz_(ticks(options.pts_jump_after)) {}

std::int64_t ClipFeed::clock_90khz(std::int64_t elapsed_90khz) const {
  const bool jumped = elapsed_90khz >= jump_after_90khz_;
  return start_90khz_ + elapsed_90khz + (jumped ? jump_90khz_ : 0);
}

std::span<const std::uint8_t> ClipFeed::with_stamp(const AccessUnit& unit) {
  if (stamp_ == StampUnit::none) return unit.bytes;
  const auto slice = unit.bytes.begin() + static_cast<std::ptrdiff_t>(unit.first_slice);
  stamped_.assign(unit.bytes.begin(), slice);
  put_sei(stamped_, clip_->video, stamp_);
  stamped_.insert(stamped_.end(), slice, unit.bytes.end());
  return stamped_;
}

Frame ClipFeed::next() {
  const AccessUnit& unit = cursor_.unit();
  Frame frame;
  frame.due_90khz = cursor_.dts_90khz();
  frame.key = unit.key;
  frame.video = unit.kind == rtp::MediaKind::video;
  const std::int64_t pts = clock_90khz(cursor_.pts_90khz());
  frame.rtp_timestamp = static_cast<std::uint32_t>(pts);
  out_.clear();
  if (frame.video)
    muxer_.write_video(with_stamp(unit), pts, unit.key, out_);
  else
    muxer_.write_audio(unit.bytes, pts, false, out_);
  if (frame.video && stamp_ != StampUnit::none) frame.stamp = find_stamp(out_, stamp_);
  frame.bytes = out_;
  cursor_.advance();
  return frame;
}

}  // namespace gbcam
