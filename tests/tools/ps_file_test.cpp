#include "tools/gbcam/ps_file.hpp"

#include <doctest/doctest.h>

#include <stdexcept>

using gbcam::Frame;
using gbcam::PsFile;
using gbcam::PsFileFeed;
using Bytes = std::vector<std::uint8_t>;

namespace {

void add(Bytes& to, std::initializer_list<int> bytes) {
  for (const int byte : bytes) to.push_back(static_cast<std::uint8_t>(byte & 0xff));
}

void add_times(Bytes& to, int prefix, std::int64_t t) {
  add(to, {static_cast<int>(prefix << 4 | (t >> 29 & 0xe) | 1), static_cast<int>(t >> 22),
           static_cast<int>((t >> 14 & 0xfe) | 1), static_cast<int>(t >> 7),
           static_cast<int>((t << 1 & 0xfe) | 1)});
}

void mpeg2_pack(Bytes& to, std::int64_t scr) {
  add(to, {0, 0, 1, 0xba, static_cast<int>(0x44 | (scr >> 27 & 0x38) | (scr >> 28 & 3)),
           static_cast<int>(scr >> 20), static_cast<int>(4 | (scr >> 12 & 0xf8) | (scr >> 13 & 3)),
           static_cast<int>(scr >> 5), static_cast<int>(4 | (scr << 3 & 0xf8)), 1, 0, 0x5f, 0x6b,
           0xf8});
}

void mpeg1_pack(Bytes& to, std::int64_t scr) {
  add(to, {0, 0, 1, 0xba});
  add_times(to, 2, scr);
  add(to, {0x80, 0, 1});
}

// `nal`: first byte of a NAL unit in the PES, without meaning otherwise.
void mpeg2_pes(Bytes& to, int id, std::int64_t pts, int nal) {
  add(to, {0, 0, 1, id, 0, 8 + 6, 0x80, 0x80, 5});
  add_times(to, 2, pts);
  add(to, {0, 0, 1, nal, 0x11, 0x22});
}

void mpeg1_pes(Bytes& to, std::int64_t pts, int nal) {
  add(to, {0, 0, 1, 0xe0, 0, 2 + 5 + 6, 0xff, 0xff});
  add_times(to, 2, pts);
  add(to, {0, 0, 1, nal, 0x11, 0x22});
}

// Three frames, a pack each, the last with sound in its pack.
Bytes camera_stream() {
  Bytes bytes;
  for (int i = 0; i < 3; ++i) {
    mpeg2_pack(bytes, 5000 + i * 3600);
    mpeg2_pes(bytes, 0xe0, 9000 + i * 3600, i == 0 ? 0x67 : 0x41);
  }
  mpeg2_pes(bytes, 0xc0, 9000 + 7200, 0x41);
  return bytes;
}

void check_tiles(const PsFile& file) {
  std::size_t at = 0;
  for (const auto& piece : file.pieces) {
    CHECK(piece.begin == at);
    CHECK(piece.end > piece.begin);
    at = piece.end;
  }
  CHECK(at == file.bytes.size());
}

}  // namespace

TEST_CASE("a piece is one frame with its pack header, and nothing is left out") {
  const PsFile file = gbcam::cut_ps(camera_stream(), "camera");
  REQUIRE(file.pieces.size() == 3);
  check_tiles(file);
  CHECK(file.pieces[0].key);
  CHECK_FALSE(file.pieces[1].key);
  CHECK(file.pieces[2].due_90khz == 7200);
  CHECK(file.pieces[2].pts_90khz == 9000 + 7200);
  CHECK(file.duration_90khz == 3 * 3600);
}

TEST_CASE("MPEG-1 packs, as ffmpeg -f mpeg writes them") {
  Bytes bytes;
  for (int i = 0; i < 3; ++i) {
    mpeg1_pack(bytes, i * 3600);
    mpeg1_pes(bytes, 45000 + i * 3600, i == 0 ? 0x67 : 0x41);
  }
  const PsFile file = gbcam::cut_ps(bytes, "mpeg1");
  REQUIRE(file.pieces.size() == 3);
  check_tiles(file);
  CHECK(file.pieces[1].pts_90khz == 48600);
  CHECK(file.pieces[1].due_90khz == 3600);
}

TEST_CASE("several frames in one pack leave by their times") {
  Bytes bytes;
  mpeg2_pack(bytes, 0);
  for (int i = 0; i < 3; ++i) mpeg2_pes(bytes, 0xe0, 9000 + i * 3600, 0x41);
  const PsFile file = gbcam::cut_ps(bytes, "one pack");
  REQUIRE(file.pieces.size() == 3);
  check_tiles(file);
  CHECK(file.pieces[1].due_90khz == 3600);
  CHECK(file.pieces[2].due_90khz == 7200);
}

TEST_CASE("a frame that ends inside the next PES is not called whole") {
  for (const bool aligned : {true, false}) {
    Bytes bytes;
    for (int i = 0; i < 3; ++i) {
      mpeg2_pack(bytes, i * 3600);
      mpeg2_pes(bytes, 0xe0, 9000 + i * 3600, 0x41);
      if (!aligned) bytes[bytes.size() - 4] = 9;  // no start code at the payload's begin
    }
    const PsFile file = gbcam::cut_ps(bytes, "aligned or not");
    REQUIRE(file.pieces.size() == 3);
    CHECK(file.pieces[0].whole == aligned);
    CHECK(file.pieces[1].whole == aligned);
  }
}

TEST_CASE("the parts of one frame with the same PTS stay together") {
  Bytes bytes;
  for (int i = 0; i < 2; ++i) {
    mpeg2_pack(bytes, i * 3600);
    for (const int nal : {0x67, 0x68, 0x65}) mpeg2_pes(bytes, 0xe0, 9000 + i * 3600, nal);
  }
  CHECK(gbcam::cut_ps(bytes, "split").pieces.size() == 2);
}

TEST_CASE("what is no program stream is refused with a reason") {
  Bytes transport(400);
  transport[0] = transport[188] = 0x47;
  CHECK_THROWS_AS(gbcam::cut_ps({}, "empty"), std::runtime_error);
  CHECK_THROWS_AS(gbcam::cut_ps(Bytes(1000, 7), "noise"), std::runtime_error);
  CHECK_THROWS_AS(gbcam::cut_ps(transport, "ts"), std::runtime_error);
}

TEST_CASE("any cut of a stream is borne") {
  const Bytes whole = camera_stream();
  for (std::size_t size = 0; size < whole.size(); ++size) {
    try {
      check_tiles(gbcam::cut_ps(Bytes(whole.begin(), whole.begin() + static_cast<long>(size)), ""));
    } catch (const std::runtime_error&) {
      CHECK(size < 80);  // less than two frames
    }
  }
}

TEST_CASE("the bytes come round unchanged while the RTP clock goes on") {
  PsFile file = gbcam::cut_ps(camera_stream(), "camera");
  const Bytes before = file.bytes;
  PsFileFeed feed(file, 100);
  Bytes twice;
  for (int i = 0; i < 6; ++i) {
    CHECK(feed.next_due_90khz() == i * 3600);
    const Frame frame = feed.next();
    CHECK(frame.rtp_timestamp == 100u + static_cast<unsigned>(i) * 3600);
    twice.insert(twice.end(), frame.bytes.begin(), frame.bytes.end());
  }
  CHECK(Bytes(twice.begin(), twice.begin() + static_cast<long>(before.size())) == before);
  CHECK(Bytes(twice.begin() + static_cast<long>(before.size()), twice.end()) == before);
}

TEST_CASE("a key frame on request keeps the time") {
  PsFile file = gbcam::cut_ps(camera_stream(), "camera");
  PsFileFeed feed(file, 0);
  feed.next();
  feed.request_key_frame();
  CHECK(feed.next_due_90khz() == 3600);
  CHECK(feed.next().key);
}
