#include "rtp/ps/pes.hpp"

namespace rtp::ps {
namespace {

using Status = HeaderResult::Status;
using Bytes = std::span<const std::uint8_t>;

constexpr std::size_t prefix_bytes = 6;  // start code, length

HeaderResult need(std::size_t bytes) {
  return {Status::need_more, bytes, {}};
}
HeaderResult bad() {
  return {Status::bad, 0, {}};
}
HeaderResult done(Header header) {
  return {Status::done, 0, header};
}

std::uint32_t read16(Bytes b, std::size_t at) {
  return static_cast<std::uint32_t>(b[at]) << 8 | b[at + 1];
}

std::int64_t read_timestamp(Bytes b, std::size_t at) {
  return static_cast<std::int64_t>((b[at] >> 1) & 7) << 30 |
         static_cast<std::int64_t>(read16(b, at + 1) >> 1) << 15 | read16(b, at + 3) >> 1;
}

HeaderResult parse_pack(Bytes b) {
  if (b.size() < 5) return need(5);
  Header header{.id = b[3], .payload_bytes = 0};
  if ((b[4] & 0xf0) == 0x20) {
    header.mpeg1 = true;
    header.header_bytes = 12;
    return b.size() < 12 ? need(12) : done(header);
  }
  if ((b[4] & 0xc0) != 0x40) return bad();
  if (b.size() < 14) return need(14);
  header.header_bytes = static_cast<std::uint16_t>(14 + (b[13] & 7));
  return b.size() < header.header_bytes ? need(header.header_bytes) : done(header);
}

// Parts that are passed over by their length.
HeaderResult parse_sized(Bytes b) {
  return done({.id = b[3], .header_bytes = prefix_bytes, .payload_bytes = read16(b, 4)});
}

HeaderResult parse_map(Bytes b) {
  const std::size_t size = prefix_bytes + read16(b, 4);
  if (size > max_header_bytes) return parse_sized(b);
  if (b.size() < size) return need(size);
  return done({.id = b[3], .header_bytes = static_cast<std::uint16_t>(size), .payload_bytes = 0});
}

HeaderResult finish_pes(Bytes b, Header header, std::size_t header_bytes) {
  const std::size_t length = read16(b, 4);
  header.header_bytes = static_cast<std::uint16_t>(header_bytes);
  if (length == 0) return done(header);
  if (prefix_bytes + length < header_bytes) return bad();
  header.payload_bytes = static_cast<std::uint32_t>(prefix_bytes + length - header_bytes);
  return done(header);
}

HeaderResult parse_mpeg2_pes(Bytes b) {
  if (b.size() < 9) return need(9);
  const std::size_t size = 9u + b[8];
  if (b.size() < size) return need(size);
  Header header{.id = b[3]};
  // A header too short for the timestamps that its flags promise has none.
  if ((b[7] & 0x80) && b[8] >= 5) header.pts_90khz = read_timestamp(b, 9);
  if ((b[7] & 0xc0) == 0xc0 && b[8] >= 10) header.dts_90khz = read_timestamp(b, 14);
  return finish_pes(b, header, size);
}

// ISO 11172-1 2.4.3.3: up to 16 stuffing bytes, STD buffer size, timestamps or 0F.
HeaderResult parse_mpeg1_pes(Bytes b) {
  std::size_t at = prefix_bytes;
  while (at < b.size() && b[at] == 0xff && at < prefix_bytes + 16) ++at;
  if (at >= b.size()) return need(at + 1);
  if ((b[at] & 0xc0) == 0x40) at += 2;
  if (at >= b.size()) return need(at + 1);
  Header header{.id = b[3], .mpeg1 = true};
  const std::uint8_t kind = b[at] >> 4;
  if (kind == 2 || kind == 3) {
    const std::size_t end = at + (kind == 2 ? 5 : 10);
    if (b.size() < end) return need(end);
    header.pts_90khz = read_timestamp(b, at);
    if (kind == 3) header.dts_90khz = read_timestamp(b, at + 5);
    return finish_pes(b, header, end);
  }
  return b[at] == 0x0f ? finish_pes(b, header, at + 1) : bad();
}

std::uint8_t byte(std::int64_t value) {
  return static_cast<std::uint8_t>(value & 0xff);
}

}  // namespace

HeaderResult parse_header(Bytes b, bool has_pes_header) {
  if (b.size() < 4) return need(4);
  const std::uint8_t id = b[3];
  if (!is_system_id(id)) return bad();
  if (id == pack_header) return parse_pack(b);
  if (id == program_end) return done({.id = id, .header_bytes = 4, .payload_bytes = 0});
  if (b.size() < prefix_bytes) return need(prefix_bytes);
  if (id == stream_map_id) return parse_map(b);
  if (!is_audio_id(id) && !is_video_id(id) && !has_pes_header) return parse_sized(b);
  if (b.size() < 7) return need(7);
  return (b[6] & 0xc0) == 0x80 ? parse_mpeg2_pes(b) : parse_mpeg1_pes(b);
}

void write_timestamp(std::uint8_t prefix, std::int64_t time_90khz, std::vector<std::uint8_t>& out) {
  const std::int64_t t = time_90khz & 0x1ffffffff;
  out.insert(out.end(), {byte(prefix << 4 | (t >> 30 & 7) << 1 | 1), byte(t >> 22),
                         byte((t >> 15 & 0x7f) << 1 | 1), byte(t >> 7), byte((t & 0x7f) << 1 | 1)});
}

void write_pack_header(std::int64_t scr_90khz, std::uint32_t mux_rate_50bytes,
                       std::vector<std::uint8_t>& out) {
  const std::int64_t t = scr_90khz & 0x1ffffffff;
  const std::int64_t rate = mux_rate_50bytes & 0x3fffff;
  out.insert(out.end(), {0, 0, 1, pack_header});
  out.insert(out.end(), {byte(0x44 | (t >> 30 & 7) << 3 | (t >> 28 & 3)), byte(t >> 20),
                         byte((t >> 15 & 0x1f) << 3 | 4 | (t >> 13 & 3)), byte(t >> 5),
                         byte((t & 0x1f) << 3 | 4), 1});  // SCR extension 0
  out.insert(out.end(), {byte(rate >> 14), byte(rate >> 6), byte((rate & 0x3f) << 2 | 3), 0xf8});
}

void write_pes_header(std::uint8_t id, std::optional<std::uint32_t> payload_bytes,
                      std::optional<std::int64_t> pts_90khz, bool aligned,
                      std::vector<std::uint8_t>& out) {
  const std::uint32_t fields = pts_90khz ? 5 : 0;
  const std::uint32_t length = payload_bytes ? 3 + fields + *payload_bytes : 0;
  out.insert(out.end(), {0, 0, 1, id, byte(length >> 8), byte(length), byte(aligned ? 0x84 : 0x80),
                         byte(pts_90khz ? 0x80 : 0), byte(fields)});
  if (pts_90khz) write_timestamp(2, *pts_90khz, out);
}

}  // namespace rtp::ps
