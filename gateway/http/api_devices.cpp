// Devices and their channels.
#include "gateway/http/json.hpp"
#include "gateway/http/routes.hpp"

namespace gateway::http {
namespace {

json::object to_json(const Device& device) {
  return {{"id", text(device.id)},
          {"name", text(device.name)},
          {"manufacturer", text(device.manufacturer)},
          {"model", text(device.model)},
          {"firmware", text(device.firmware)},
          {"online", device.online},
          {"offline_reason", text(device.offline_reason)},
          {"transport", text(device.transport)},
          {"remote_address", text(device.remote_address)},
          {"gb_version", text(device.gb_version)},
          {"registered_until", time_or_null(device.registered_until)},
          {"last_seen", time_or_null(device.last_seen)},
          {"keepalive_interval_s", device.keepalive_interval.count()},
          {"channels", device.channels}};
}

json::object to_json(const Channel& channel, const Request& request) {
  return {{"id", text(channel.id)},
          {"name", text(channel.name)},
          {"manufacturer", text(channel.manufacturer)},
          {"model", text(channel.model)},
          {"address", text(channel.address)},
          {"parent_id", text(channel.parent_id)},
          {"civil_code", text(channel.civil_code)},
          {"online", channel.online},
          {"ptz_type", channel.ptz_type},
          {"longitude_deg", number_or_null(channel.longitude_deg)},
          {"latitude_deg", number_or_null(channel.latitude_deg)},
          {"rtsp", url(channel.rtsp, request)}};
}

Response accepted() {
  Response response = no_content();
  response.status = 202;
  return response;
}

}  // namespace

Awaitable<Response> get_devices(Context& context, const Request& request) {
  auto paging = read_paging(request);
  if (!paging) co_return refuse(paging.error());
  auto online = read_flag(request, "online");
  if (!online) co_return refuse(online.error());
  DeviceFilter filter;
  filter.text = read_text(request, "text");
  filter.online = *online;
  auto asked = context.backend.list_devices(filter, *paging);
  const Page<Device> page = co_await std::move(asked);
  auto one = [](const Device& device) { return to_json(device); };
  co_return page_response(page, *paging, one);
}

Awaitable<Response> get_device(Context& context, const Request& request) {
  auto asked = context.backend.device(request.parameter("device"));
  const Reply<Device> device = co_await std::move(asked);
  if (!device) co_return refuse(device.error());
  co_return json_response(to_json(*device));
}

Awaitable<Response> get_channels(Context& context, const Request& request) {
  auto paging = read_paging(request);
  if (!paging) co_return refuse(paging.error());
  auto online = read_flag(request, "online");
  if (!online) co_return refuse(online.error());
  ChannelFilter filter;
  filter.text = read_text(request, "text");
  filter.parent_id = read_text(request, "parent");
  filter.online = *online;
  auto asked = context.backend.list_channels(request.parameter("device"), filter, *paging);
  const Reply<Page<Channel>> page = co_await std::move(asked);
  if (!page) co_return refuse(page.error());
  auto one = [&request](const Channel& channel) { return to_json(channel, request); };
  co_return page_response(*page, *paging, one);
}

Awaitable<Response> post_catalog(Context& context, const Request& request) {
  auto asked = context.backend.refresh_catalog(request.parameter("device"));
  const Reply<void> done = co_await std::move(asked);
  co_return done ? accepted() : refuse(done.error());
}

Awaitable<Response> post_key_frame(Context& context, const Request& request) {
  auto asked =
      context.backend.request_key_frame(request.parameter("device"), request.parameter("channel"));
  const Reply<void> done = co_await std::move(asked);
  co_return done ? accepted() : refuse(done.error());
}

}  // namespace gateway::http
