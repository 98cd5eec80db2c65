// The RTP packet, RFC 3550 5.1. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "rtp/error.hpp"
#include "rtp/slab.hpp"

namespace rtp {

inline constexpr std::size_t rtp_header_size = 12;

// A parsed packet: fields by value, bytes as views of the slab that payload.owner keeps alive
// (also when the payload is empty). Moving it costs no count.
struct Packet {
  bool marker = false;
  std::uint8_t payload_type = 0;
  std::uint16_t sequence = 0;
  std::uint32_t timestamp = 0;
  std::uint32_t ssrc = 0;
  std::uint8_t csrc_count = 0;
  bool has_extension = false;
  std::uint16_t extension_profile = 0;
  const std::uint8_t* csrcs = nullptr;      // csrc_count x 4 bytes, big endian
  std::span<const std::uint8_t> extension;  // without its 4-byte header
  Slice payload;                            // without padding
};

// Errc::truncated, bad_version, bad_padding. Padding of 0 or beyond the payload is bad_padding.
Result<Packet> parse_packet(Slice datagram);

// What a sender decides per packet: no CSRC, extension or padding.
struct PacketHeader {
  bool marker = false;
  std::uint8_t payload_type = 0;
  std::uint16_t sequence = 0;
  std::uint32_t timestamp = 0;
  std::uint32_t ssrc = 0;
};

void write_header(const PacketHeader& header, std::span<std::uint8_t, rtp_header_size> out);

// Tells RTCP from RTP on a shared port or connection (RFC 5761 4): version 2 and a packet type of
// 192-223. With RTP that byte would be marker + payload types 64-95, which nobody may use.
bool is_rtcp(std::span<const std::uint8_t> bytes);

}  // namespace rtp
