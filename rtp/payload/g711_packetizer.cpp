#include "rtp/payload/g711_packetizer.hpp"

#include <algorithm>
#include <cstdlib>
#include <utility>

namespace rtp::payload {

G711Packetizer::G711Packetizer(Codec codec, const PacketizerConfig& config)
    : writer_(config),
      codec_(codec),
      clock_rate_hz_(config.clock_rate_hz ? config.clock_rate_hz : 8000) {}

void G711Packetizer::describe(Track& track) const {
  track.codec = codec_;
  track.clock_rate_hz = clock_rate_hz_;
  track.channels = 1;
  track.payload_type = writer_.config().payload_type;
  track.ssrc = writer_.config().ssrc;
  track.sets = {};
}

void G711Packetizer::push(const EsChunk& chunk, std::int64_t arrival_ns,
                          std::vector<OutPacket>& out) {
  arrival_ns_ = arrival_ns;
  lost_ = lost_ || chunk.damaged;
  if (chunk.unit_begin) begin_unit(chunk, out);
  Slice rest = chunk.bytes;
  while (!rest.empty() && samples_known_) {
    const std::size_t room = writer_.config().max_payload_bytes - payload_bytes(packet_);
    const std::size_t n = std::min<std::size_t>(room, rest.size);
    if (n == 0 || !append(packet_, rest.sub(0, n))) {
      send(false, out);
      continue;
    }
    rest = rest.sub(n);
  }
  if (chunk.unit_end) send(true, out);
}

void G711Packetizer::begin_unit(const EsChunk& chunk, std::vector<OutPacket>& out) {
  send(true, out);
  first_of_unit_ = true;
  ++writer_.counters.units;
  const std::int64_t rate = clock_rate_hz_;
  const std::int64_t wanted = chunk.pts_90khz * rate / 90000;
  // After a loss the count is short of what was lost; 20 ms, the shortest packet, tell it.
  const std::int64_t tolerance = lost_ ? rate / 50 : rate / 10;
  if (!samples_known_ || std::abs(wanted - samples_) > tolerance) {
    if (samples_known_) ++writer_.counters.timestamp_jumps;
    samples_ = wanted;
  }
  samples_known_ = true;
  lost_ = false;
}

void G711Packetizer::send(bool unit_end, std::vector<OutPacket>& out) {
  OutPacket slices = std::exchange(packet_, {});
  if (slices.slice_count == 0) return;
  OutPacket packet;
  writer_.begin(packet, writer_.config().timestamp_offset + static_cast<std::uint32_t>(samples_),
                samples_ * 90000 / clock_rate_hz_, {});
  packet.slices = std::move(slices.slices);
  packet.slice_count = slices.slice_count;
  packet.arrival_ns = arrival_ns_;
  packet.unit_begin = std::exchange(first_of_unit_, false);
  packet.unit_end = unit_end;
  samples_ += static_cast<std::int64_t>(payload_bytes(packet));
  writer_.seal(packet, false);
  out.push_back(std::move(packet));
}

}  // namespace rtp::payload
