#include "tools/gbcam/cursor.hpp"

#include <doctest/doctest.h>

using gbcam::AccessUnit;
using gbcam::Clip;
using gbcam::ClipCursor;

namespace {

// Four frames, the first and the third are key frames; the third is shown one frame later.
Clip four_frames() {
  Clip clip;
  clip.frame_interval_90khz = 3600;
  clip.duration_90khz = 4 * 3600;
  for (int i = 0; i < 4; ++i) {
    AccessUnit unit;
    unit.key = i % 2 == 0;
    unit.dts_90khz = i * 3600;
    unit.pts_90khz = unit.dts_90khz + (i == 2 ? 3600 : 0);
    clip.units.push_back(unit);
  }
  return clip;
}

}  // namespace

TEST_CASE("the time line goes on over the end of the clip") {
  const Clip clip = four_frames();
  ClipCursor cursor(clip, 1000);
  for (int i = 0; i < 11; ++i) {
    CHECK(cursor.dts_90khz() == 1000 + i * 3600);
    CHECK(cursor.unit().key == (i % 2 == 0));
    CHECK(cursor.pts_90khz() - cursor.dts_90khz() == (i % 4 == 2 ? 3600 : 0));
    cursor.advance();
  }
}

TEST_CASE("a key frame on request comes at the time that the next frame had") {
  const Clip clip = four_frames();
  ClipCursor cursor(clip, 0);
  cursor.advance();
  CHECK_FALSE(cursor.unit().key);
  cursor.skip_to_key();
  CHECK(&cursor.unit() == &clip.units[2]);
  CHECK(cursor.dts_90khz() == 3600);
  cursor.advance();
  CHECK(cursor.dts_90khz() == 7200);
  cursor.skip_to_key();  // over the end, to the first
  CHECK(&cursor.unit() == &clip.units[0]);
  CHECK(cursor.dts_90khz() == 7200);
  cursor.skip_to_key();  // it is one already
  CHECK(&cursor.unit() == &clip.units[0]);
}
