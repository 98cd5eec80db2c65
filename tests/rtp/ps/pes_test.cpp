#include "rtp/ps/pes.hpp"

#include <doctest/doctest.h>

#include <string>

namespace rtp::ps {
namespace {

using Bytes = std::vector<std::uint8_t>;
using Status = HeaderResult::Status;
using Time = std::optional<std::int64_t>;
using Length = std::optional<std::uint32_t>;

struct Case {
  std::string name;
  Bytes bytes;
  Status status;
  std::size_t header_bytes = 0;
  Length payload_bytes = 0;
  Time pts_90khz = {}, dts_90khz = {};
};

const Case cases[] = {
    {"pack, gb28181-reference 9.4",
     {0, 0, 1, 0xBA, 0x44, 0, 0x16, 0x8C, 4, 1, 0, 0x5F, 0x6B, 0xF8},
     Status::done,
     14},
    {"pack with stuffing",
     {0, 0, 1, 0xBA, 0x44, 0, 0x16, 0x8C, 4, 1, 0, 0x5F, 0x6B, 0xFA, 0xff, 0xff},
     Status::done,
     16},
    {"MPEG-1 pack", {0, 0, 1, 0xBA, 0x21, 0, 1, 0, 1, 0x80, 0x1b, 0x91}, Status::done, 12},
    {"neither pack", {0, 0, 1, 0xBA, 0x90, 0, 0, 0, 0, 0, 0, 0, 0, 0}, Status::bad},
    {"system header is passed over", {0, 0, 1, 0xBB, 0, 0x0C}, Status::done, 6, 12},
    {"private stream", {0, 0, 1, 0xBD, 1, 0}, Status::done, 6, 256},
    {"padding", {0, 0, 1, 0xBE, 0xff, 0xff}, Status::done, 6, 65535},
    {"program end", {0, 0, 1, 0xB9}, Status::done, 4},
    {"not a system start code", {0, 0, 1, 0x65}, Status::bad},
    {"map longer than anyone's", {0, 0, 1, 0xBC, 0x10, 0}, Status::done, 6, 4096},
    {"PES, gb28181-reference 9.4",
     {0, 0, 1, 0xE0, 3, 0xF0, 0x80, 0x80, 5, 0x21, 0, 5, 0xBF, 0x21},
     Status::done,
     14,
     1000,
     90000},
    {"PES with DTS",
     {0, 0, 1, 0xE0, 0, 0x0f, 0x80, 0xC0, 10, 0x31, 0, 5, 0xBF, 0x21, 0x11, 0, 3, 0x5F, 0x91},
     Status::done,
     19,
     2,
     90000,
     45000},
    {"PES without PTS", {0, 0, 1, 0xC0, 0, 5, 0x80, 0, 0}, Status::done, 9, 2},
    {"PES without length", {0, 0, 1, 0xE0, 0, 0, 0x80, 0, 0}, Status::done, 9, Length()},
    {"length smaller than the header",
     {0, 0, 1, 0xE0, 0, 4, 0x80, 0x80, 5, 0x21, 0, 5, 0xBF, 0x21},
     Status::bad},
    {"flags promise a PTS that is not there",
     {0, 0, 1, 0xE0, 0, 5, 0x80, 0x80, 0},
     Status::done,
     9,
     2},
    {"MPEG-1 PES with PTS",
     {0, 0, 1, 0xE0, 0, 9, 0x21, 0, 5, 0xBF, 0x21},
     Status::done,
     11,
     4,
     90000},
    {"MPEG-1 PES, stuffing, STD buffer, PTS and DTS",
     {0, 0, 1, 0xE0, 0, 20, 0xff, 0xff, 0x60, 0x20, 0x31, 0, 5, 0xBF, 0x21, 0x11, 0, 3, 0x5F, 0x91},
     Status::done,
     20,
     6,
     90000,
     45000},
    {"MPEG-1 PES without", {0, 0, 1, 0xC0, 0, 9, 0x0f}, Status::done, 7, 8},
};

}  // namespace

TEST_CASE("headers, whole and byte by byte") {
  for (const auto& c : cases) {
    CAPTURE(c.name);
    HeaderResult result;
    // It asks for more until it has enough, never for more than there must be.
    std::size_t have = 4;
    for (; (result = parse_header(std::span(c.bytes).first(have))).status == Status::need_more;
         have = result.need) {
      REQUIRE(result.need > have);
      REQUIRE(result.need <= c.bytes.size());
    }
    REQUIRE(result.status == c.status);
    if (c.status == Status::bad) continue;
    CHECK(result.header.header_bytes == c.header_bytes);
    CHECK(result.header.payload_bytes == c.payload_bytes);
    CHECK(result.header.pts_90khz == c.pts_90khz);
    CHECK(result.header.dts_90khz == c.dts_90khz);
  }
}

TEST_CASE("headers as they are written") {
  Bytes pack, pes;
  write_pack_header(86400, 6106, pack);
  CHECK(pack == cases[0].bytes);
  write_pes_header(0xe0, 1000, 90000, false, pes);
  CHECK(pes == cases[10].bytes);
}

TEST_CASE("33 bits of time both ways") {
  for (const std::int64_t time : {0ll, 1ll, 32767ll, 32768ll, 1ll << 30, (1ll << 33) - 1}) {
    Bytes pes;
    write_pes_header(0xe0, 10, time, false, pes);
    CHECK(parse_header(pes).header.pts_90khz == time);
  }
}

}  // namespace rtp::ps
