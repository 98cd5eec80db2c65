// The media path's own work, without sockets: program stream -> demuxer -> packetizer, in bytes per
// second and per cycle; heap allocations per packet in steady state; and bytes of media that left
// from another address than they came in at. Fails when there are any of the last two.
// usage: ps_bench [-n ROUNDS] [-b BITS_PER_SECOND] [-s STREAMS]
//   -s: so many streams by turns, a frame each, with memory of their own: as cold as in a gateway.
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

// One camera's way through the gateway.
struct Path {
  explicit Path(std::size_t bits_per_second) : gop(make_gop(bits_per_second)) {}

  std::vector<Packet> gop;
  std::size_t next = 0;  // of gop
  rtp::ps::Demuxer demuxer;
  rtp::payload::Packetizer packetizer{rtp::Codec::h264, {}};
};

struct Totals {
  std::uint64_t bytes = 0, packets_in = 0, packets_out = 0, moved_bytes = 0;
};

class Bench {
 public:
  // Up to the end of a frame.
  void frame(Path& path) {
    bool last = false;
    while (!last) {
      const auto& packet = path.gop[path.next];
      path.next = (path.next + 1) % path.gop.size();
      last = packet.info.marker;
      take(path, packet);
    }
  }
  Totals totals;
  bool watch = false;  // where the bytes are

 private:
  void take(Path& path, const Packet& packet) {
    chunks_.clear();
    path.demuxer.push(packet.payload, packet.info, chunks_);
    out_.clear();
    for (const auto& chunk : chunks_) path.packetizer.push(chunk, 0, out_);
    totals.bytes += packet.payload.size;
    ++totals.packets_in;
    totals.packets_out += out_.size();
    if (watch) find_moved(path);
  }

  // A start code that straddles packets comes from memory of the demuxer's.
  void find_moved(const Path& path) {
    for (const auto& packet : out_)
      for (std::size_t i = 0; i < packet.slice_count; ++i)
        if (!came_in_at(path, packet.slices[i])) totals.moved_bytes += packet.slices[i].size;
  }
  static bool came_in_at(const Path& path, const rtp::Slice& slice) {
    for (const auto& packet : path.gop) {
      const auto& in = packet.payload;
      if (slice.data >= in.data && slice.data + slice.size <= in.data + in.size) return true;
    }
    return false;
  }

  std::vector<rtp::EsChunk> chunks_;
  std::vector<rtp::OutPacket> out_;
};

}  // namespace

int main(int argc, char** argv) {
  std::size_t rounds = 200, bits_per_second = 2'000'000, streams = 1;
  for (int i = 1; i + 1 < argc; i += 2) {
    if (!std::strcmp(argv[i], "-n")) rounds = std::strtoull(argv[i + 1], nullptr, 10);
    if (!std::strcmp(argv[i], "-b")) bits_per_second = std::strtoull(argv[i + 1], nullptr, 10);
    if (!std::strcmp(argv[i], "-s")) streams = std::strtoull(argv[i + 1], nullptr, 10);
  }
  std::vector<Path> paths;
  paths.reserve(streams);
  for (std::size_t i = 0; i < streams; ++i) paths.emplace_back(bits_per_second);
  Bench bench;
  const auto round = [&] {
    for (int i = 0; i < 50; ++i)
      for (auto& path : paths) bench.frame(path);
  };
  bench.watch = true;
  round();
  bench.watch = false;
  for (int i = 0; i < 4; ++i) round();  // buffers grow to their size
  const auto moved = bench.totals.moved_bytes;
  bench.totals = {};
  const std::uint64_t allocations_before = allocations;
  const double begin = cpu_seconds();
  for (std::size_t i = 0; i < rounds; ++i) round();
  const double took = cpu_seconds() - begin, ticks = took * ticks_per_second();
  const std::uint64_t allocated = allocations - allocations_before;
  const auto& t = bench.totals;
  const auto total = static_cast<double>(t.bytes);
  std::printf("%zu streams, %llu packets in, %llu out, %.1f MB: %.2f GB/s, %.2f bytes/cycle, ",
              streams, static_cast<unsigned long long>(t.packets_in),
              static_cast<unsigned long long>(t.packets_out), total / 1e6, total / took / 1e9,
              ticks > 0 ? total / ticks : 0);
  std::printf("%.0f ns/packet, %llu allocations, %llu bytes moved\n",
              took * 1e9 / static_cast<double>(t.packets_in),
              static_cast<unsigned long long>(allocated), static_cast<unsigned long long>(moved));
  return allocated == 0 && moved == 0 ? 0 : 1;
}
