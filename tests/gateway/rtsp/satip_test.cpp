#include "gateway/rtsp/satip.hpp"

#include <doctest/doctest.h>

#include "tests/gateway/rtsp/talk.hpp"

using namespace gateway::rtsp;

TEST_CASE("datagrams of seven cells; the end of a unit sends the rest") {
  const rtp::Track tracks[] = {test::video_track()};
  TsStream ts(tracks, 0xaabbccdd, 65535);
  TsDatagrams out;
  ts.push(test::make_packet(1, 90000,
                            {.begin = true, .end = false, .key = true, .payload_bytes = 1400}),
          out);
  ts.push(test::make_packet(2, 90000,
                            {.begin = false, .end = true, .key = true, .payload_bytes = 1400}),
          out);
  REQUIRE(out.sizes.size() >= 2);
  for (std::size_t i = 0; i + 1 < out.sizes.size(); ++i) CHECK(out.sizes[i] == 12 + 7 * 188);
  CHECK((out.sizes.back() - 12) % 188 == 0);
  const std::vector<std::uint8_t> head(out.bytes.begin(), out.bytes.begin() + 12);
  CHECK(head ==
        std::vector<std::uint8_t>{0x80, 33, 0xff, 0xff, 0, 1, 0x5f, 0x90, 0xaa, 0xbb, 0xcc, 0xdd});
  const auto second = out.bytes.begin() + out.sizes[0];
  CHECK(second[2] == 0);  // the sequence number wraps
  CHECK(second[3] == 0);
  CHECK(ts.packets() == out.sizes.size());
}
