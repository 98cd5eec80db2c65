// Elementary streams from hostile senders: a byte says the kind of packet, two its size. Whatever
// comes, chunks lie in what was pushed (or are a few bytes long), units begin and end in turn, and
// packetizers take what comes out.
#include <cstdlib>
#include <vector>

#include "rtp/bytes.hpp"
#include "rtp/payload/packetizer.hpp"
#include "rtp/payload_demuxer.hpp"

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

constexpr std::uint8_t types[] = {98, 100, 8, 102, 99, 0, 96, 111};

struct Track {
  bool open = false;
  std::optional<rtp::payload::Packetizer> packetizer;
  rtp::Codec codec = rtp::Codec::unknown;
};

void take(const rtp::EsChunk& chunk, const rtp::Slice& payload, Track& track,
          std::vector<rtp::OutPacket>& out) {
  const auto& bytes = chunk.bytes;
  const bool inside =
      bytes.data >= payload.data && bytes.data + bytes.size <= payload.data + payload.size;
  require(inside || bytes.size <= 1500);
  require(chunk.unit_begin != track.open || !chunk.unit_begin);
  track.open = !chunk.unit_end;
  if (track.packetizer) track.packetizer->push(chunk, 0, out);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  rtp::PayloadDemuxer demuxer;
  std::vector<rtp::EsChunk> chunks;
  std::vector<rtp::OutPacket> out;
  std::vector<Track> tracks(rtp::PayloadDemuxer::max_streams);
  std::int64_t now_ns = 0;
  std::uint32_t version = 0;
  for (std::size_t at = 0; at + 4 <= size;) {
    const std::uint8_t kind = data[at];
    const std::size_t n =
        std::min<std::size_t>(rtp::load_be16(data + at + 1) % 1500, size - at - 4);
    rtp::Packet packet;
    packet.payload_type = types[kind & 7];
    packet.marker = kind & 8;
    packet.timestamp = static_cast<std::uint32_t>(data[at + 3]) * 1800;
    packet.payload = rtp::Slice::copy_of({data + at + 4, n});
    at += 4 + n;
    now_ns += 2'000'000;
    chunks.clear();
    out.clear();
    if (const auto due = demuxer.next_deadline(); due && *due <= now_ns)
      demuxer.on_deadline(now_ns, chunks);
    demuxer.push(packet,
                 {.marker = packet.marker,
                  .lost_before = (kind & 0x30) == 0x30,
                  .rtp_timestamp = packet.timestamp,
                  .arrival_ns = now_ns},
                 chunks);
    if (demuxer.tracks_version() != version) {
      version = demuxer.tracks_version();
      for (std::size_t i = 0; i < demuxer.tracks().size(); ++i) {
        const auto codec = demuxer.tracks()[i].codec;
        if (codec == tracks[i].codec || !rtp::payload::Packetizer::supports(codec)) continue;
        tracks[i].codec = codec;
        tracks[i].open = false;
        tracks[i].packetizer.emplace(codec, rtp::payload::PacketizerConfig{});
      }
    }
    for (const auto& chunk : chunks) {
      require(chunk.track < demuxer.tracks().size());
      take(chunk, packet.payload, tracks[chunk.track], out);
    }
    for (const auto& packet_out : out) require(packet_out.size_bytes <= 12 + 1400);
    require(demuxer.diagnosis().size() < 200);
  }
  return 0;
}
