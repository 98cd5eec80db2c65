// A device as the gateway holds it: its session, where it is, what it has told of itself.
#pragma once

#include <chrono>
#include <string>

#include "gateway/alarm_clock.hpp"
#include "gateway/device_store.hpp"
#include "gateway/key_requests.hpp"
#include "gb28181/catalog.hpp"
#include "gb28181/device_session.hpp"
#include "sip/address.hpp"

namespace gateway {

struct Device {
  Device(AlarmClock& clock, std::string device_id, const gb28181::DeviceConfig& config,
         std::uint64_t first_sn, std::function<void(Device&, sip::TimePoint)> on_deadline)
      : session(std::move(device_id), config, first_sn),
        alarm(clock,
              [this, ring = std::move(on_deadline)](sip::TimePoint now) { ring(*this, now); }) {}

  const std::string& id() const { return session.device_id(); }

  gb28181::DeviceSession session;
  Alarm alarm;
  sip::Flow flow;          // where its last request came from, and where ours go
  std::string contact;     // as registered; never dialled
  std::string gb_version;  // X-GB-Ver as it came; empty when it did not
  gb28181::manscdp::DeviceInfo info;
  gb28181::ChannelList channels;
  bool catalog_complete = false;
  std::string offline_reason = "never registered";
  WallTime registered_until{}, last_seen{};
  WallTime seen_saved{};  // the last_seen that the store has
  KeyMemory key_memory;   // whether it sends key frames when asked
};

}  // namespace gateway
