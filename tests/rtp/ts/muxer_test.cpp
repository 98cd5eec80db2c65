#include "rtp/ts/muxer.hpp"

#include <doctest/doctest.h>

#include <map>

#include "rtp/payload/packetizer.hpp"
#include "rtp/ps/stream_map.hpp"
#include "rtp/ts/psi.hpp"
#include "tests/rtp/payload/coded_media.hpp"

namespace rtp::ts {
namespace {

using testing::Bytes;

// A transport stream, read after ISO 13818-1 2.4.3.
struct Reader {
  std::map<int, int> continuity;
  std::map<int, Bytes> open;              // PES that is coming in, by PID
  std::map<int, std::vector<Bytes>> pes;  // whole ones
  std::map<int, std::vector<Bytes>> sections;
  std::vector<std::int64_t> pcr;

  void read(const Bytes& cells) {
    REQUIRE(cells.size() % cell_bytes == 0);
    for (std::size_t at = 0; at < cells.size(); at += cell_bytes)
      cell(std::span(cells).subspan(at, cell_bytes));
  }
  void finish() {
    for (auto& [pid, bytes] : open) pes[pid].push_back(bytes);
    open.clear();
  }

 private:
  void cell(std::span<const std::uint8_t> c) {
    REQUIRE(c[0] == 0x47);
    const int pid = (c[1] & 31) << 8 | c[2];
    const bool start = c[1] & 0x40;
    if (continuity.contains(pid)) CHECK((continuity[pid] + 1) % 16 == (c[3] & 15));
    continuity[pid] = c[3] & 15;
    REQUIRE((c[3] & 0x10));
    std::size_t at = 4;
    if (c[3] & 0x20) {
      at = 5u + c[4];
      REQUIRE(at < cell_bytes);
      if (c[4] >= 7 && (c[5] & 0x10))
        pcr.push_back(static_cast<std::int64_t>(c[6]) << 25 | c[7] << 17 | c[8] << 9 | c[9] << 1 |
                      c[10] >> 7);
    }
    const auto payload = c.subspan(at);
    if (pid == 0 || pid == pmt_pid) {
      const std::size_t size = 3u + static_cast<std::size_t>((payload[2] & 15) << 8 | payload[3]);
      const auto section = payload.subspan(1, size);
      CHECK(ps::crc32_mpeg(section) == 0);
      sections[pid].emplace_back(section.begin(), section.end());
      return;
    }
    if (start) {
      if (open.contains(pid)) pes[pid].push_back(open[pid]);
      open[pid].clear();
    }
    if (!start && !open.contains(pid)) FAIL("payload without a PES");
    open[pid].insert(open[pid].end(), payload.begin(), payload.end());
  }
};

std::int64_t pts_of(const Bytes& pes) {
  return static_cast<std::int64_t>(pes[9] >> 1 & 7) << 30 | (pes[10] << 8 | pes[11]) >> 1 << 15 |
         (pes[12] << 8 | pes[13]) >> 1;
}

struct Case {
  std::string name;
  Codec codec;
  std::uint8_t stream_type;
  Bytes aud;
  std::size_t bytes;
};

const Case cases[] = {
    {"H.264, FU-A", Codec::h264, 0x1b, {0, 0, 0, 1, 0x09, 0xf0}, 5000},
    {"H.264, small", Codec::h264, 0x1b, {0, 0, 0, 1, 0x09, 0xf0}, 90},
    {"H.265, FU", Codec::h265, 0x24, {0, 0, 0, 1, 0x46, 0x01, 0x50}, 5000},
    {"H.265, small", Codec::h265, 0x24, {0, 0, 0, 1, 0x46, 0x01, 0x50}, 40},
};

void push_unit(payload::Packetizer& packetizer, const Bytes& bytes, std::int64_t pts_90khz,
               std::vector<OutPacket>& out) {
  EsChunk chunk{
      .unit_begin = true, .unit_end = true, .pts_90khz = pts_90khz, .bytes = Slice::copy_of(bytes)};
  packetizer.push(chunk, 0, out);
}

}  // namespace

TEST_CASE("access units come out of the transport stream as they went in") {
  for (const auto& c : cases) {
    CAPTURE(c.name);
    std::mt19937 random(3);
    payload::Packetizer packetizer(c.codec, {});
    Track track;
    track.codec = c.codec;
    Muxer muxer(std::span(&track, 1));
    REQUIRE(muxer.has_media());
    Reader reader;
    std::vector<Bytes> expected;
    for (int i = 0; i < 12; ++i) {
      const auto unit =
          testing::coded_unit(c.codec, i % 12 == 0, c.bytes + 7u * unsigned(i), 2, random);
      std::vector<OutPacket> packets;
      push_unit(packetizer, unit.annex_b(), 3600 * i, packets);
      for (const auto& packet : packets) {
        Bytes cells;
        muxer.push(packet, cells);
        reader.read(cells);
      }
      Bytes whole = c.aud;
      const Bytes nals = unit.annex_b();
      whole.insert(whole.end(), nals.begin(), nals.end());
      expected.push_back(whole);
    }
    reader.finish();
    const auto& pes = reader.pes[first_elementary_pid];
    REQUIRE(pes.size() == expected.size());
    for (std::size_t i = 0; i < pes.size(); ++i) {
      CAPTURE(i);
      CHECK(Bytes(pes[i].begin() + 14, pes[i].end()) == expected[i]);
      CHECK(pts_of(pes[i]) == 90000 + 3600 * static_cast<int>(i));
      CHECK(reader.pcr[i] <= pts_of(pes[i]));
    }
    CHECK(reader.pcr.size() == expected.size());
    CHECK(std::is_sorted(reader.pcr.begin(), reader.pcr.end()));
    CHECK(reader.sections[0].size() == 2);  // 440 ms: the key frame, and every 250 ms
    const Bytes& map = reader.sections[pmt_pid].front();
    CHECK(map[12] == c.stream_type);
  }
}

TEST_CASE("AAC gets its ADTS header back; G.711 is left out") {
  payload::Packetizer packetizer(Codec::aac, {.track = 1});
  std::mt19937 random(1);
  Bytes frame;
  const Bytes raw = testing::noise(random, 300);
  const auto header = payload::write_adts({.sampling_index = 8, .channels = 1}, raw.size());
  frame.insert(frame.end(), header.begin(), header.end());
  frame.insert(frame.end(), raw.begin(), raw.end());
  std::vector<OutPacket> packets;
  push_unit(packetizer, frame, 0, packets);
  std::vector<Track> tracks(3);
  tracks[0].codec = Codec::h264;
  packetizer.describe(tracks[1]);
  tracks[2].codec = Codec::g711a;
  Muxer muxer(tracks);
  Reader reader;
  Bytes cells;
  REQUIRE(packets.size() == 1);
  muxer.push(packets[0], cells);
  packets[0].track = 2;
  muxer.push(packets[0], cells);
  reader.read(cells);
  reader.finish();
  CHECK(reader.pes.size() == 1);
  const Bytes& pes = reader.pes[first_elementary_pid + 1].at(0);
  CHECK(Bytes(pes.begin() + 14, pes.end()) == frame);
  CHECK(static_cast<std::size_t>(pes[4] << 8 | pes[5]) == pes.size() - 6);
  CHECK_FALSE(Muxer(std::span(tracks).subspan(2)).has_media());
}

TEST_CASE("a viewer that skipped packets gets whole cells and the next unit") {
  std::mt19937 random(5);
  payload::Packetizer packetizer(Codec::h264, {});
  Track track;
  track.codec = Codec::h264;
  Muxer muxer(std::span(&track, 1));
  std::vector<OutPacket> packets;
  push_unit(packetizer, testing::coded_unit(Codec::h264, true, 6000, 1, random).annex_b(), 0,
            packets);
  const std::size_t first = packets.size();
  const auto second = testing::coded_unit(Codec::h264, true, 500, 1, random);
  push_unit(packetizer, second.annex_b(), 3600, packets);
  Reader reader;
  Bytes cells;
  // Of the first unit one from the middle, then all but the end, then the next unit.
  muxer.push(packets[2], cells);
  CHECK(cells.empty());
  for (std::size_t i = 0; i < packets.size(); ++i)
    if (i != first - 1) muxer.push(packets[i], cells);
  reader.read(cells);
  reader.finish();
  const auto& pes = reader.pes[first_elementary_pid];
  REQUIRE(pes.size() == 2);
  CHECK(Bytes(pes[1].begin() + 20, pes[1].end()) == second.annex_b());
}

}  // namespace rtp::ts
