#include "gateway/stream_homes.hpp"

namespace gateway {
namespace {

using namespace std::chrono_literals;

// A connection that was sent there has come by then.
constexpr auto reservation = 10s;

}  // namespace

StreamHomes::StreamHomes(const std::vector<std::unique_ptr<Shard>>& shards, std::size_t capacity,
                         double full)
    : shards_(shards), capacity_(capacity), full_(full), streams_(shards.size()) {}

std::optional<unsigned> StreamHomes::find(const std::string& name) const {
  const std::lock_guard lock(mutex_);
  const auto found = homes_.find(name);
  if (found == homes_.end() || !found->second.runs) return {};
  return found->second.shard;
}

bool StreamHomes::is_stale(const Home& home, sip::TimePoint now) const {
  return !home.runs && now - home.placed_at > reservation;
}

void StreamHomes::drop_stale(sip::TimePoint now) {
  for (auto it = homes_.begin(); it != homes_.end();) {
    if (is_stale(it->second, now)) {
      --streams_[it->second.shard];
      it = homes_.erase(it);
    } else {
      ++it;
    }
  }
}

unsigned StreamHomes::choose() const {
  std::vector<ShardLoad> loads;
  for (const auto& shard : shards_) loads.push_back({shard->busy(), streams_[shard->index()]});
  return static_cast<unsigned>(full_ > 0 ? choose_shard(loads, full_) : deal_out(loads));
}

unsigned StreamHomes::place(const std::string& name, std::optional<unsigned> only) {
  const std::lock_guard lock(mutex_);
  const auto now = sip::Clock::now();
  const auto found = homes_.find(name);
  if (found != homes_.end()) {
    const auto& home = found->second;
    const bool fits = !only || home.shard == *only;
    if (home.runs || (fits && !is_stale(home, now))) return home.shard;
    --streams_[home.shard];
    homes_.erase(found);
  }
  drop_stale(now);
  const auto shard = only ? *only : choose();
  homes_[name] = {shard, false, now};
  ++streams_[shard];
  return shard;
}

StreamHomes::Begun StreamHomes::begin(const std::string& name, unsigned shard) {
  const std::lock_guard lock(mutex_);
  const auto found = homes_.find(name);
  if (found != homes_.end() && found->second.runs) return Begun::elsewhere;
  if (running_ >= capacity_) return Begun::full;
  if (found != homes_.end()) --streams_[found->second.shard];
  homes_[name] = {shard, true, {}};
  ++streams_[shard];
  ++running_;
  return Begun::yes;
}

void StreamHomes::end(const std::string& name) {
  const std::lock_guard lock(mutex_);
  const auto found = homes_.find(name);
  if (found == homes_.end() || !found->second.runs) return;
  --streams_[found->second.shard];
  --running_;
  homes_.erase(found);
}

std::size_t StreamHomes::streams(unsigned shard) const {
  const std::lock_guard lock(mutex_);
  return streams_[shard];
}

std::vector<std::pair<std::string, unsigned>> StreamHomes::all() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::pair<std::string, unsigned>> all;
  for (const auto& [name, home] : homes_)
    if (home.runs) all.emplace_back(name, home.shard);
  return all;
}

}  // namespace gateway
