// What a device says in MANSCDP: who it is, its catalog in pages, how it is; and the sending of it
// in the charset that was asked for.
#pragma once

#include <cstdint>
#include <vector>

#include "gb28181/manscdp/message.hpp"
#include "tools/gbcam/request_kind.hpp"
#include "tools/gbcam/world.hpp"

namespace gbcam {

// A MESSAGE from the device to the platform.
void send_body(World& world, std::uint32_t device, const gb28181::manscdp::Message& message,
               RequestKind kind);

gb28181::manscdp::DeviceInfo device_info(const World& world, std::uint32_t device);
gb28181::manscdp::DeviceStatus device_status();
// All pages of the device's catalog; an item's names obey CatalogOptions.
std::vector<gb28181::manscdp::CatalogPage> catalog(const World& world, std::uint32_t device);

}  // namespace gbcam
