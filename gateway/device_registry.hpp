// All devices that ever registered, found by id, by channel and by connection; kept in the store,
// so that a restart forgets nothing. One thread.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "gateway/config.hpp"
#include "gateway/device.hpp"
#include "gateway/device_index.hpp"
#include "gateway/device_store.hpp"

namespace gateway {

class DeviceRegistry {
 public:
  using OnDeadline = std::function<void(Device&, sip::TimePoint)>;

  // `store` may be null: nothing is kept then.
  DeviceRegistry(AlarmClock& clock, const SipConfig& config, DeviceStore* store);

  // Who performs what a device's session wants when its time has come. Set before anything else.
  void set_on_deadline(OnDeadline on_deadline) { on_deadline_ = std::move(on_deadline); }
  // Devices and channels as the store knows them; sessions are restored by Signalling.
  void load(const DeviceStore::Content& content);

  Device* find(std::string_view device_id);
  // Null when the limit of devices is reached.
  Device* find_or_add(std::string_view device_id);
  // The devices that have this channel in their catalog; a device is its own channel when it has
  // sent no catalog.
  std::vector<Device*> with_channel(std::string_view channel_id);

  void set_flow(Device& device, const sip::Flow& flow);
  // The devices whose last request came by this connection.
  std::vector<Device*> on_connection(sip::ConnectionId connection) const;

  void set_channels(Device& device, std::vector<gb28181::manscdp::CatalogItem> items,
                    bool complete);
  void apply(Device& device, const std::vector<gb28181::manscdp::CatalogItem>& events);

  void save(const Device& device);
  // Only now and then (seen_saved_every in device_rows.hpp): a keepalive costs no write of its own.
  void save_seen(Device& device);
  // Calls that are up, so that a restart can end what a crash left behind.
  void save_call(const CallRow& call);
  void forget_call(const std::string& call_id);

  // In order of their ids.
  std::vector<Device*> sorted();
  std::size_t size() const { return devices_.size(); }
  std::size_t online_count() const;

 private:
  gb28181::DeviceConfig session_config() const;
  void unlink_channels(const Device& device);
  void link_channels(Device& device);
  void save_channels(const Device& device);

  AlarmClock& clock_;
  const SipConfig& config_;
  DeviceStore* store_;
  OnDeadline on_deadline_;
  std::vector<std::unique_ptr<Device>> devices_;
  DeviceIndex by_id_;
  std::unordered_multimap<std::string, Device*> by_channel_;
  std::unordered_multimap<std::uint64_t, Device*> by_connection_;
};

}  // namespace gateway
