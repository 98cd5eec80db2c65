// Who is who: the ids of all devices and channels, counted up from the first of each. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "tools/gbcam/options.hpp"

namespace gbcam {

class Roster {
 public:
  struct Place {
    std::uint32_t device = 0, channel = 0;
  };

  // Throws std::runtime_error when the ids run out of serial numbers (six digits).
  explicit Roster(const FleetOptions& options);

  std::uint32_t devices() const { return devices_; }
  std::uint32_t channels() const { return channels_; }  // of each device
  std::string device_id(std::uint32_t device) const;
  std::string channel_id(Place place) const;
  std::optional<std::uint32_t> find_device(std::string_view id) const;
  // A device's own id stands for its first channel, as many cameras have it.
  std::optional<Place> find_channel(std::string_view id) const;

 private:
  std::uint32_t devices_, channels_;
  std::string device_prefix_, channel_prefix_;  // 14 digits
  std::uint64_t first_device_, first_channel_;  // 6 digits
};

}  // namespace gbcam
