// On which shard a new stream shall live. Pure.
#pragma once

#include <cstddef>
#include <span>

namespace gateway {

struct ShardLoad {
  double busy = 0;          // share of the last second
  std::size_t streams = 0;  // that live there, or are about to
};

// How full a shard is, 1 being all of it. Streams that have only just begun do not show in `busy`
// yet, and so each counts for something by itself.
double fullness(const ShardLoad& load);

// The first shard that is less full than `full`: few streams stay together, where they share
// batches and caches; else the emptiest, the first of several. `shards` must not be empty.
std::size_t choose_shard(std::span<const ShardLoad> shards, double full);

// The one with the fewest streams, the last of several: the first shard has other work, too.
std::size_t deal_out(std::span<const ShardLoad> shards);

}  // namespace gateway
