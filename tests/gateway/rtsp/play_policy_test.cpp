#include "gateway/rtsp/play_policy.hpp"

#include <doctest/doctest.h>

using namespace gateway;
using namespace gateway::rtsp;

namespace {

constexpr std::int64_t ms = 1'000'000;
constexpr std::int64_t none = -1;

}  // namespace

TEST_CASE("where a viewer begins") {
  using From = PlayPlan::From;
  constexpr auto unknown = Obedience::unknown, obeys = Obedience::obeys,
                 ignores = Obedience::ignores;
  struct Case {
    const char* name;
    bool video;
    std::int64_t key_age_ms;
    bool askable;
    Obedience obedience;
    std::int64_t ask_in_ms;
    From from;
    bool ask;
    std::int64_t patience_ms;
  };
  const Case cases[] = {
      {"sound alone", false, none, true, obeys, 0, From::live, false, 0},
      {"no key frame yet", true, none, true, unknown, 0, From::next_key, true, 0},
      {"no key frame, nobody to ask", true, none, false, unknown, 0, From::next_key, false, 0},
      {"fresh", true, 300, true, obeys, 0, From::newest_key, false, 0},
      {"fresh, not known", true, 10, true, unknown, 0, From::newest_key, false, 0},
      {"old, obedient", true, 301, true, obeys, 0, From::next_key, true, 500},
      {"old, obedient, asked a while ago", true, 800, true, obeys, 200, From::next_key, true, 700},
      {"old, obedient, asked just now", true, 400, true, obeys, 600, From::newest_key, false, 0},
      {"old, not known", true, 9000, true, unknown, 0, From::newest_key, true, 0},
      {"old, ignores", true, 9000, false, ignores, 0, From::newest_key, false, 0},
      {"old, nobody to ask", true, 9000, false, unknown, 0, From::newest_key, false, 0},
  };
  for (const auto& c : cases) {
    CAPTURE(c.name);
    PlaySituation at{.video = c.video,
                     .askable = c.askable,
                     .obedience = c.obedience,
                     .ask_in_ns = c.ask_in_ms * ms};
    if (c.key_age_ms != none) at.key_age_ns = c.key_age_ms * ms;
    CHECK(plan_play(at) == PlayPlan{c.from, c.ask, c.patience_ms * ms});
  }
}
