#include "rtp/packet.hpp"

#include "rtp/bytes.hpp"

namespace rtp {

Result<Packet> parse_packet(Slice datagram) {
  if (datagram.size < rtp_header_size) return Errc::truncated;
  const auto* p = datagram.data;
  if (p[0] >> 6 != 2) return Errc::bad_version;

  Packet packet;
  packet.csrc_count = p[0] & 0x0f;
  packet.has_extension = (p[0] & 0x10) != 0;
  const bool padded = (p[0] & 0x20) != 0;
  packet.marker = (p[1] & 0x80) != 0;
  packet.payload_type = p[1] & 0x7f;
  packet.sequence = load_be16(p + 2);
  packet.timestamp = load_be32(p + 4);
  packet.ssrc = load_be32(p + 8);

  std::size_t at = rtp_header_size, end = datagram.size;
  if (end - at < packet.csrc_count * 4u) return Errc::truncated;
  packet.csrcs = p + at;
  at += packet.csrc_count * 4u;
  if (packet.has_extension) {
    if (end - at < 4) return Errc::truncated;
    packet.extension_profile = load_be16(p + at);
    const std::size_t length = load_be16(p + at + 2) * 4u;
    at += 4;
    if (end - at < length) return Errc::truncated;
    packet.extension = {p + at, length};
    at += length;
  }
  if (padded) {
    // The last octet counts itself (5.1).
    const std::size_t padding = end > at ? p[end - 1] : 0;
    if (padding == 0 || padding > end - at) return Errc::bad_padding;
    end -= padding;
  }
  packet.payload = {std::move(datagram.owner), p + at, static_cast<std::uint32_t>(end - at),
                    datagram.headroom + static_cast<std::uint32_t>(at)};
  return packet;
}

void write_header(const PacketHeader& header, std::span<std::uint8_t, rtp_header_size> out) {
  out[0] = 0x80;
  out[1] = static_cast<std::uint8_t>((header.marker ? 0x80 : 0) | (header.payload_type & 0x7f));
  store_be16(&out[2], header.sequence);
  store_be32(&out[4], header.timestamp);
  store_be32(&out[8], header.ssrc);
}

bool is_rtcp(std::span<const std::uint8_t> bytes) {
  return bytes.size() >= 4 && bytes[0] >> 6 == 2 && bytes[1] >= 192 && bytes[1] <= 223;
}

}  // namespace rtp
