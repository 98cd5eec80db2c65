#include "gateway/shard_choice.hpp"

#include <algorithm>

namespace gateway {
namespace {

// What 2 Mbit/s and a viewer or two cost on an ordinary core, rounded up.
constexpr double stream_share = 1.0 / 500;

}  // namespace

double fullness(const ShardLoad& load) {
  return std::max(load.busy, static_cast<double>(load.streams) * stream_share);
}

std::size_t choose_shard(std::span<const ShardLoad> shards, double full) {
  const auto has_room = [full](const ShardLoad& load) { return fullness(load) < full; };
  auto chosen = std::ranges::find_if(shards, has_room);
  if (chosen == shards.end()) chosen = std::ranges::min_element(shards, {}, fullness);
  return static_cast<std::size_t>(chosen - shards.begin());
}

std::size_t deal_out(std::span<const ShardLoad> shards) {
  const auto fewest =
      std::ranges::min_element(shards.rbegin(), shards.rend(), {}, &ShardLoad::streams);
  return static_cast<std::size_t>(shards.rend() - fewest) - 1;
}

}  // namespace gateway
