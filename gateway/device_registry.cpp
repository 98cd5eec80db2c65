#include "gateway/device_registry.hpp"

#include <algorithm>
#include <random>

#include "gateway/device_rows.hpp"

namespace gateway {
namespace {

// Devices that all register at once (after a power cut) are not all asked at once.
std::chrono::seconds spread(std::size_t devices) {
  thread_local std::minstd_rand random{std::random_device{}()};
  const auto widest_s = std::min<std::size_t>(devices / 100, 30);
  return std::chrono::seconds(1 + random() % (widest_s + 1));
}

// SNs must grow over a restart; a device sends no thousand queries a second.
std::uint64_t first_sn() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::seconds>(now).count() %
                                    1'000'000'000);
}

}  // namespace

DeviceRegistry::DeviceRegistry(AlarmClock& clock, const SipConfig& config, DeviceStore* store)
    : clock_(clock), config_(config), store_(store) {}

gb28181::DeviceConfig DeviceRegistry::session_config() const {
  gb28181::DeviceConfig config;
  config.keepalive_interval = config_.keepalive_interval;
  config.keepalive_misses = config_.keepalive_misses;
  config.query_delay = spread(devices_.size());
  config.catalog.items = config_.max_channels_per_device;
  return config;
}

void DeviceRegistry::load(const DeviceStore::Content& content) {
  for (const auto& row : content.devices) {
    if (auto* device = find_or_add(row.id)) read_row(row, *device);
  }
  std::unordered_map<Device*, std::vector<gb28181::manscdp::CatalogItem>> catalogs;
  for (const auto& row : content.channels) {
    if (auto* device = find(row.device_id)) catalogs[device].push_back(to_item(row));
  }
  for (auto& [device, items] : catalogs) {
    // Whether it was complete is not known: a channel that is not in it is the device's to refuse.
    device->channels = gb28181::ChannelList(std::move(items));
    link_channels(*device);
  }
}

Device* DeviceRegistry::find(std::string_view device_id) {
  return by_id_.find(device_id);
}

Device* DeviceRegistry::find_or_add(std::string_view device_id) {
  if (auto* known = find(device_id)) return known;
  if (devices_.size() >= config_.max_devices) return nullptr;
  auto device =
      std::make_unique<Device>(clock_, std::string(device_id), session_config(), first_sn(),
                               [this](Device& due, sip::TimePoint now) { on_deadline_(due, now); });
  by_id_.add(*device);
  return devices_.emplace_back(std::move(device)).get();
}

std::vector<Device*> DeviceRegistry::with_channel(std::string_view channel_id) {
  std::vector<Device*> found;
  const auto range = by_channel_.equal_range(std::string(channel_id));
  for (auto it = range.first; it != range.second; ++it) found.push_back(it->second);
  auto* same = find(channel_id);
  if (same && same->channels.size() == 0) found.push_back(same);
  return found;
}

void DeviceRegistry::set_flow(Device& device, const sip::Flow& flow) {
  const auto old = static_cast<std::uint64_t>(device.flow.connection);
  const auto now = static_cast<std::uint64_t>(flow.connection);
  if (old != now) {
    const auto range = by_connection_.equal_range(old);
    const auto link = std::find_if(range.first, range.second,
                                   [&](const auto& entry) { return entry.second == &device; });
    if (link != range.second) by_connection_.erase(link);
    if (now != 0) by_connection_.emplace(now, &device);
  }
  device.flow = flow;
}

std::vector<Device*> DeviceRegistry::on_connection(sip::ConnectionId connection) const {
  std::vector<Device*> found;
  const auto range = by_connection_.equal_range(static_cast<std::uint64_t>(connection));
  for (auto it = range.first; it != range.second; ++it) found.push_back(it->second);
  return found;
}

void DeviceRegistry::set_channels(Device& device, std::vector<gb28181::manscdp::CatalogItem> items,
                                  bool complete) {
  unlink_channels(device);
  device.channels = gb28181::ChannelList(std::move(items));
  device.catalog_complete = complete;
  link_channels(device);
  save_channels(device);
}

void DeviceRegistry::apply(Device& device,
                           const std::vector<gb28181::manscdp::CatalogItem>& events) {
  unlink_channels(device);
  bool changed = false;
  for (const auto& event : events) changed |= device.channels.apply(event);
  link_channels(device);
  if (changed) save_channels(device);
}

void DeviceRegistry::unlink_channels(const Device& device) {
  for (const auto& item : device.channels.items()) {
    const auto range = by_channel_.equal_range(item.device_id);
    const auto link = std::find_if(range.first, range.second,
                                   [&](const auto& entry) { return entry.second == &device; });
    if (link != range.second) by_channel_.erase(link);
  }
}

void DeviceRegistry::link_channels(Device& device) {
  for (const auto& item : device.channels.items()) by_channel_.emplace(item.device_id, &device);
}

void DeviceRegistry::save(const Device& device) {
  if (store_) store_->put_device(to_row(device, config_));
}

void DeviceRegistry::save_seen(Device& device) {
  if (device.last_seen - device.seen_saved < seen_saved_every) return;
  device.seen_saved = device.last_seen;
  if (store_) store_->touch_device(device.id(), device.last_seen);
}

void DeviceRegistry::save_call(const CallRow& call) {
  if (store_) store_->put_call(call);
}

void DeviceRegistry::forget_call(const std::string& call_id) {
  if (store_) store_->remove_call(call_id);
}

void DeviceRegistry::save_channels(const Device& device) {
  if (!store_) return;
  std::vector<ChannelRow> rows;
  rows.reserve(device.channels.size());
  for (const auto& item : device.channels.items()) rows.push_back(to_row(device.id(), item));
  store_->replace_channels(device.id(), std::move(rows));
}

std::vector<Device*> DeviceRegistry::sorted() {
  std::vector<Device*> all;
  all.reserve(devices_.size());
  for (const auto& device : devices_) all.push_back(device.get());
  std::sort(all.begin(), all.end(),
            [](const Device* a, const Device* b) { return a->id() < b->id(); });
  return all;
}

std::size_t DeviceRegistry::online_count() const {
  return static_cast<std::size_t>(
      std::count_if(devices_.begin(), devices_.end(),
                    [](const auto& device) { return device->session.online(); }));
}

}  // namespace gateway
