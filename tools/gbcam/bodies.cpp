#include "tools/gbcam/bodies.hpp"

#include <algorithm>

#include "sip/date.hpp"

namespace gbcam {
namespace {

namespace manscdp = gb28181::manscdp;

// The second name has characters that GBK has and GB 2312 lacks.
constexpr const char* camera_name = "摄像机";
constexpr const char* gbk_camera_name = "滘口镕門摄像机";

// Cameras that declare one charset and write another are common.
void declare(std::string& xml, const std::string& charset) {
  const std::string key = "encoding=\"";
  const auto begin = xml.find(key);
  if (charset.empty() || begin == std::string::npos) return;
  const auto value = begin + key.size();
  xml.replace(value, xml.find('"', value) - value, charset);
}

std::string print(const World& world, const manscdp::Message& message) {
  const CatalogOptions& options = world.options.catalog;
  const gb28181::Edition edition = world.options.sip.edition;
  const auto charset = options.charset.value_or(gb28181::charset_of(edition));
  std::string xml = manscdp::print(message, edition, charset);
  declare(xml, options.declared);
  return xml;
}

manscdp::CatalogItem channel_item(const World& world, Roster::Place place) {
  const CatalogOptions& options = world.options.catalog;
  const std::string device_id = world.roster.device_id(place.device);
  manscdp::CatalogItem item;
  item.device_id = world.roster.channel_id(place);
  item.name = fmt::format("{} {}-{}", options.gbk_names ? gbk_camera_name : camera_name,
                          place.device + 1, place.channel + 1);
  item.manufacturer = "gbgate";
  item.model = "gbcam";
  item.owner = "Owner";
  item.civil_code = device_id.substr(0, 6);
  item.address = "北门";
  item.parental = 0;
  item.parent_id = device_id;
  item.safety_way = 0;
  item.register_way = 1;
  item.secrecy = 0;
  item.status = manscdp::ChannelStatus::on;
  item.longitude = 118.37;
  item.latitude = 31.33;
  item.ptz_type = 3;
  return item;
}

}  // namespace

void send_body(World& world, std::uint32_t device, const manscdp::Message& message,
               RequestKind kind) {
  const std::string& server_id = world.options.sip.server_id;
  sip::RequestSpec spec;
  spec.method = "MESSAGE";
  spec.request_uri = world.uri(server_id);
  spec.from = fmt::format("<{}>", world.uri(world.roster.device_id(device)));
  spec.to = fmt::format("<{}>", world.uri(server_id));
  spec.destination = world.platform;
  spec.content_type = manscdp::content_type;
  spec.body = print(world, message);
  spec.user_data = RequestTag{kind, device}.pack();
  world.driver.run(
      [&](auto& endpoint, auto now, auto& out) { endpoint.send_request(spec, now, out); });
  ++world.journal.counters.messages_sent;
}

manscdp::DeviceInfo device_info(const World& world, std::uint32_t device) {
  manscdp::DeviceInfo info;
  info.device_name = fmt::format("{} {}", camera_name, device + 1);
  info.manufacturer = "gbgate";
  info.model = "gbcam";
  info.firmware = "0.1.0";
  info.channel = static_cast<int>(world.roster.channels());
  return info;
}

manscdp::DeviceStatus device_status() {
  manscdp::DeviceStatus status;
  status.encode = true;
  status.record = false;
  constexpr std::size_t to_the_second = 19;  // XML dateTime without the fraction
  status.device_time = sip::gb28181_date(std::chrono::system_clock::now()).substr(0, to_the_second);
  return status;
}

std::vector<manscdp::CatalogPage> catalog(const World& world, std::uint32_t device) {
  const std::uint32_t channels = world.roster.channels();
  const std::uint32_t page_size = world.options.catalog.page;
  std::vector<manscdp::CatalogPage> pages;
  for (std::uint32_t first = 0; first < channels; first += page_size) {
    manscdp::CatalogPage& page = pages.emplace_back();
    page.sum_num = channels;
    for (std::uint32_t i = first; i < std::min(channels, first + page_size); ++i)
      page.items.push_back(channel_item(world, {device, i}));
  }
  return pages;
}

}  // namespace gbcam
