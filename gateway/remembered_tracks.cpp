#include "gateway/remembered_tracks.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <optional>

namespace gateway {
namespace {

constexpr std::size_t max_tracks = 8, max_set_bytes = 4096, fields = 9;

std::string hex(const std::vector<std::uint8_t>& bytes) {
  if (bytes.empty()) return "-";
  std::string text;
  for (const auto byte : bytes) text += fmt::format("{:02x}", byte);
  return text;
}

template <class T>
bool read(std::string_view text, T& value, int base = 10) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  return error == std::errc{} && end == text.data() + text.size();
}

bool read_bytes(std::string_view text, std::vector<std::uint8_t>& bytes) {
  if (text == "-") return true;
  if (text.empty() || text.size() % 2 != 0 || text.size() > 2 * max_set_bytes) return false;
  for (std::size_t i = 0; i < text.size(); i += 2)
    if (!read(text.substr(i, 2), bytes.emplace_back(), 16)) return false;
  return true;
}

bool read_codec(std::string_view text, rtp::Codec& codec) {
  for (int i = 1; i <= static_cast<int>(rtp::Codec::aac); ++i) {
    codec = static_cast<rtp::Codec>(i);
    if (text == rtp::to_string(codec)) return true;
  }
  return false;
}

std::string_view take(std::string_view& text, char end) {
  const auto at = std::min(text.find(end), text.size());
  const auto part = text.substr(0, at);
  text.remove_prefix(std::min(at + 1, text.size()));
  return part;
}

std::optional<rtp::Track> parse_track(std::string_view line) {
  std::array<std::string_view, fields> field;
  for (auto& each : field) each = take(line, ' ');
  rtp::Track track;
  const bool whole = line.empty() && read_codec(field[0], track.codec) &&
                     read(field[1], track.clock_rate_hz) && read(field[2], track.channels) &&
                     read(field[3], track.payload_type) && read(field[4], track.ssrc) &&
                     read_bytes(field[5], track.sets.vps) && read_bytes(field[6], track.sets.sps) &&
                     read_bytes(field[7], track.sets.pps) &&
                     read_bytes(field[8], track.sets.config);
  if (!whole || track.clock_rate_hz == 0 || track.payload_type > 127) return {};
  return track;
}

}  // namespace

std::string print_tracks(const std::vector<rtp::Track>& tracks) {
  std::string text;
  for (const auto& track : tracks)
    text += fmt::format("{} {} {} {} {} {} {} {} {}\n", rtp::to_string(track.codec),
                        track.clock_rate_hz, track.channels, track.payload_type, track.ssrc,
                        hex(track.sets.vps), hex(track.sets.sps), hex(track.sets.pps),
                        hex(track.sets.config));
  return text;
}

std::vector<rtp::Track> parse_tracks(std::string_view text) {
  std::vector<rtp::Track> tracks;
  while (!text.empty()) {
    auto track = parse_track(take(text, '\n'));
    if (!track || tracks.size() == max_tracks) return {};
    tracks.push_back(std::move(*track));
  }
  return tracks;
}

void RememberedTracks::open(DeviceStore* store, const std::vector<StreamRow>& rows) {
  const std::lock_guard lock(mutex_);
  store_ = store;
  for (const auto& row : rows)
    if (known_.size() < capacity) known_[row.name] = {row.tracks, false};
}

std::vector<rtp::Track> RememberedTracks::find(const std::string& stream) const {
  const std::lock_guard lock(mutex_);
  const auto known = known_.find(stream);
  if (known == known_.end() || known->second.doubted) return {};
  return parse_tracks(known->second.tracks);
}

void RememberedTracks::note(const std::string& stream, const std::vector<rtp::Track>& tracks) {
  auto text = print_tracks(tracks);
  const std::lock_guard lock(mutex_);
  const auto found = known_.find(stream);
  if (found == known_.end() && known_.size() >= capacity) return;
  if (found != known_.end() && found->second.tracks == text) {
    found->second.doubted = false;
    return;
  }
  if (store_) store_->put_stream({stream, text});
  known_[stream] = {std::move(text), false};
}

void RememberedTracks::doubt(const std::string& stream) {
  const std::lock_guard lock(mutex_);
  if (const auto known = known_.find(stream); known != known_.end()) known->second.doubted = true;
}

}  // namespace gateway
