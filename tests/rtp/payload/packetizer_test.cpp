#include "rtp/payload/packetizer.hpp"

#include <doctest/doctest.h>

#include <string>

#include "tests/rtp/payload/coded_media.hpp"
#include "tests/rtp/payload/depacketizer.hpp"

namespace rtp::payload {
namespace {

using testing::Bytes;

EsChunk chunk_of(const Bytes& bytes, bool begin, bool end, std::int64_t pts_90khz = 0) {
  return {
      .unit_begin = begin, .unit_end = end, .pts_90khz = pts_90khz, .bytes = Slice::copy_of(bytes)};
}

Bytes annex_b(const std::vector<Bytes>& nals) {
  return testing::CodedUnit{nals, false}.annex_b();
}

std::vector<OutPacket> push(Packetizer& packetizer, const EsChunk& chunk) {
  std::vector<OutPacket> out;
  packetizer.push(chunk, 0, out);
  return out;
}

std::string sizes(const std::vector<OutPacket>& packets) {
  std::string text;
  for (const auto& packet : packets)
    text += std::to_string(packet.size_bytes - 12) + (packet.unit_end ? "| " : " ");
  return text;
}

Bytes slice_of(Codec codec, std::size_t size, bool key = false) {
  std::mt19937 random(2);
  Bytes nal = testing::slice_nal(codec, key, true, size, random);
  nal.resize(size, 0x77);
  return nal;
}

const Bytes aud = {0x09, 0xf0}, filler = {0x0c, 0xff, 0x80}, sei = {0x06, 0x05, 0x01, 0x80};

}  // namespace

TEST_CASE("sizes of packets") {
  struct Case {
    Codec codec;
    std::size_t nal_bytes;
    std::string packets;  // payload sizes; | behind the unit's last
  };
  const Case cases[] = {
      {Codec::h264, 100, "100| "},
      {Codec::h264, 1400, "1400| "},
      {Codec::h264, 1401, "1400 4| "},  // 1400 = 2 + 1398
      {Codec::h264, 1399 + 1398, "1400 1400| "},
      {Codec::h264, 1400 + 1398, "1400 1400 3| "},
      {Codec::h265, 1400, "1400| "},
      {Codec::h265, 1401, "1400 5| "},  // 1400 = 3 + 1397
  };
  for (const auto& c : cases) {
    CAPTURE(c.nal_bytes);
    Packetizer packetizer(c.codec, {});
    CHECK(sizes(push(packetizer, chunk_of(annex_b({slice_of(c.codec, c.nal_bytes)}), true,
                                          true))) == c.packets);
  }
}

TEST_CASE("packets leave while their NAL unit is still coming in") {
  Packetizer packetizer(Codec::h264, {});
  const Bytes unit = annex_b({slice_of(Codec::h264, 4000)});
  const std::span<const std::uint8_t> all(unit);
  const auto part = [&](std::size_t from, std::size_t to, bool begin, bool end) {
    const auto bytes = all.subspan(from, to - from);
    return push(packetizer, chunk_of(Bytes(bytes.begin(), bytes.end()), begin, end));
  };
  CHECK(sizes(part(0, 1300, true, false)).empty());  // might still be a single NAL unit packet
  // What came in one packet leaves in one, and the newest only with its successor.
  CHECK(sizes(part(1300, 2650, false, false)) == "1297 ");
  CHECK(sizes(part(2650, 4004, false, false)) == "1352 ");
  CHECK(sizes(part(4004, 4004, false, true)) ==
        "1355| ");  // the last byte is a zero behind the unit
}

TEST_CASE("small pieces fill packets, large ones are cut") {
  Packetizer packetizer(Codec::h264, {});
  const Bytes unit = annex_b({slice_of(Codec::h264, 6000)});
  const std::span<const std::uint8_t> all(unit);
  const auto part = [&](std::size_t from, std::size_t to, bool begin, bool end) {
    const auto bytes = all.subspan(from, to - from);
    return push(packetizer, chunk_of(Bytes(bytes.begin(), bytes.end()), begin, end));
  };
  CHECK(sizes(part(0, 600, true, false)).empty());
  CHECK(sizes(part(600, 1200, false, false)).empty());
  CHECK(sizes(part(1200, 1800, false, false)) == "1197 ");
  CHECK(sizes(part(1800, 2100, false, false)).empty());
  CHECK(sizes(part(2100, 5100, false, false)) == "902 1400 1400 ");
  CHECK(sizes(part(5100, 6004, false, true)) == "1110| ");
}

TEST_CASE("where the memory in front of a fragment is free, its head is written there") {
  Packetizer packetizer(Codec::h264, {});
  const Bytes unit = annex_b({slice_of(Codec::h264, 3000)});
  (void)push(packetizer, chunk_of(Bytes(unit.begin(), unit.begin() + 1000), true, false));
  auto chunk = chunk_of(Bytes(unit.begin() + 982, unit.begin() + 2000), false, false);
  chunk.bytes = chunk.bytes.sub(18);
  for (const std::uint32_t headroom : {17u, 18u}) {
    CAPTURE(headroom);
    chunk.bytes.headroom = headroom;
    (void)push(packetizer, chunk);
    const auto packets = push(packetizer, chunk);
    REQUIRE(packets.size() == 1);
    CHECK(packets[0].joined == (headroom == 18));
    Bytes sent;
    std::size_t pieces = 0;
    packets[0].for_each_piece(0, [&](const std::uint8_t* data, std::size_t size) {
      sent.insert(sent.end(), data, data + size);
      ++pieces;
    });
    CHECK(pieces == (headroom == 18 ? 1 : 2));
    Bytes expected(packets[0].head.begin(), packets[0].head.begin() + packets[0].head_size);
    expected.insert(expected.end(), unit.begin() + 1000, unit.begin() + 2000);
    CHECK(sent == expected);
  }
}

TEST_CASE("what is sent, what is dropped, what is a key unit") {
  using testing::h264_pps;
  using testing::h264_sps;
  const Bytes idr = {0x65, 0x88, 1, 2}, p = {0x41, 0x9a, 1, 2}, i = {0x41, 0x88, 1, 2};
  const Bytes later = {0x41, 0x4a, 1, 2};
  struct Step {
    std::string name;
    std::vector<Bytes> unit, sent;
    bool key;
  };
  const Step steps[] = {
      {"IDR before any parameter set cannot be decoded", {idr}, {idr}, false},
      {"AUD and filler", {aud, p, filler}, {p}, false},
      {"parameter sets only: learnt, not sent", {h264_sps, h264_pps}, {}, false},
      {"IDR without sets gets them", {aud, sei, idr}, {h264_sps, h264_pps, sei, idr}, true},
      {"P", {p, later}, {p, later}, false},
      {"I slice is no random access point by itself", {i}, {i}, false},
      {"but with sets in front", {h264_sps, h264_pps, i}, {h264_sps, h264_pps, i}, true},
      {"P with sets in front", {h264_sps, h264_pps, p}, {h264_sps, h264_pps, p}, false},
      {"whole IDR", {h264_sps, h264_pps, sei, idr}, {h264_sps, h264_pps, sei, idr}, true},
      {"forbidden bit, type 0, types of RTP", {{0xe7, 1}, {0x60, 1}, {0x7c, 1}, p}, {p}, false},
  };
  Packetizer packetizer(Codec::h264, {});
  testing::Depacketizer viewer(Codec::h264);
  for (const auto& step : steps) {
    CAPTURE(step.name);
    viewer.units.clear();
    for (const auto& packet : push(packetizer, chunk_of(annex_b(step.unit), true, true)))
      viewer.push(packet);
    CHECK(viewer.units.size() == (step.sent.empty() ? 0 : 1));
    if (viewer.units.empty()) continue;
    CHECK(viewer.units[0].nals == step.sent);
    CHECK(viewer.units[0].key == step.key);
    CHECK(viewer.units[0].complete);
  }
  CHECK(packetizer.ready());
  CHECK(packetizer.version() == 2);
  CHECK(packetizer.parameter_sets().sps == h264_sps);
  CHECK(packetizer.counters().keys == 3);
  CHECK(packetizer.counters().sets_inserted == 1);
}

TEST_CASE("a unit that lost bytes stops, and has no marker; the next is whole") {
  Packetizer packetizer(Codec::h264, {});
  const Bytes unit = annex_b({slice_of(Codec::h264, 900), slice_of(Codec::h264, 4000)});
  auto packets = push(packetizer, chunk_of(Bytes(unit.begin(), unit.begin() + 3500), true, false));
  CHECK(sizes(packets) == "900 1400 ");
  EsChunk lost = chunk_of({}, false, true);
  lost.damaged = true;
  CHECK(push(packetizer, lost).empty());
  EsChunk headless = chunk_of(annex_b({slice_of(Codec::h264, 50)}), true, true);
  headless.damaged = true;
  CHECK(push(packetizer, headless).empty());
  packets = push(packetizer, chunk_of(annex_b({slice_of(Codec::h264, 50)}), true, true, 3600));
  CHECK(sizes(packets) == "50| ");
  CHECK(packets[0].sequence == 2);
  CHECK(packetizer.counters().damaged_units == 2);
}

TEST_CASE("head of a packet") {
  Packetizer packetizer(Codec::h265, {.track = 1,
                                      .payload_type = 97,
                                      .ssrc = 0x01020304,
                                      .first_sequence = 65535,
                                      .timestamp_offset = 0xffffff00});
  auto packets =
      push(packetizer, chunk_of(annex_b({slice_of(Codec::h265, 2000, true)}), true, true, 0x300));
  REQUIRE(packets.size() == 2);
  const Bytes head(packets[1].head.begin(), packets[1].head.begin() + packets[1].head_size);
  const auto length = static_cast<std::uint8_t>(packets[1].size_bytes & 0xff);
  CHECK(head == Bytes{'$', 2, 2, length, 0x80, 0x80 | 97, 0, 0, 0, 0, 2, 0, 1, 2, 3, 4, 0x62, 0x01,
                      0x40 | 19});
  CHECK(packets[0].sequence == 65535);
  CHECK(packetizer.next_sequence() == 1);
  CHECK(packets[0].unit_begin);
  CHECK(packets[1].unit_end);
}

TEST_CASE("packets are views of what came in") {
  Packetizer packetizer(Codec::h264, {});
  const EsChunk chunk = chunk_of(annex_b({slice_of(Codec::h264, 20000)}), true, true);
  for (const auto& packet : push(packetizer, chunk)) {
    for (std::size_t i = 0; i < packet.slice_count; ++i) {
      CHECK(packet.slices[i].data >= chunk.bytes.data);
      CHECK(packet.slices[i].data + packet.slices[i].size <= chunk.bytes.data + chunk.bytes.size);
    }
  }
}

TEST_CASE("so much in front of a picture is not kept") {
  Packetizer packetizer(Codec::h264, {});
  Bytes nal = slice_of(Codec::h264, 1500000);
  nal[0] = 0x06;
  CHECK(push(packetizer, chunk_of(annex_b({nal}), true, true)).empty());
  CHECK(push(packetizer, chunk_of(annex_b({slice_of(Codec::h264, 50)}), true, true)).size() == 1);
}

TEST_CASE("G.711: samples count, PTS corrects") {
  Packetizer packetizer(Codec::g711a, {.timestamp_offset = 1000});
  struct Case {
    std::string name;
    std::int64_t pts_90khz;
    std::size_t bytes;
    std::uint32_t timestamp;
    std::string packets;
  };
  const Case cases[] = {
      {"begins at its PTS", 90000, 320, 9000, "320| "},
      {"PTS a little off does not count", 93600 + 900, 320, 9320, "320| "},
      {"100 ms off does", 93600 + 3600 + 9100, 320, 1000 + 8000 + 640 + 808, "320| "},
      {"back again", 90000, 3000, 9000, "1400 1400 200| "},
  };
  for (const auto& c : cases) {
    CAPTURE(c.name);
    const auto packets = push(packetizer, chunk_of(Bytes(c.bytes, 0x55), true, true, c.pts_90khz));
    CHECK(sizes(packets) == c.packets);
    CHECK(packets.at(0).timestamp == c.timestamp);
    CHECK((packets[0].head[5] & 0x80) == 0);
    if (packets.size() > 1) CHECK(packets[1].timestamp == c.timestamp + 1400);
  }
  CHECK(packetizer.counters().timestamp_jumps == 2);
}

namespace {
Bytes adts(std::size_t raw_bytes, std::uint8_t fill, std::uint8_t sampling_index = 8) {
  const auto header = write_adts({.sampling_index = sampling_index, .channels = 1}, raw_bytes);
  Bytes frame(header.begin(), header.end());
  frame.insert(frame.end(), raw_bytes, fill);
  return frame;
}
}  // namespace

TEST_CASE("AAC: frames anywhere in the chunks") {
  Bytes stream;
  for (std::uint8_t i = 0; i < 6; ++i) {
    const Bytes frame = adts(100u + i, i);
    stream.insert(stream.end(), frame.begin(), frame.end());
  }
  for (std::size_t cut = 1; cut < stream.size(); cut += 5) {
    CAPTURE(cut);
    Packetizer packetizer(Codec::aac, {});
    testing::Depacketizer viewer(Codec::aac);
    for (std::size_t at = 0; at < stream.size(); at += cut) {
      const std::size_t n = std::min(cut, stream.size() - at);
      const Bytes part(stream.begin() + static_cast<std::ptrdiff_t>(at),
                       stream.begin() + static_cast<std::ptrdiff_t>(at + n));
      for (const auto& packet : push(packetizer, chunk_of(part, at == 0, at + n == stream.size())))
        viewer.push(packet);
    }
    REQUIRE(viewer.units.size() == 6);
    for (std::uint8_t i = 0; i < 6; ++i) {
      CHECK(viewer.units[i].nals.at(0) == Bytes(100u + i, i));
      CHECK(viewer.units[i].timestamp == 1024u * i);
    }
    CHECK(packetizer.parameter_sets().config == Bytes{0x14, 0x08});
  }
}

TEST_CASE("AAC: noise, lost bytes, a frame larger than a packet") {
  Packetizer packetizer(Codec::aac, {});
  testing::Depacketizer viewer(Codec::aac);
  const auto feed = [&](const EsChunk& chunk) {
    for (const auto& packet : push(packetizer, chunk)) viewer.push(packet);
  };
  Bytes noisy = {1, 2, 0xff, 3, 0xff, 0xf1};
  const Bytes good = adts(50, 7);
  noisy.insert(noisy.end(), good.begin(), good.end());
  feed(chunk_of(noisy, true, true));
  const Bytes half(good.begin(), good.begin() + 30);
  feed(chunk_of(half, true, false, 5760));
  EsChunk lost = chunk_of({}, false, true);
  lost.damaged = true;
  feed(lost);
  feed(chunk_of(adts(3000, 9), true, true, 11520));
  REQUIRE(viewer.units.size() == 2);
  CHECK(viewer.units[0].nals.at(0) == Bytes(50, 7));
  CHECK(viewer.units[1].nals.at(0) == Bytes(3000, 9));
  CHECK(viewer.units[1].timestamp == 2048);  // from its PTS: the lost frame is not forgotten
}

}  // namespace rtp::payload
