#include "gateway/device_rows.hpp"

#include <algorithm>

namespace gateway {

using namespace std::chrono_literals;

WallTime wall_now() {
  return std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now());
}

DeviceRow to_row(const Device& device, const SipConfig& config) {
  DeviceRow row;
  row.id = device.id();
  row.name = device.info.device_name;
  row.manufacturer = device.info.manufacturer;
  row.model = device.info.model;
  row.firmware = device.info.firmware;
  row.transport = device.flow.transport == sip::Transport::udp ? "udp" : "tcp";
  row.remote_address = to_string(device.flow.remote);
  row.contact = device.contact;
  row.gb_version = device.gb_version;
  row.registered_until = device.registered_until;
  row.last_seen = device.last_seen;
  row.keepalive_interval_s = static_cast<std::uint32_t>(config.keepalive_interval.count());
  row.online = device.session.online();
  row.offline_reason = device.offline_reason;
  return row;
}

void read_row(const DeviceRow& row, Device& device) {
  device.info.device_name = row.name;
  device.info.manufacturer = row.manufacturer;
  device.info.model = row.model;
  device.info.firmware = row.firmware;
  device.flow.transport = row.transport == "tcp" ? sip::Transport::tcp : sip::Transport::udp;
  if (const auto remote = sip::Address::parse(row.remote_address)) device.flow.remote = *remote;
  device.contact = row.contact;
  device.gb_version = row.gb_version;
  device.registered_until = row.registered_until;
  device.last_seen = device.seen_saved = row.last_seen;
  device.offline_reason = row.offline_reason;
}

gb28181::Remembered remembered(const Device& device, WallTime wall, sip::TimePoint now) {
  gb28181::Remembered memory;
  memory.registered_until = now + (device.registered_until - wall);
  memory.last_seen = now + std::min(device.last_seen + seen_saved_every - wall, 0ms);
  memory.edition = gb28181::parse_gb_version(device.gb_version);
  memory.flow = describe(device.flow);
  memory.over_connection = sip::is_reliable(device.flow.transport);
  return memory;
}

ChannelRow to_row(const std::string& device_id, const gb28181::manscdp::CatalogItem& item) {
  ChannelRow row;
  row.device_id = device_id;
  row.id = item.device_id;
  row.name = item.name;
  row.manufacturer = item.manufacturer;
  row.model = item.model;
  row.owner = item.owner;
  row.civil_code = item.civil_code;
  row.address = item.address;
  row.parent_id = item.parent_id;
  row.block = item.block;
  row.online = gb28181::is_on(item);
  row.parental = item.parental.value_or(0) != 0;
  row.ptz_type = item.ptz_type.value_or(0);
  row.longitude_deg = item.longitude;
  row.latitude_deg = item.latitude;
  return row;
}

gb28181::manscdp::CatalogItem to_item(const ChannelRow& row) {
  gb28181::manscdp::CatalogItem item;
  item.device_id = row.id;
  item.name = row.name;
  item.manufacturer = row.manufacturer;
  item.model = row.model;
  item.owner = row.owner;
  item.civil_code = row.civil_code;
  item.address = row.address;
  item.parent_id = row.parent_id;
  item.block = row.block;
  item.status =
      row.online ? gb28181::manscdp::ChannelStatus::on : gb28181::manscdp::ChannelStatus::off;
  item.parental = row.parental ? 1 : 0;
  if (row.ptz_type != 0) item.ptz_type = row.ptz_type;
  item.longitude = row.longitude_deg;
  item.latitude = row.latitude_deg;
  return item;
}

}  // namespace gateway
