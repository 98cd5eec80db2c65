#include "rtp/payload/aac_packetizer.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace rtp::payload {
namespace {

constexpr std::int64_t samples_per_block = 1024;
constexpr std::size_t au_header_bytes = 4;  // AU-headers-length, one AU-header (RFC 3640 3.2.1)

bool same_format(const AdtsHeader& a, const AdtsHeader& b) {
  return audio_specific_config(a) == audio_specific_config(b);
}

}  // namespace

AacPacketizer::AacPacketizer(const PacketizerConfig& config) : writer_(config) {}

void AacPacketizer::describe(Track& track) const {
  track.codec = Codec::aac;
  track.payload_type = writer_.config().payload_type;
  track.ssrc = writer_.config().ssrc;
  track.sets = sets_;
  if (ready()) {
    track.clock_rate_hz = format_.sample_rate_hz();
    track.channels = format_.channels;
  }
}

void AacPacketizer::push(const EsChunk& chunk, std::int64_t arrival_ns,
                         std::vector<OutPacket>& out) {
  arrival_ns_ = arrival_ns;
  if (chunk.damaged) lose_sync();
  if (chunk.unit_begin) {
    unit_pts_ = chunk.pts_90khz;
    first_of_unit_ = true;
    ++writer_.counters.units;
  }
  Slice rest = chunk.bytes;
  while (!rest.empty()) rest = missing_ + to_skip_ > 0 ? take_body(rest, out) : take_header(rest);
}

void AacPacketizer::lose_sync() {
  if (missing_ > 0) ++writer_.counters.damaged_units;
  header_size_ = to_skip_ = missing_ = 0;
  frame_ = {};
  synced_ = false;
  lost_ = true;
}

// Returns what is left behind the header, or behind one byte that begins none.
Slice AacPacketizer::take_header(const Slice& bytes) {
  const std::size_t n = std::min<std::size_t>(header_.size() - header_size_, bytes.size);
  std::memcpy(header_.data() + header_size_, bytes.data, n);
  header_size_ += n;
  if (header_size_ < header_.size()) return bytes.sub(n);
  const auto header = parse_adts(header_);
  // A sync word may occur inside of a frame: while searching, the format must be the known one.
  if (header && (synced_ || !ready() || same_format(*header, format_))) {
    header_size_ = 0;
    begin_frame(*header);
    return bytes.sub(n);
  }
  synced_ = false;
  ++writer_.counters.dropped_bytes;
  std::memmove(header_.data(), header_.data() + 1, --header_size_);
  return bytes.sub(n);
}

void AacPacketizer::begin_frame(const AdtsHeader& header) {
  const auto config = audio_specific_config(header);
  if (!std::equal(config.begin(), config.end(), sets_.config.begin(), sets_.config.end())) {
    sets_.config.assign(config.begin(), config.end());
    samples_known_ = samples_known_ && header.sample_rate_hz() == format_.sample_rate_hz();
    ++version_;
  }
  format_ = header;
  synced_ = true;
  to_skip_ = header.header_bytes - adts_header_bytes;
  missing_ = static_cast<std::size_t>(header.frame_bytes) - header.header_bytes;
  if (unit_pts_) set_clock(*unit_pts_);
  unit_pts_.reset();
}

void AacPacketizer::set_clock(std::int64_t pts_90khz) {
  const std::int64_t rate = format_.sample_rate_hz();
  const std::int64_t wanted = pts_90khz * rate / 90000;
  // After a loss the count is short of what was lost; half a frame tells that from jitter.
  const std::int64_t tolerance = lost_ ? samples_per_block / 2 : rate / 10;
  if (!samples_known_ || std::abs(wanted - samples_) > tolerance) {
    if (samples_known_) ++writer_.counters.timestamp_jumps;
    samples_ = wanted;
  }
  samples_known_ = true;
  lost_ = false;
}

Slice AacPacketizer::take_body(const Slice& bytes, std::vector<OutPacket>& out) {
  if (to_skip_ > 0) {
    const std::size_t n = std::min<std::size_t>(to_skip_, bytes.size);
    to_skip_ -= n;
    return bytes.sub(n);
  }
  const std::size_t n = std::min<std::size_t>(missing_, bytes.size);
  add(bytes.sub(0, n));
  missing_ -= n;
  if (missing_ == 0) end_frame(out);
  return bytes.sub(n);
}

void AacPacketizer::add(const Slice& bytes) {
  if (append(frame_, bytes)) return;
  const std::size_t before = payload_bytes(frame_);
  Slice whole{SlabRef::allocate(before + missing_), nullptr, 0};
  whole.data = whole.owner->data();
  std::uint8_t* at = whole.owner->data();
  for (std::size_t i = 0; i < frame_.slice_count; ++i)
    at = std::copy_n(frame_.slices[i].data, frame_.slices[i].size, at);
  std::copy_n(bytes.data, bytes.size, at);
  whole.size = static_cast<std::uint32_t>(before + bytes.size);
  writer_.counters.copied_bytes += whole.size;
  frame_ = {};
  append(frame_, whole);
}

// One packet, or fragments when the frame is larger: each says the size of the whole (RFC 3640
// 3.2.3).
void AacPacketizer::end_frame(std::vector<OutPacket>& out) {
  const std::size_t limit = writer_.config().max_payload_bytes - au_header_bytes;
  const auto size = payload_bytes(frame_);
  const std::array<std::uint8_t, au_header_bytes> header = {
      0, 16, static_cast<std::uint8_t>(size >> 5), static_cast<std::uint8_t>((size & 31) << 3)};
  const std::int64_t pts_90khz = samples_ * 90000 / format_.sample_rate_hz();
  const auto timestamp = writer_.config().timestamp_offset + static_cast<std::uint32_t>(samples_);
  OutPacket packet;
  writer_.begin(packet, timestamp, pts_90khz, header);
  for (std::size_t i = 0; samples_known_ && i < frame_.slice_count; ++i) {
    Slice rest = std::move(frame_.slices[i]);
    while (!rest.empty()) {
      const std::size_t n = std::min<std::size_t>(limit - payload_bytes(packet), rest.size);
      if (n == 0) {
        send(std::move(packet), false, out);
        packet = {};
        writer_.begin(packet, timestamp, pts_90khz, header);
        continue;
      }
      append(packet, rest.sub(0, n));
      rest = rest.sub(n);
    }
  }
  if (samples_known_) send(std::move(packet), true, out);
  frame_ = {};
  samples_ += samples_per_block * format_.blocks;
}

void AacPacketizer::send(OutPacket&& packet, bool last, std::vector<OutPacket>& out) {
  packet.unit_begin = first_of_unit_;
  packet.unit_end = last;
  packet.arrival_ns = arrival_ns_;
  first_of_unit_ = last;  // to viewers each frame is an access unit
  writer_.seal(packet, last);
  out.push_back(std::move(packet));
}

}  // namespace rtp::payload
