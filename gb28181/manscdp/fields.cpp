#include "gb28181/manscdp/fields.hpp"

#include <charconv>
#include <cmath>

namespace gb28181::manscdp {
namespace {

std::string_view trim(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

}  // namespace

std::span<const Field<CatalogQuery>> catalog_query_fields() {
  static const Field<CatalogQuery> fields[] = {
      {"StartTime", &CatalogQuery::start_time},
      {"EndTime", &CatalogQuery::end_time},
  };
  return fields;
}

std::span<const Field<DeviceInfo>> device_info_fields() {
  static const Field<DeviceInfo> fields[] = {
      {"DeviceName", &DeviceInfo::device_name},
      {"Result", &DeviceInfo::ok},
      {"DeviceType", &DeviceInfo::device_type},
      {"Manufacturer", &DeviceInfo::manufacturer},
      {"Model", &DeviceInfo::model},
      {"Firmware", &DeviceInfo::firmware},
      {"MaxCamera", &DeviceInfo::max_camera},
      {"MaxAlarm", &DeviceInfo::max_alarm},
      {"Channel", &DeviceInfo::channel},
  };
  return fields;
}

std::span<const Field<CatalogItem>> catalog_item_fields() {
  static const Field<CatalogItem> fields[] = {
      {"Name", &CatalogItem::name},
      {"Manufacturer", &CatalogItem::manufacturer},
      {"Model", &CatalogItem::model},
      {"Owner", &CatalogItem::owner},
      {"CivilCode", &CatalogItem::civil_code},
      {"Block", &CatalogItem::block},
      {"Address", &CatalogItem::address},
      {"Parental", &CatalogItem::parental},
      {"ParentID", &CatalogItem::parent_id},
      {"SafetyWay", &CatalogItem::safety_way},
      {"RegisterWay", &CatalogItem::register_way},
      {"SecurityLevelCode", &CatalogItem::security_level_code},
      {"Secrecy", &CatalogItem::secrecy},
      {"IPAddress", &CatalogItem::ip_address},
      {"Port", &CatalogItem::port},
  };
  return fields;
}

std::span<const Field<CatalogItem>> catalog_item_tail_fields() {
  static const Field<CatalogItem> fields[] = {
      {"Longitude", &CatalogItem::longitude},
      {"Latitude", &CatalogItem::latitude},
  };
  return fields;
}

std::span<const Field<CatalogItem>> catalog_info_fields() {
  static const Field<CatalogItem> fields[] = {
      {"PTZType", &CatalogItem::ptz_type},
      {"Resolution", &CatalogItem::resolution},
      {"StreamNumberList", &CatalogItem::stream_number_list},
      {"DownloadSpeed", &CatalogItem::download_speed},
  };
  return fields;
}

std::span<const Field<MediaStatus>> media_status_fields() {
  static const Field<MediaStatus> fields[] = {{"NotifyType", &MediaStatus::notify_type}};
  return fields;
}

std::span<const Field<Alarm>> alarm_fields() {
  static const Field<Alarm> fields[] = {
      {"AlarmPriority", &Alarm::priority}, {"AlarmMethod", &Alarm::method},
      {"AlarmTime", &Alarm::time},         {"AlarmDescription", &Alarm::description},
      {"Longitude", &Alarm::longitude},    {"Latitude", &Alarm::latitude},
  };
  return fields;
}

std::string_view meaning(std::string_view text) {
  text = trim(text);
  return xml::equal_names(text, "null") ? std::string_view{} : text;
}

std::optional<int> parse_int(std::string_view text) {
  text = trim(text);
  if (text.starts_with('+')) text.remove_prefix(1);
  int value = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (fault != std::errc{}) return std::nullopt;
  const std::string_view rest(end, static_cast<std::size_t>(text.data() + text.size() - end));
  if (!rest.empty() && !rest.starts_with('.')) return std::nullopt;
  return value;
}

std::optional<double> parse_double(std::string_view text) {
  text = trim(text);
  if (text.starts_with('+')) text.remove_prefix(1);
  double value = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (fault != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  if (!std::isfinite(value)) return std::nullopt;
  return value;
}

bool parse_ok(std::string_view text) {
  return !xml::equal_names(trim(text), "ERROR");
}

std::string print_double(double value) {
  // Fixed: readers of XML schema "double" exist that know no exponent. 17 places keep every bit of
  // a coordinate.
  char buffer[400];
  const auto [end, fault] =
      std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::fixed);
  return fault == std::errc{} ? std::string(buffer, end) : std::string("0");
}

}  // namespace gb28181::manscdp
