#include "rtp/ps/stream_map.hpp"

#include <doctest/doctest.h>

#include <string>

namespace rtp::ps {
namespace {

using Bytes = std::vector<std::uint8_t>;
using Entries = std::vector<StreamMap::Entry>;

// gb28181-reference 9.4: H.264 and G.711A
const Bytes example = {0x00, 0x00, 0x01, 0xBC, 0x00, 0x12, 0xE0, 0xFF, 0x00, 0x00, 0x00, 0x08,
                       0x1B, 0xE0, 0x00, 0x00, 0x90, 0xC0, 0x00, 0x00, 0xFE, 0xDF, 0xB1, 0xD7};

struct Case {
  std::string name;
  Bytes bytes;
  Entries entries;  // empty: no map
};

const Case cases[] = {
    {"the standard's", example, {{0x1b, 0xe0}, {0x90, 0xc0}}},
    {"descriptors",
     {0,    0, 1, 0xbc, 0, 0x18, 0xe0, 0xff, 0, 2,    0x40, 0, 0, 0x0c, 0x24,
      0xe0, 0, 2, 0x2a, 0, 0x0f, 0xc0, 0,    2, 0x40, 0,    1, 2, 3,    4},
     {{0x24, 0xe0}, {0x0f, 0xc0}}},
    {"wrong CRC",
     {0, 0, 1, 0xbc, 0, 0x0e, 0xe0, 0xff, 0, 0, 0, 4, 0x1b, 0xe0, 0, 0, 9, 9, 9, 9},
     {{0x1b, 0xe0}}},
    {"ES_info_length beyond the end",
     {0,    0,    1,    0xbc, 0,    0x12, 0xe0, 0xff, 0, 0, 0, 8,
      0x1b, 0xe0, 0x7f, 0xff, 0x90, 0xc0, 0,    0,    1, 2, 3, 4},
     {{0x1b, 0xe0}, {0x90, 0xc0}}},
    {"program_stream_info_length beyond the end",
     {0, 0, 1, 0xbc, 0, 0x0e, 0xe0, 0xff, 0x7f, 0xff, 0, 4, 0x1b, 0xe0, 0, 0, 1, 2, 3, 4},
     {{0x1b, 0xe0}}},
    {"elementary_stream_map_length 0",
     {0, 0, 1, 0xbc, 0, 0x0e, 0xe0, 0xff, 0, 0, 0, 0, 0x1b, 0xe0, 0, 0, 1, 2, 3, 4},
     {{0x1b, 0xe0}}},
    {"empty", {0, 0, 1, 0xbc, 0, 0x0a, 0xe0, 0xff, 0, 0, 0, 0, 1, 2, 3, 4}, {}},
    {"too short", {0, 0, 1, 0xbc, 0, 2, 0xe0, 0xff}, {}},
};

}  // namespace

TEST_CASE("stream maps, as they are and as they should be") {
  for (const auto& c : cases) {
    CAPTURE(c.name);
    const auto map = parse_stream_map(c.bytes);
    REQUIRE(map.has_value() == !c.entries.empty());
    if (map) CHECK(Entries(map->list().begin(), map->list().end()) == c.entries);
  }
}

TEST_CASE("a map as it is written") {
  Bytes bytes;
  write_stream_map(Entries{{0x1b, 0xe0}, {0x90, 0xc0}}, bytes);
  CHECK(bytes == example);
}

TEST_CASE("stream types both ways") {
  for (const Codec codec : {Codec::h264, Codec::h265, Codec::mpeg4, Codec::svac, Codec::g711a,
                            Codec::g711u, Codec::g722_1, Codec::g723_1, Codec::g729, Codec::aac})
    CHECK(codec_of(stream_type_of(codec)) == codec);
  CHECK(stream_type_of(Codec::unknown) == 0);
  CHECK(codec_of(0x06) == Codec::unknown);
}

}  // namespace rtp::ps
