// Cameras as media sees them: which one a path means, and what has to be known to call it. Lives on
// the first shard, with the registry and the signalling; what it tells are values.
#pragma once

#include <optional>
#include <string>

#include "gateway/device_registry.hpp"
#include "gateway/shard.hpp"
#include "gateway/signalling.hpp"

namespace gateway {

struct CameraTarget {
  Device* device = nullptr;  // for the first shard only; never deleted
  std::string device_id, channel_id;
  std::string host;        // where its requests come from, and most likely its media
  std::string flow;        // the same for people
  std::string media_host;  // ours, as it sees us
  KeyMemory key_memory;
};

struct ResolvedPath {
  std::string name;  // of the stream; may be empty when there is none
  std::optional<CameraTarget> target;
  int status = 200;  // without target: why
  std::string reason;
};

class Cameras {
 public:
  // The references must outlive it.
  Cameras(Shard& shard, const Config& config, DeviceRegistry& registry, Signalling& signalling)
      : shard_(shard), config_(config), registry_(registry), signalling_(signalling) {}

  // The shard that everything below is to be called on.
  Shard& shard() { return shard_; }

  // `path`: "<device>/<channel>", or "<channel>" where one device alone has it.
  ResolvedPath resolve(const std::string& path) const;
  ResolvedPath resolve(const std::string& device_id, const std::string& channel_id) const;
  Signalling& signalling() { return signalling_; }

 private:
  ResolvedPath resolve_channel(const std::string& channel_id) const;
  CameraTarget target(Device& device, const std::string& channel_id) const;

  Shard& shard_;
  const Config& config_;
  DeviceRegistry& registry_;
  Signalling& signalling_;
};

}  // namespace gateway
