// Any bytes, in any cut, with any marker and loss: the demuxer and the packetizers neither crash
// nor break their promises about units and packets.
#include <cstdlib>
#include <optional>
#include <vector>

#include "rtp/payload/packetizer.hpp"
#include "rtp/ps/demuxer.hpp"

namespace {

void require(bool good) {
  if (!good) std::abort();
}

struct TrackState {
  std::optional<rtp::payload::Packetizer> packetizer;
  bool open = false;
  std::uint16_t sequence = 0;
};

void check(const rtp::EsChunk& chunk, TrackState& state) {
  require(chunk.unit_begin != state.open);  // units do not overlap, nothing lies between them
  require(!chunk.bytes.empty() || chunk.unit_end);
  state.open = !chunk.unit_end;
}

void check(const rtp::OutPacket& packet, TrackState& state) {
  require(packet.sequence == state.sequence++);
  require(packet.slice_count > 0);
  require(packet.size_bytes <= 12 + 1400);
  require(packet.unit_end || !(packet.head[5] & 0x80));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  rtp::ps::Demuxer demuxer;
  std::vector<TrackState> tracks(rtp::ps::Demuxer::max_streams);
  std::vector<rtp::EsChunk> chunks;
  std::vector<rtp::OutPacket> packets;
  std::uint32_t random = static_cast<std::uint32_t>(size) * 2654435761u;
  std::int64_t now_ns = 0;
  const auto take = [&] {
    for (const auto& chunk : chunks) {
      require(chunk.track < demuxer.tracks().size());
      TrackState& state = tracks[chunk.track];
      const auto codec = demuxer.tracks()[chunk.track].codec;
      check(chunk, state);
      if (!rtp::payload::Packetizer::supports(codec)) continue;
      if (!state.packetizer || state.packetizer->codec() != codec)
        state.packetizer.emplace(codec,
                                 rtp::payload::PacketizerConfig{.first_sequence = state.sequence});
      packets.clear();
      state.packetizer->push(chunk, now_ns, packets);
      for (const auto& packet : packets) check(packet, state);
    }
    chunks.clear();
  };
  for (std::size_t at = 0; at < size;) {
    random = random * 1664525u + 1013904223u;
    const std::size_t wish =
        (random >> 8) % 8 == 0 ? 1 + (random >> 12) % 9 : 1 + (random >> 12) % 1460;
    const std::size_t n = std::min(wish, size - at);
    now_ns += 1'000'000;
    demuxer.push(rtp::Slice::copy_of({data + at, n}),
                 {.marker = (random >> 24) % 4 == 0,
                  .lost_before = (random >> 26) % 32 == 0,
                  .rtp_timestamp = random >> 16,
                  .arrival_ns = now_ns},
                 chunks);
    take();
    if ((random >> 20) % 4 == 0 && demuxer.next_deadline()) {
      demuxer.on_deadline(*demuxer.next_deadline(), chunks);
      take();
    }
    at += n;
  }
  return 0;
}
