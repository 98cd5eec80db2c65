#include "tools/gbcam/annexb.hpp"

#include <doctest/doctest.h>

using rtp::Codec;
using Bytes = std::vector<std::uint8_t>;

TEST_CASE("NAL units are found with short and long start codes, without trailing zeros") {
  const Bytes bytes = {0, 0, 0, 1, 0x67, 0x64, 0, 0, 1, 0x68, 0xee, 0, 0, 0, 0, 1, 0x65, 0x88};
  const auto units = gbcam::nal_units(bytes, Codec::h264);
  REQUIRE(units.size() == 3);
  CHECK(units[0].begin == 0);
  CHECK(units[0].type == 7);
  CHECK(units[0].end == 6);
  CHECK(units[1].begin == 6);
  CHECK(units[1].type == 8);
  CHECK(units[1].end == 11);
  CHECK(units[2].begin == 12);
  CHECK(units[2].type == 5);
  CHECK(units[2].end == bytes.size());
}

TEST_CASE("what a type is") {
  const struct {
    Codec codec;
    int type;
    bool parameter_set, sequence_set, slice;
  } cases[] = {
      {Codec::h264, 7, true, true, false},    {Codec::h264, 8, true, false, false},
      {Codec::h264, 5, false, false, true},   {Codec::h264, 1, false, false, true},
      {Codec::h264, 6, false, false, false},  {Codec::h264, 9, false, false, false},
      {Codec::h265, 32, true, false, false},  {Codec::h265, 33, true, true, false},
      {Codec::h265, 34, true, false, false},  {Codec::h265, 19, false, false, true},
      {Codec::h265, 39, false, false, false}, {Codec::h265, 1, false, false, true},
  };
  for (const auto& c : cases) {
    CAPTURE(c.type);
    CHECK(gbcam::is_parameter_set(c.type, c.codec) == c.parameter_set);
    CHECK(gbcam::is_sequence_set(c.type, c.codec) == c.sequence_set);
    CHECK(gbcam::is_slice(c.type, c.codec) == c.slice);
  }
}

TEST_CASE("parameter sets are copied out, with long start codes") {
  const Bytes bytes = {0, 0, 1, 0x67, 0x64, 0, 0, 1, 6, 5, 0, 0, 1, 0x68, 0xee, 0, 0, 1, 0x65, 1};
  const Bytes sets = {0, 0, 0, 1, 0x67, 0x64, 0, 0, 0, 1, 0x68, 0xee};
  CHECK(gbcam::parameter_sets(bytes, Codec::h264) == sets);
}

TEST_CASE("fragments without a whole NAL unit are none") {
  for (const Bytes& bytes :
       {Bytes{}, Bytes{0, 0}, Bytes{0, 0, 1}, Bytes{0, 0, 0, 1}, Bytes{1, 2, 3}})
    CHECK(gbcam::nal_units(bytes, Codec::h264).empty());
}
