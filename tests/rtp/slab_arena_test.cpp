#include "rtp/slab_arena.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <random>
#include <set>
#include <thread>
#include <vector>

#include "rtp/slab.hpp"

namespace rtp {

TEST_CASE("slab arena: blocks lie apart, aligned, and the last one freed is taken first") {
  SlabArena arena;
  std::vector<void*> blocks;
  for (std::size_t i = 0; i < 2 * SlabArena::blocks_per_region + 1; ++i)
    blocks.push_back(arena.take());
  CHECK(arena.regions() == 3);
  auto sorted = blocks;
  std::ranges::sort(sorted);
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    CHECK(reinterpret_cast<std::uintptr_t>(sorted[i]) % 64 == 0);
    std::memset(sorted[i], 0xee, SlabArena::block_bytes);
    if (i > 0)
      CHECK(static_cast<std::byte*>(sorted[i]) - static_cast<std::byte*>(sorted[i - 1]) >=
            static_cast<std::ptrdiff_t>(SlabArena::block_bytes));
  }
  arena.give_back(blocks[5]);
  CHECK(arena.take() == blocks[5]);
  for (auto* block : blocks) arena.give_back(block);
  CHECK(arena.regions() == 1);  // the rest went back to the system
}

TEST_CASE("slab arena: taken and given back at random, nobody gets another's block") {
  SlabArena arena;
  std::mt19937 random(7);
  std::vector<void*> held;
  std::set<void*> out;
  std::size_t most = 0;
  for (int i = 0; i < 20000; ++i) {
    const bool grow = i % 4000 < 2000;
    if (held.empty() || random() % 10 < (grow ? 6u : 4u)) {
      held.push_back(arena.take());
      REQUIRE(out.insert(held.back()).second);
    } else {
      std::swap(held[random() % held.size()], held.back());
      out.erase(held.back());
      arena.give_back(held.back());
      held.pop_back();
    }
    most = std::max(most, arena.regions());
    REQUIRE(arena.regions() * SlabArena::blocks_per_region >= held.size());
  }
  CHECK(most > 3);
  for (auto* block : held) arena.give_back(block);
  CHECK(arena.regions() == 1);
}

TEST_CASE("slabs are freed on any thread") {
  std::vector<SlabRef> slabs;
  for (int i = 0; i < 200; ++i) slabs.push_back(SlabRef::allocate(64 * 1024));
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < 4; ++t)
    threads.emplace_back([&slabs, t] {
      for (std::size_t i = t; i < slabs.size(); i += 4) {
        slabs[i]->data()[0] = 1;
        slabs[i] = SlabRef::allocate(64 * 1024);
        slabs[i] = {};
      }
    });
  for (auto& thread : threads) thread.join();
  CHECK(std::ranges::none_of(slabs, [](const SlabRef& slab) { return bool(slab); }));
}

}  // namespace rtp
