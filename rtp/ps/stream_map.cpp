#include "rtp/ps/stream_map.hpp"

#include <algorithm>

#include "rtp/ps/pes.hpp"

namespace rtp::ps {
namespace {

constexpr std::size_t crc_bytes = 4;

std::size_t read16(std::span<const std::uint8_t> b, std::size_t at) {
  return static_cast<std::size_t>(b[at]) << 8 | b[at + 1];
}

bool plausible(std::uint8_t stream_id) {
  return is_audio_id(stream_id) || is_video_id(stream_id) || stream_id == private_1 ||
         stream_id == private_2;
}

void add(StreamMap& map, std::uint8_t type, std::uint8_t stream_id) {
  if (map.count < StreamMap::max_entries && plausible(stream_id))
    map.entries[map.count++] = {type, stream_id};
}

}  // namespace

Codec codec_of(std::uint8_t type) {
  switch (type) {
    case stream_type::aac_adts:
      return Codec::aac;
    case stream_type::mpeg4:
      return Codec::mpeg4;
    case stream_type::h264:
      return Codec::h264;
    case stream_type::h265:
      return Codec::h265;
    case stream_type::svac:
      return Codec::svac;
    case stream_type::g711a:
      return Codec::g711a;
    case stream_type::g711u:
      return Codec::g711u;
    case stream_type::g722_1:
      return Codec::g722_1;
    case stream_type::g723_1:
      return Codec::g723_1;
    case stream_type::g729:
      return Codec::g729;
    default:
      return Codec::unknown;
  }
}

std::uint8_t stream_type_of(Codec codec) {
  for (int type = 1; type < 256; ++type)
    if (codec != Codec::unknown && codec_of(static_cast<std::uint8_t>(type)) == codec)
      return static_cast<std::uint8_t>(type);
  return 0;
}

std::uint8_t StreamMap::type_of(std::uint8_t stream_id) const {
  for (const Entry& entry : list())
    if (entry.stream_id == stream_id) return entry.type;
  return 0;
}

std::optional<StreamMap> parse_stream_map(std::span<const std::uint8_t> b) {
  if (b.size() < 12) return std::nullopt;
  std::size_t at = 10 + read16(b, 8);  // behind program_stream_info
  if (at + 2 > b.size()) at = 10;
  const std::size_t listed = read16(b, at);
  at += 2;
  // Some devices count the CRC in, some nothing at all: the packet's end is the last word.
  const std::size_t whole = b.size() >= at + crc_bytes ? b.size() - crc_bytes : b.size();
  const std::size_t end = listed == 0 ? whole : std::min(at + listed, whole);
  StreamMap map;
  while (at + 2 <= end) {
    add(map, b[at], b[at + 1]);
    if (at + 4 > end) break;
    const std::size_t info = read16(b, at + 2);
    at += 4 + (at + 4 + info <= end ? info : 0);
  }
  if (map.count == 0) return std::nullopt;
  return map;
}

void write_stream_map(std::span<const StreamMap::Entry> entries, std::vector<std::uint8_t>& out) {
  const std::size_t begin = out.size();
  const std::size_t listed = entries.size() * 4;
  const std::size_t length = 6 + listed + crc_bytes;
  const auto put16 = [&out](std::size_t value) {
    out.push_back(static_cast<std::uint8_t>(value >> 8));
    out.push_back(static_cast<std::uint8_t>(value));
  };
  out.insert(out.end(), {0, 0, 1, stream_map_id});
  put16(length);
  out.insert(out.end(), {0xe0, 0xff, 0, 0});
  put16(listed);
  for (const auto& entry : entries) out.insert(out.end(), {entry.type, entry.stream_id, 0, 0});
  const std::uint32_t crc = crc32_mpeg(std::span(out).subspan(begin));
  put16(crc >> 16);
  put16(crc & 0xffff);
}

std::uint32_t crc32_mpeg(std::span<const std::uint8_t> bytes) {
  std::uint32_t crc = 0xffffffff;
  for (const std::uint8_t byte : bytes) {
    crc ^= static_cast<std::uint32_t>(byte) << 24;
    for (int bit = 0; bit < 8; ++bit) crc = crc << 1 ^ (crc & 0x80000000 ? 0x04c11db7u : 0);
  }
  return crc;
}

}  // namespace rtp::ps
