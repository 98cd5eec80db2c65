// Traces in virtual time: what is asked of a camera, and what is learnt of it.
#include "gateway/key_requests.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace gateway;

namespace {

constexpr std::int64_t ms = 1'000'000;

// A camera of 25 fps. Frames come each 40 ms; a key frame after `gop` frames, or `reaction` frames
// after a request when it obeys.
struct Camera {
  int gop = 50;
  bool obeys = true;
  int reaction = 2;
  int frame = 0, since_key = 0, asked_at = -1;

  bool next_is_key() {
    bool key = since_key >= gop || frame == 0;
    if (obeys && asked_at >= 0 && frame - asked_at >= reaction) key = true;
    if (key) asked_at = -1;
    since_key = key ? 1 : since_key + 1;
    ++frame;
    return key;
  }
};

struct Scene {
  Camera camera;
  KeyRequests requests;
  std::vector<int> asked_ms;  // when
  int now_ms = 0;

  Scene() { requests.open({}); }
  std::int64_t now() const { return now_ms * ms; }
  void ask() {
    asked_ms.push_back(now_ms);
    camera.asked_at = camera.frame;
  }
  void wish() {
    if (requests.wish(now())) ask();
  }
  void run(int frames, int wish_each_ms = 0) {
    for (; frames > 0; --frames) {
      if (camera.next_is_key()) requests.on_key(now());
      if (requests.due(now())) ask();
      if (wish_each_ms > 0 && now_ms % wish_each_ms == 0) wish();
      now_ms += 40;
    }
  }
};

}  // namespace

TEST_CASE("whether a camera obeys is learnt from its key frames") {
  struct Case {
    const char* name;
    int gop;
    bool obeys;
    int wish_each_ms;
    Obedience expected;
  };
  const Case cases[] = {
      {"obeys, 2 s", 50, true, 2800, Obedience::obeys},
      {"obeys, 10 s", 250, true, 2800, Obedience::obeys},
      {"obeys, asked all the time", 250, true, 40, Obedience::obeys},
      {"obeys, asked like a clock", 250, true, 1320, Obedience::obeys},
      {"obeys, 1 s", 25, true, 1720, Obedience::obeys},
      {"ignores, 2 s", 50, false, 2800, Obedience::ignores},
      {"ignores, 10 s", 250, false, 2800, Obedience::ignores},
      {"ignores, 10 s, asked all the time", 250, false, 40, Obedience::ignores},
      {"ignores, 1 s: only coincidences", 25, false, 1720, Obedience::ignores},
      {"never asked", 50, true, 0, Obedience::unknown},
  };
  for (const auto& c : cases) {
    CAPTURE(c.name);
    Scene scene;
    scene.camera.gop = c.gop;
    scene.camera.obeys = c.obeys;
    scene.run(25 * 30, c.wish_each_ms);
    CHECK(scene.requests.obedience(scene.now()) == c.expected);
  }
}

TEST_CASE("one request a second, however many wish") {
  Scene scene;
  scene.camera.gop = 1000;
  scene.run(25);
  for (int i = 0; i < 250; ++i) {
    for (int joiner = 0; joiner < 7; ++joiner) scene.wish();
    scene.run(1);
  }
  CHECK(scene.asked_ms.size() == 10);
  for (std::size_t i = 1; i < scene.asked_ms.size(); ++i)
    CHECK(scene.asked_ms[i] - scene.asked_ms[i - 1] >= 1000);
}

TEST_CASE("a wish that must wait is asked when its time has come, or forgotten with a key frame") {
  Scene scene;
  scene.camera.gop = 1000;
  scene.run(10);
  scene.wish();
  scene.run(10);  // the answer came
  scene.wish();
  CHECK(scene.asked_ms.size() == 1);
  scene.run(20);
  CHECK(scene.asked_ms == std::vector<int>{400, 1400});
  scene.run(5);
  scene.wish();
  scene.requests.on_key(scene.now());
  scene.run(50);
  CHECK(scene.asked_ms.size() == 2);
}

TEST_CASE("who ignores requests is left alone for ten minutes") {
  Scene scene;
  scene.camera.gop = 250;
  scene.camera.obeys = false;
  scene.run(25 * 60, 1000);
  const auto asked = scene.asked_ms.size();
  CHECK(asked <= 4);
  CHECK_FALSE(scene.requests.askable(scene.now()));
  scene.run(25 * 530, 1000);
  CHECK(scene.asked_ms.size() == asked);
  scene.camera.obeys = true;
  scene.run(25 * 60, 2800);
  CHECK(scene.asked_ms.size() > asked);
  CHECK(scene.requests.obedience(scene.now()) == Obedience::obeys);
}

TEST_CASE("one request that got lost changes nothing") {
  Scene scene;
  scene.run(25 * 20, 2800);
  REQUIRE(scene.requests.obedience(scene.now()) == Obedience::obeys);
  scene.camera.gop = 1000;
  scene.run(30);
  CHECK(scene.requests.wish(scene.now()));  // and the camera never hears of it
  scene.run(50);
  CHECK(scene.requests.obedience(scene.now()) == Obedience::obeys);
}

TEST_CASE("nobody to ask, and what was remembered") {
  KeyRequests requests;
  CHECK_FALSE(requests.wish(0));
  requests.open({Obedience::ignores, 0});
  CHECK_FALSE(requests.wish(1000 * ms));
  CHECK(requests.wish(601'000 * ms));
  requests.open({Obedience::obeys, 0});
  CHECK(requests.obedience(0) == Obedience::obeys);
  requests.close();
  CHECK_FALSE(requests.wish(700'000 * ms));
}
