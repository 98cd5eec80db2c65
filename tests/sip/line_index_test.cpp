#include "sip/line_index.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <set>
#include <vector>

using namespace sip;

namespace {

struct Item {
  std::uint32_t hash = 0;
  bool here = false;
};

// Hashes of which many meet, beside ones that are spread.
std::vector<Item> items(std::size_t count, std::uint32_t mask) {
  std::mt19937 random(7);
  std::vector<Item> all(count);
  for (auto& item : all) item.hash = static_cast<std::uint32_t>(random()) & mask;
  return all;
}

bool finds(const LineIndex<Item>& index, Item& item) {
  return index.find(item.hash, [&](Item* other) { return other == &item; }) == &item;
}

std::uint32_t reversed(std::uint32_t bits) {
  std::uint32_t out = 0;
  for (int i = 0; i < 32; ++i, bits >>= 1) out = out << 1 | (bits & 1);
  return out;
}

// Bucket by bucket, in the order that splitting does not disturb.
std::vector<Item*> walk(const LineIndex<Item>& index) {
  std::vector<Item*> seen;
  for (std::uint64_t at = 0; at <= 0xffffffff;) {
    const auto hash = reversed(static_cast<std::uint32_t>(at));
    index.for_each_in_bucket(hash, [&](Item* item) { seen.push_back(item); });
    at = (at | (0xffffffffu >> index.common_bits(hash))) + 1;
  }
  return seen;
}

}  // namespace

TEST_CASE("line index: what is in it is found, whatever comes and goes") {
  struct Case {
    const char* name;
    std::size_t count;
    std::uint32_t mask;
  };
  const Case cases[] = {{"few", 100, 0xffffffff},
                        {"many", 20'000, 0xffffffff},
                        {"in long chains", 3000, 0x0f00003f},
                        {"all in one", 200, 0}};
  for (const auto& c : cases) {
    CAPTURE(c.name);
    LineIndex<Item> index;
    auto all = items(c.count, c.mask);
    std::mt19937 random(11);
    std::size_t wrong = 0, here = 0;
    for (std::size_t step = 0; step < 4 * c.count; ++step) {
      auto& item = all[random() % all.size()];
      wrong += finds(index, item) != item.here;
      if (item.here)
        index.erase(item.hash, &item);
      else
        index.insert(item.hash, &item);
      item.here = !item.here;
    }
    for (auto& item : all) {
      wrong += finds(index, item) != item.here;
      here += item.here;
    }
    CHECK(wrong == 0);
    const auto seen = walk(index);
    CHECK(seen.size() == here);
    CHECK(std::set<Item*>(seen.begin(), seen.end()).size() == here);
    CHECK(std::ranges::all_of(seen, &Item::here));
  }
}

TEST_CASE("line index: an entry that has moved is found where it is now") {
  LineIndex<Item> index;
  auto all = items(1000, 0x3f), moved = all;
  for (auto& item : all) index.insert(item.hash, &item);
  for (std::size_t i = 0; i < all.size(); i += 2) index.replace(all[i].hash, &all[i], &moved[i]);
  std::size_t found = 0;
  for (std::size_t i = 0; i < all.size(); ++i)
    found += finds(index, i % 2 == 0 ? moved[i] : all[i]) &&
             !finds(index, i % 2 == 0 ? all[i] : moved[i]);
  CHECK(found == all.size());
}
