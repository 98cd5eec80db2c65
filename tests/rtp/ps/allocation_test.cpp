// In steady state nothing between an RTP payload and the packets of the viewers allocates memory.
#include <doctest/doctest.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "rtp/payload/packetizer.hpp"
#include "rtp/ps/demuxer.hpp"
#include "rtp/ps/muxer.hpp"
#include "tests/rtp/payload/coded_media.hpp"

namespace {
std::atomic<std::uint64_t> allocations = 0;
}

void* operator new(std::size_t size) {
  ++allocations;
  if (void* memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  ++allocations;
  return std::malloc(size);
}
void operator delete(void* memory, const std::nothrow_t&) noexcept {
  std::free(memory);
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}

namespace rtp::ps {

TEST_CASE("no allocation per packet") {
  for (const Codec codec : {Codec::h264, Codec::h265}) {
    std::mt19937 random(1);
    Muxer muxer({.video = codec, .audio = Codec::g711a});
    std::vector<Slice> packets;
    for (int i = 0; i < 20; ++i) {
      testing::Bytes pack;
      const auto unit = testing::coded_unit(codec, i == 0, i == 0 ? 60000 : 6000, 2, random);
      muxer.write_video(unit.annex_b(), 3600 * i, unit.key, pack);
      muxer.write_audio(testing::Bytes(320, 0x55), 3600 * i, true, pack);
      for (std::size_t at = 0; at < pack.size(); at += 1400)
        packets.push_back(Slice::copy_of(
            std::span(pack).subspan(at, std::min<std::size_t>(1400, pack.size() - at))));
    }
    Demuxer demuxer;
    payload::Packetizer video(codec, {}), audio(Codec::g711a, {.track = 1});
    std::vector<EsChunk> chunks;
    std::vector<OutPacket> out;
    std::size_t sent = 0;
    const auto play = [&] {
      for (const auto& packet : packets) {
        chunks.clear();
        out.clear();
        demuxer.push(packet, {.rtp_timestamp = 1}, chunks);
        for (const auto& chunk : chunks) (chunk.track ? audio : video).push(chunk, 0, out);
        sent += out.size();
      }
    };
    play();
    play();  // buffers have their size now
    sent = 0;
    const std::uint64_t before = allocations;
    play();
    const std::uint64_t allocated = allocations - before;
    CHECK(sent > packets.size());
    CHECK(allocated == 0);
  }
}

}  // namespace rtp::ps
