#include "gateway/stream_homes.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <thread>

using namespace gateway;
using Begun = StreamHomes::Begun;

namespace {

std::vector<std::unique_ptr<Shard>> shards(unsigned count) {
  std::vector<std::unique_ptr<Shard>> made;
  for (unsigned i = 0; i < count; ++i) made.push_back(std::make_unique<Shard>(i));
  return made;
}

}  // namespace

TEST_CASE("a stream has one home from its beginning to its end") {
  const auto two = shards(2);
  StreamHomes homes(two, 10);
  CHECK_FALSE(homes.find("a"));
  CHECK(homes.place("a") == 0);
  CHECK_FALSE(homes.find("a"));  // placed is not yet begun
  CHECK(homes.streams(0) == 1);
  CHECK(homes.begin("a", 0) == Begun::yes);
  CHECK(homes.streams(0) == 1);
  CHECK(homes.find("a") == 0u);
  CHECK(homes.place("a") == 0);
  CHECK(homes.begin("a", 1) == Begun::elsewhere);
  homes.end("a");
  CHECK_FALSE(homes.find("a"));
  CHECK(homes.streams(0) == 0);
  homes.end("a");
  CHECK(homes.streams(0) == 0);
}

TEST_CASE("whoever asks next is sent to the same place") {
  const auto two = shards(2);
  StreamHomes homes(two, 10);
  CHECK(homes.place("b", 1u) == 1);
  CHECK(homes.place("b") == 1);
  CHECK(homes.streams(1) == 1);
  CHECK(homes.begin("b", 0) == Begun::yes);  // begun elsewhere than reserved: that counts
  CHECK(homes.streams(0) == 1);
  CHECK(homes.streams(1) == 0);
}

TEST_CASE("no more streams than allowed, wherever they are") {
  const auto two = shards(2);
  StreamHomes homes(two, 2);
  CHECK(homes.begin("a", 0) == Begun::yes);
  CHECK(homes.begin("b", 1) == Begun::yes);
  CHECK(homes.begin("c", 1) == Begun::full);
  CHECK_FALSE(homes.find("c"));
  homes.end("a");
  CHECK(homes.begin("c", 1) == Begun::yes);
  const auto all = homes.all();
  REQUIRE(all.size() == 2);
  CHECK(all[0] == std::pair<std::string, unsigned>("b", 1));
  CHECK(all[1] == std::pair<std::string, unsigned>("c", 1));
}

TEST_CASE("many streams of a moment go to several shards") {
  const auto two = shards(2);
  StreamHomes homes(two, 1000);
  for (int i = 0; i < 600; ++i) {
    const auto name = std::to_string(i);
    CHECK(homes.begin(name, homes.place(name)) == Begun::yes);
  }
  CHECK(homes.streams(0) == 300);
  CHECK(homes.streams(1) == 300);
}

TEST_CASE("of many threads that begin a stream one does") {
  const auto two = shards(2);
  StreamHomes homes(two, 10);
  std::atomic<int> begun = 0;
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < 4; ++i)
    threads.emplace_back([&, i] {
      const auto home = homes.place("s");
      if (homes.begin("s", (home + i) % 2) == Begun::yes) ++begun;
    });
  for (auto& thread : threads) thread.join();
  CHECK(begun == 1);
}
