#include "gateway/cameras.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace gateway {

ResolvedPath Cameras::resolve(const std::string& path) const {
  const auto slash = path.find('/');
  if (slash == std::string::npos) return resolve_channel(path);
  const auto channel = path.substr(slash + 1);
  if (channel.find('/') != std::string::npos) {
    ResolvedPath none;
    none.status = 404;
    none.reason = fmt::format("{:?} is no <device>/<channel>", path);
    return none;
  }
  return resolve(path.substr(0, slash), channel);
}

ResolvedPath Cameras::resolve_channel(const std::string& channel_id) const {
  auto devices = registry_.with_channel(channel_id);
  // A recorder that was replaced by another is still known, and off line.
  const auto offline = [](const Device* device) { return !device->session.online(); };
  if (!std::all_of(devices.begin(), devices.end(), offline)) std::erase_if(devices, offline);
  if (devices.size() == 1) return resolve(devices.front()->id(), channel_id);
  ResolvedPath none;
  none.status = 404;
  none.reason =
      devices.empty()
          ? fmt::format("no device has a channel {}, and no stream has that name", channel_id)
          : fmt::format("{} devices have a channel {}: open <device>/{}", devices.size(),
                        channel_id, channel_id);
  return none;
}

ResolvedPath Cameras::resolve(const std::string& device_id, const std::string& channel_id) const {
  ResolvedPath resolved;
  resolved.name = device_id + "/" + channel_id;
  auto* device = registry_.find(device_id);
  if (!device) {
    resolved.status = 404;
    resolved.reason = fmt::format("device {} has never registered", device_id);
  } else if (device->catalog_complete && device->channels.size() > 0 && channel_id != device_id &&
             !device->channels.find(channel_id)) {
    resolved.status = 404;
    resolved.reason = fmt::format("device {} has no channel {}: its catalog lists {}", device_id,
                                  channel_id, device->channels.size());
  } else if (!device->session.online()) {
    resolved.status = 503;
    resolved.reason = fmt::format("device {} is off line: {}", device_id, device->offline_reason);
  } else {
    resolved.target = target(*device, channel_id);
  }
  return resolved;
}

CameraTarget Cameras::target(Device& device, const std::string& channel_id) const {
  CameraTarget target;
  target.device = &device;
  target.device_id = device.id();
  target.channel_id = channel_id;
  target.host = sip::to_string(device.flow.remote.ip);
  target.flow = describe(device.flow);
  target.media_host = !config_.media.advertised_address.empty() ? config_.media.advertised_address
                      : !config_.sip.advertised_address.empty()
                          ? config_.sip.advertised_address
                          : sip::to_string(signalling_.address_towards(device));
  target.key_memory = device.key_memory;
  return target;
}

}  // namespace gateway
