#include "gateway/remembered_tracks.hpp"

#include <doctest/doctest.h>

#include "tests/gateway/temporary_directory.hpp"

using namespace gateway;

namespace {

std::vector<rtp::Track> two_tracks() {
  rtp::Track video, audio;
  video.codec = rtp::Codec::h265;
  video.ssrc = 0xfedcba98;
  video.sets.vps = {0x40, 0x01};
  video.sets.sps = {0x42, 0x00, 0xff};
  video.sets.pps = {0x44};
  audio.codec = rtp::Codec::aac;
  audio.clock_rate_hz = 16000;
  audio.channels = 2;
  audio.payload_type = 97;
  audio.ssrc = 1;
  audio.sets.config = {0x14, 0x10};
  return {video, audio};
}

bool same(const std::vector<rtp::Track>& a, const std::vector<rtp::Track>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const auto& x, const auto& y) {
    return x.codec == y.codec && x.clock_rate_hz == y.clock_rate_hz && x.channels == y.channels &&
           x.payload_type == y.payload_type && x.ssrc == y.ssrc && x.sets == y.sets;
  });
}

}  // namespace

TEST_CASE("tracks as text and back") {
  CHECK(same(parse_tracks(print_tracks(two_tracks())), two_tracks()));
  CHECK(parse_tracks("").empty());
}

TEST_CASE("text that is not of ours yields nothing") {
  const std::string good = "H.264 90000 1 96 7 - 6742 68 -\n";
  REQUIRE(parse_tracks(good).size() == 1);
  for (const char* bad :
       {"H.264 90000 1 96 7 - 6742 68\n", "H.269 90000 1 96 7 - 6742 68 -\n",
        "H.264 0 1 96 7 - 6742 68 -\n", "H.264 90000 1 200 7 - 6742 68 -\n",
        "H.264 90000 1 96 7 - 674 68 -\n", "H.264 90000 1 96 7 - 67xx 68 -\n",
        "H.264 90000 1 96 -7 - 6742 68 -\n", "H.264 90000 1 96 7 - 6742 68 - more\n", "\n", " "}) {
    CAPTURE(bad);
    CHECK(parse_tracks(bad).empty());
    CHECK(parse_tracks(good + bad).empty());
  }
  std::string many;
  for (int i = 0; i < 9; ++i) many += good;
  CHECK(parse_tracks(many).empty());
}

TEST_CASE("remembered over a restart; in doubt after a failed call, until it runs again") {
  const TemporaryDirectory directory;
  for (int run = 0; run < 2; ++run) {
    auto store = DeviceStore::open(directory.path() / "gbgate.db");
    REQUIRE(store.has_value());
    auto content = (*store)->load();
    REQUIRE(content.has_value());
    RememberedTracks remembered;
    remembered.open(store->get(), content->streams);
    CHECK(remembered.find("d/c").empty() == (run == 0));
    remembered.note("d/c", two_tracks());
    CHECK(same(remembered.find("d/c"), two_tracks()));
    remembered.doubt("d/c");
    CHECK(remembered.find("d/c").empty());
    remembered.note("d/c", two_tracks());
    CHECK_FALSE(remembered.find("d/c").empty());
    CHECK(remembered.find("d/other").empty());
  }
}
