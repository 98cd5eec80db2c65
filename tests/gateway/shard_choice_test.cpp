#include "gateway/shard_choice.hpp"

#include <doctest/doctest.h>

#include <vector>

using namespace gateway;

TEST_CASE("where a new stream lives") {
  struct Case {
    const char* name;
    std::vector<ShardLoad> shards;
    std::size_t chosen;
  };
  const Case cases[] = {
      {"one shard has no choice", {{1.0, 900}}, 0},
      {"all idle: the first", {{0, 0}, {0, 0}, {0, 0}}, 0},
      {"few streams stay together", {{0.3, 40}, {0, 0}}, 0},
      {"the first is half busy: the next", {{0.5, 40}, {0, 0}, {0, 0}}, 1},
      {"back to the first when it has room again", {{0.45, 40}, {0.6, 40}, {0, 0}}, 0},
      {"a burst counts before it costs", {{0.0, 250}, {0, 0}}, 1},
      {"few, but heavy ones", {{0.8, 3}, {0.1, 90}}, 1},
      {"none has room: the emptiest", {{0.9, 100}, {0.7, 100}, {0.8, 100}}, 1},
      {"none has room: the one with fewer streams", {{0.5, 400}, {0.5, 300}, {0.5, 390}}, 1},
      {"alike and full: the first", {{0.8, 100}, {0.8, 100}}, 0},
      {"full by streams or by work", {{0.5, 500}, {0.95, 10}}, 1},
  };
  for (const auto& c : cases) {
    CAPTURE(c.name);
    CHECK(choose_shard(c.shards, 0.5) == c.chosen);
  }
}

TEST_CASE("streams that begin at the same moment are spread evenly once all shards are half full") {
  std::vector<ShardLoad> shards(4);
  for (int i = 0; i < 3000; ++i) ++shards[choose_shard(shards, 0.5)].streams;
  for (const auto& shard : shards) CHECK(shard.streams == 750);
}

TEST_CASE("dealt out by number alone, however busy the shards are") {
  std::vector<ShardLoad> shards{{0.3, 0}, {0, 0}, {0.9, 0}};
  CHECK(deal_out(shards) == 2);
  for (int i = 0; i < 9; ++i) ++shards[deal_out(shards)].streams;
  for (const auto& shard : shards) CHECK(shard.streams == 3);
}
