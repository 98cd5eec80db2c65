// Between what the gateway holds of a device and the rows of the store.
#pragma once

#include <string>

#include "gateway/config.hpp"
#include "gateway/device.hpp"
#include "gateway/device_store.hpp"

namespace gateway {

// How far last_seen in the store may lag behind.
inline constexpr std::chrono::minutes seen_saved_every{5};

DeviceRow to_row(const Device& device, const SipConfig& config);
// Everything but the session, which is restored from the row's times by remembered().
void read_row(const DeviceRow& row, Device& device);
// The row's wall-clock times on the steady clock; `wall` and `now` are the same instant. A device
// counts as seen for as long after the row as it need not have been written: whether it is still
// there shows within a few keepalives.
gb28181::Remembered remembered(const Device& device, WallTime wall, sip::TimePoint now);

ChannelRow to_row(const std::string& device_id, const gb28181::manscdp::CatalogItem& item);
gb28181::manscdp::CatalogItem to_item(const ChannelRow& row);

WallTime wall_now();

}  // namespace gateway
