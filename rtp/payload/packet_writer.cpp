#include "rtp/payload/packet_writer.hpp"

#include <algorithm>
#include <cstring>

namespace rtp::payload {
namespace {

void put16(std::uint8_t* at, std::uint32_t value) {
  at[0] = static_cast<std::uint8_t>(value >> 8);
  at[1] = static_cast<std::uint8_t>(value);
}
void put32(std::uint8_t* at, std::uint32_t value) {
  put16(at, value >> 16);
  put16(at + 2, value);
}

}  // namespace

PacketWriter::PacketWriter(const PacketizerConfig& config)
    : config_(config), sequence_(config.first_sequence) {
  // Beyond 65535 - headers the interleaved length could not say it.
  config_.max_payload_bytes = std::clamp<std::uint32_t>(config.max_payload_bytes, 64, 65000);
  std::uint8_t* const rtp = head_.data() + OutPacket::prefix_size;
  head_[0] = '$';
  head_[1] = static_cast<std::uint8_t>(2 * config_.track);
  rtp[0] = 0x80;
  rtp[1] = config_.payload_type & 0x7f;
  put32(rtp + 8, config_.ssrc);
}

void PacketWriter::begin(OutPacket& packet, std::uint32_t timestamp, std::int64_t pts_90khz,
                         std::span<const std::uint8_t> payload_header) const {
  std::copy(head_.begin(), head_.end(), packet.head.begin());
  put32(packet.head.data() + OutPacket::prefix_size + 4, timestamp);
  std::copy(payload_header.begin(), payload_header.end(), packet.head.data() + head_.size());
  packet.head_size = static_cast<std::uint8_t>(head_.size() + payload_header.size());
  packet.track = config_.track;
  packet.timestamp = timestamp;
  packet.pts_90khz = pts_90khz;
}

void PacketWriter::seal(OutPacket& packet, bool marker) {
  std::uint8_t* const rtp = packet.head.data() + OutPacket::prefix_size;
  packet.sequence = sequence_++;
  packet.size_bytes =
      static_cast<std::uint32_t>(packet.head_size - OutPacket::prefix_size + payload_bytes(packet));
  put16(packet.head.data() + 2, packet.size_bytes);
  put16(rtp + 2, packet.sequence);
  if (marker) rtp[1] |= 0x80;
  if (packet.slice_count > 0 && packet.slices[0].headroom >= packet.head_size) join(packet);
  ++counters.packets;
  counters.bytes += packet.size_bytes;
}

void PacketWriter::join(OutPacket& packet) const {
  Slice& first = packet.slices[0];
  auto* const memory = first.owner->data();
  std::memcpy(memory + (first.data - memory) - packet.head_size, packet.head.data(),
              packet.head_size);
  first.headroom = 0;
  packet.joined = true;
}

bool append(OutPacket& packet, const Slice& bytes) {
  if (packet.slice_count > 0) {
    Slice& last = packet.slices[packet.slice_count - 1u];
    // The same memory is not enough: two slabs may happen to be neighbours.
    if (last.data + last.size == bytes.data && &*last.owner == &*bytes.owner) {
      last.size += bytes.size;
      return true;
    }
  }
  if (packet.slice_count == OutPacket::max_slices) return false;
  packet.slices[packet.slice_count++] = bytes;
  return true;
}

std::size_t payload_bytes(const OutPacket& packet) {
  std::size_t size = 0;
  for (std::size_t i = 0; i < packet.slice_count; ++i) size += packet.slices[i].size;
  return size;
}

}  // namespace rtp::payload
