// Which shard each stream lives on. Thread-safe: all shards ask it when somebody opens, starts or
// ends a stream, never for a packet.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gateway/shard.hpp"
#include "gateway/shard_choice.hpp"

namespace gateway {

class StreamHomes {
 public:
  // At most `capacity` streams run; `full`: see choose_shard(); 0:
  // they are dealt out. The shards outlive it.
  StreamHomes(const std::vector<std::unique_ptr<Shard>>& shards, std::size_t capacity,
              double full = 0.5);

  // Where a stream runs.
  std::optional<unsigned> find(const std::string& name) const;
  // Where it runs, or else where it should be started, be it `only` there; whoever asks within the
  // next seconds is told the same.
  unsigned place(const std::string& name, std::optional<unsigned> only = {});

  enum class Begun { yes, full, elsewhere };
  // It runs on `shard` from now on, until end().
  Begun begin(const std::string& name, unsigned shard);
  void end(const std::string& name);

  std::size_t streams(unsigned shard) const;
  std::vector<std::pair<std::string, unsigned>> all() const;  // those that run, by name

 private:
  struct Home {
    unsigned shard = 0;
    bool runs = false;
    sip::TimePoint placed_at{};
  };
  bool is_stale(const Home& home, sip::TimePoint now) const;
  void drop_stale(sip::TimePoint now);
  unsigned choose() const;

  const std::vector<std::unique_ptr<Shard>>& shards_;
  const std::size_t capacity_;
  const double full_;
  mutable std::mutex mutex_;
  std::map<std::string, Home> homes_;
  std::vector<std::size_t> streams_;  // by shard, with those that are about to begin
  std::size_t running_ = 0;
};

}  // namespace gateway
