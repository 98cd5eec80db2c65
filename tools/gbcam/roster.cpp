#include "tools/gbcam/roster.hpp"

#include <fmt/format.h>

#include <charconv>
#include <stdexcept>

namespace gbcam {
namespace {

constexpr std::size_t id_size = 20, prefix_size = 14;
constexpr std::uint64_t serials = 1'000'000;

std::optional<std::uint64_t> serial(std::string_view id) {
  if (id.size() != id_size) return {};
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(id.data() + prefix_size, id.data() + id_size, value);
  if (error != std::errc() || end != id.data() + id_size) return {};
  return value;
}

std::optional<std::uint64_t> place_in(std::string_view id, std::string_view prefix,
                                      std::uint64_t first, std::uint64_t count) {
  const auto number = serial(id);
  if (!number || id.substr(0, prefix_size) != prefix) return {};
  if (*number < first || *number - first >= count) return {};
  return *number - first;
}

}  // namespace

Roster::Roster(const FleetOptions& options)
    : devices_(options.devices),
      channels_(options.channels),
      device_prefix_(options.first_device_id.substr(0, prefix_size)),
      channel_prefix_(options.first_channel_id.substr(0, prefix_size)),
      first_device_(serial(options.first_device_id).value_or(0)),
      first_channel_(serial(options.first_channel_id).value_or(0)) {
  if (first_device_ + devices_ > serials) throw std::runtime_error("device ids run out of serials");
  if (first_channel_ + std::uint64_t{devices_} * channels_ > serials)
    throw std::runtime_error("channel ids run out of serials");
}

std::string Roster::device_id(std::uint32_t device) const {
  return fmt::format("{}{:06}", device_prefix_, first_device_ + device);
}

std::string Roster::channel_id(Place place) const {
  const std::uint64_t number = std::uint64_t{place.device} * channels_ + place.channel;
  return fmt::format("{}{:06}", channel_prefix_, first_channel_ + number);
}

std::optional<std::uint32_t> Roster::find_device(std::string_view id) const {
  const auto place = place_in(id, device_prefix_, first_device_, devices_);
  if (!place) return {};
  return static_cast<std::uint32_t>(*place);
}

std::optional<Roster::Place> Roster::find_channel(std::string_view id) const {
  const std::uint64_t count = std::uint64_t{devices_} * channels_;
  if (const auto place = place_in(id, channel_prefix_, first_channel_, count))
    return Place{static_cast<std::uint32_t>(*place / channels_),
                 static_cast<std::uint32_t>(*place % channels_)};
  if (const auto device = find_device(id)) return Place{*device, 0};
  return {};
}

}  // namespace gbcam
