#include "tools/gbcam/clip_feed.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string_view>

using gbcam::AccessUnit;
using gbcam::Clip;
using gbcam::ClipFeed;
using gbcam::Frame;
using gbcam::MediaOptions;
using gbcam::StampUnit;
using Bytes = std::vector<std::uint8_t>;

namespace {

AccessUnit video(std::int64_t time_90khz, bool key) {
  AccessUnit unit;
  unit.key = key;
  unit.dts_90khz = unit.pts_90khz = time_90khz;
  if (key) unit.bytes = {0, 0, 0, 1, 0x67, 0x64, 0, 0, 0, 1, 0x68, 0xee};
  unit.first_slice = unit.bytes.size();
  const Bytes slice = {0, 0, 0, 1, static_cast<std::uint8_t>(key ? 0x65 : 0x41), 0x88, 0x84};
  unit.bytes.insert(unit.bytes.end(), slice.begin(), slice.end());
  return unit;
}

// Two frames, the first a key frame, and sound between them.
Clip small_clip() {
  Clip clip;
  clip.video = rtp::Codec::h264;
  clip.audio = rtp::Codec::g711a;
  clip.duration_90khz = 7200;
  AccessUnit sound;
  sound.kind = rtp::MediaKind::audio;
  sound.dts_90khz = sound.pts_90khz = 1800;
  sound.bytes.assign(320, 0x55);
  clip.units = {video(0, true), sound, video(3600, false)};
  return clip;
}

bool contains(const Frame& frame, std::initializer_list<std::uint8_t> part) {
  return std::search(frame.bytes.begin(), frame.bytes.end(), part.begin(), part.end()) !=
         frame.bytes.end();
}

int maps_in_first_key_frames(const MediaOptions& options, int key_frames) {
  const Clip clip = small_clip();
  ClipFeed feed(clip, options);
  int maps = 0;
  for (int i = 0; i < 3 * key_frames; ++i) maps += contains(feed.next(), {0, 0, 1, 0xbc});
  return maps;
}

}  // namespace

TEST_CASE("each unit is a pack of its own, with its own time") {
  const Clip clip = small_clip();
  MediaOptions options;
  options.pts_start_90khz = 1000;
  ClipFeed feed(clip, options);
  for (const std::int64_t due : {0, 1800, 3600, 7200, 9000, 10800}) {
    CHECK(feed.next_due_90khz() == due);
    const Frame frame = feed.next();
    CHECK(frame.due_90khz == due);
    CHECK(frame.rtp_timestamp == 1000 + due);
    CHECK(frame.key == (due % 7200 == 0));
    CHECK(frame.video == (due % 3600 == 0));
    CHECK(frame.bytes[3] == 0xba);
  }
}

TEST_CASE("maps come as often as they were asked for") {
  MediaOptions options;
  CHECK(maps_in_first_key_frames(options, 3) == 3);
  options.map.once = true;
  CHECK(maps_in_first_key_frames(options, 3) == 1);
  options.map.none = true;
  CHECK(maps_in_first_key_frames(options, 3) == 0);
}

TEST_CASE("a map can name the other codec") {
  const Clip clip = small_clip();
  MediaOptions options;
  ClipFeed right(clip, options);
  CHECK(contains(right.next(), {0x1b, 0xe0}));
  options.map.wrong_type = true;
  ClipFeed feed(clip, options);
  const Frame frame = feed.next();
  CHECK(contains(frame, {0x24, 0xe0}));
  CHECK_FALSE(contains(frame, {0x1b, 0xe0}));
}

TEST_CASE("the stamp stands before the first slice and can be filled in") {
  const Clip clip = small_clip();
  for (const StampUnit unit : {StampUnit::nanoseconds, StampUnit::microseconds}) {
    MediaOptions options;
    options.stamp = unit;
    ClipFeed feed(clip, options);
    const Frame frame = feed.next();
    REQUIRE(frame.stamp.size() == 16);
    CHECK(std::all_of(frame.stamp.begin(), frame.stamp.end(), [](auto c) { return c == '0'; }));
    const std::string_view uuid =
        unit == StampUnit::nanoseconds ? "GBGATE-STAMP-NS1" : "GBMEASURE-STAMP1";
    CHECK(std::equal(uuid.begin(), uuid.end(), frame.stamp.data() - uuid.size()));
    CHECK(contains(frame, {0, 0, 0, 1, 6, 5, 32}));
    CHECK(contains(frame, {0x80, 0, 0, 0, 1, 0x65}));
    CHECK(feed.next().stamp.empty());  // sound
    CHECK(feed.next().stamp.size() == 16);
  }
}

TEST_CASE("all clocks jump, and the pace does not") {
  const Clip clip = small_clip();
  MediaOptions options;
  options.pts_start_90khz = 900'000;
  options.pts_jump = gbcam::Seconds(-5);
  options.pts_jump_after = gbcam::Seconds(0.04);
  ClipFeed feed(clip, options);
  CHECK(feed.next().rtp_timestamp == 900'000);
  CHECK(feed.next().rtp_timestamp == 901'800);
  const Frame after = feed.next();
  CHECK(after.due_90khz == 3600);
  CHECK(after.rtp_timestamp == 900'000 + 3600 - 450'000);
}
