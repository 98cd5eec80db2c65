// The media path's own work, without sockets: program stream -> demuxer -> packetizer, in bytes per
// second and per cycle, and heap allocations per packet in steady state.
// usage: ps_bench [-n ROUNDS] [-b BITS_PER_SECOND]
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <optional>
#include <random>
#include <vector>

#include "rtp/payload/packetizer.hpp"
#include "rtp/ps/demuxer.hpp"
#include "rtp/ps/muxer.hpp"
#include "tests/bench/allocations.hpp"

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

namespace {

using Bytes = std::vector<std::uint8_t>;

// Of this process: other work on the machine does not count.
double cpu_seconds() {
  return static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
}

// Of the time stamp counter, which ticks at the nominal clock.
double ticks_per_second() {
#if defined(__x86_64__)
  const auto begin = std::chrono::steady_clock::now();
  const std::uint64_t ticks = __rdtsc();
  while (std::chrono::steady_clock::now() - begin < std::chrono::milliseconds(50)) {
  }
  const auto passed = static_cast<double>(__rdtsc() - ticks);
  return passed / std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
#else
  return 0;
#endif
}

struct Packet {
  rtp::Slice payload;
  rtp::ps::PushInfo info;
};

// Noise as an encoder's: every byte as likely as any other, but no 00 00 in front of 00 to 03.
Bytes picture(bool key, std::size_t size, std::mt19937& random) {
  static const std::uint8_t sets[] = {0,    0, 0, 1, 0x67, 0x64, 0,    0x1f, 0xac, 0xd9,
                                      0x40, 0, 0, 0, 1,    0x68, 0xef, 0xbc, 0xb0};
  Bytes bytes;
  if (key) bytes.assign(std::begin(sets), std::end(sets));
  bytes.insert(bytes.end(), {0, 0, 0, 1, static_cast<std::uint8_t>(key ? 0x65 : 0x41), 0x9a});
  while (bytes.size() < size) {
    const auto byte = static_cast<std::uint8_t>(random());
    const bool zeros = bytes.back() == 0 && bytes[bytes.size() - 2] == 0;
    bytes.push_back(zeros && byte < 4 ? 0x80 : byte);
  }
  return bytes;
}

// Two seconds of 25 frames, a key frame ten times the size of the others, cut into 1400 bytes.
std::vector<Packet> make_gop(std::size_t bits_per_second) {
  std::mt19937 random(1);
  rtp::ps::Muxer muxer;
  std::vector<Packet> packets;
  const std::size_t unit = bits_per_second / 8 * 2 / 59;
  for (int frame = 0; frame < 50; ++frame) {
    Bytes pack;
    muxer.write_video(picture(frame == 0, frame == 0 ? 10 * unit : unit, random), 3600 * frame,
                      frame == 0, pack);
    for (std::size_t at = 0; at < pack.size(); at += 1400) {
      const std::size_t n = std::min<std::size_t>(1400, pack.size() - at);
      packets.push_back({rtp::Slice::copy_of(std::span(pack).subspan(at, n)),
                         {.marker = at + n == pack.size(),
                          .rtp_timestamp = static_cast<std::uint32_t>(3600 * frame)}});
    }
  }
  return packets;
}

}  // namespace

int main(int argc, char** argv) {
  std::size_t rounds = 200, bits_per_second = 2'000'000;
  for (int i = 1; i + 1 < argc; i += 2) {
    if (!std::strcmp(argv[i], "-n")) rounds = std::strtoull(argv[i + 1], nullptr, 10);
    if (!std::strcmp(argv[i], "-b")) bits_per_second = std::strtoull(argv[i + 1], nullptr, 10);
  }
  auto gop = make_gop(bits_per_second);
  rtp::ps::Demuxer demuxer;
  rtp::payload::Packetizer packetizer(rtp::Codec::h264, {});
  std::vector<rtp::EsChunk> chunks;
  std::vector<rtp::OutPacket> out;
  std::uint64_t bytes = 0, packets_in = 0, packets_out = 0;
  const auto round = [&] {
    for (auto& packet : gop) {
      chunks.clear();
      demuxer.push(packet.payload, packet.info, chunks);
      out.clear();
      for (const auto& chunk : chunks) packetizer.push(chunk, 0, out);
      bytes += packet.payload.size;
      ++packets_in;
      packets_out += out.size();
    }
  };
  for (int i = 0; i < 5; ++i) round();  // buffers grow to their size
  bytes = packets_in = packets_out = 0;
  const std::uint64_t allocations_before = allocations;
  const double begin = cpu_seconds();
  for (std::size_t i = 0; i < rounds; ++i) round();
  const double took = cpu_seconds() - begin, ticks = took * ticks_per_second();
  const std::uint64_t allocated = allocations - allocations_before;
  const auto total = static_cast<double>(bytes);
  std::printf("%llu packets in, %llu out, %.1f MB: %.2f GB/s, %.2f bytes/cycle, %.0f ns/packet, ",
              static_cast<unsigned long long>(packets_in),
              static_cast<unsigned long long>(packets_out), total / 1e6, total / took / 1e9,
              ticks > 0 ? total / ticks : 0, took * 1e9 / static_cast<double>(packets_in));
  std::printf("%llu allocations\n", static_cast<unsigned long long>(allocated));
  return allocated == 0 ? 0 : 1;
}
