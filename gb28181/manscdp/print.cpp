#include <array>

#include "gb28181/manscdp/fields.hpp"
#include "gb28181/manscdp/message.hpp"

namespace gb28181::manscdp {
namespace {

std::string_view to_text(ChannelStatus status) {
  return status == ChannelStatus::off ? "OFF" : "ON";
}

std::string_view to_text(CatalogEvent event) {
  static constexpr std::array<std::string_view, 8> names = {"",       "ON",  "OFF", "VLOST",
                                                            "DEFECT", "ADD", "DEL", "UPDATE"};
  return names[static_cast<std::size_t>(event)];
}

void element_if(std::string_view name, std::string_view text, xml::Writer& out) {
  if (!text.empty()) out.element(name, text);
}

void write_others(const CatalogItem& item, bool in_info, xml::Writer& out) {
  for (const auto& other : item.others)
    if (other.in_info == in_info) out.element(other.name, other.text);
}

bool has_info(const CatalogItem& item, bool group_in_info) {
  for (const auto& other : item.others)
    if (other.in_info) return true;
  return item.ptz_type || !item.resolution.empty() || !item.stream_number_list.empty() ||
         !item.download_speed.empty() || (group_in_info && !item.business_group_id.empty());
}

// 2022 moved BusinessGroupID out of Info.
void write_info(const CatalogItem& item, bool group_in_info, xml::Writer& out) {
  if (!has_info(item, group_in_info)) return;
  out.open("Info");
  write_fields(catalog_info_fields(), item, out);
  if (group_in_info) element_if("BusinessGroupID", item.business_group_id, out);
  write_others(item, true, out);
  out.close();
}

void write_item(const CatalogItem& item, Edition edition, xml::Writer& out) {
  const bool group_in_info = edition != Edition::y2022;
  out.open("Item");
  out.element("DeviceID", item.device_id);
  element_if("Event", to_text(item.event), out);
  write_fields(catalog_item_fields(), item, out);
  if (item.status != ChannelStatus::unknown) out.element("Status", to_text(item.status));
  write_fields(catalog_item_tail_fields(), item, out);
  if (!group_in_info) element_if("BusinessGroupID", item.business_group_id, out);
  write_others(item, false, out);
  write_info(item, group_in_info, out);
  out.close();
}

struct BodyWriter {
  Edition edition;
  xml::Writer& out;

  void operator()(const Other& other) const {
    for (const auto& element : other.elements) out.tree(element);
  }
  void operator()(const Keepalive& keepalive) const {
    out.element("Status", keepalive.ok ? "OK" : "ERROR");
    if (keepalive.faulty_ids.empty()) return;
    out.open("Info");
    for (const auto& id : keepalive.faulty_ids) out.element("DeviceID", id);
    out.close();
  }
  void operator()(const DeviceInfoQuery&) const {}
  void operator()(const DeviceInfo& info) const { write_fields(device_info_fields(), info, out); }
  void operator()(const CatalogQuery& query) const {
    write_fields(catalog_query_fields(), query, out);
  }
  void operator()(const CatalogPage& page) const {
    out.element("SumNum", std::to_string(page.sum_num));
    // 4.4: nothing found is told without the list.
    if (page.items.empty() && page.sum_num == 0) return;
    out.open("DeviceList", "Num", page.items.size());
    for (const auto& item : page.items) write_item(item, edition, out);
    out.close();
  }
  void operator()(const DeviceStatusQuery&) const {}
  void operator()(const DeviceStatus& status) const {
    out.element("Result", status.ok ? "OK" : "ERROR");
    out.element("Online", status.online ? "ONLINE" : "OFFLINE");
    out.element("Status", status.works ? "OK" : "ERROR");
    element_if("Reason", status.reason, out);
    if (status.encode) out.element("Encode", *status.encode ? "ON" : "OFF");
    if (status.record) out.element("Record", *status.record ? "ON" : "OFF");
    element_if("DeviceTime", status.device_time, out);
    if (!status.alarm_inputs.empty()) write_alarm_inputs(status);
  }
  void write_alarm_inputs(const DeviceStatus& status) const {
    out.open("Alarmstatus", "Num", status.alarm_inputs.size());
    for (const auto& input : status.alarm_inputs) {
      out.open("Item");
      out.element("DeviceID", input.device_id);
      out.element("DutyStatus", input.duty_status);
      out.close();
    }
    out.close();
  }
  void operator()(const MediaStatus& status) const {
    write_fields(media_status_fields(), status, out);
  }
  void operator()(const Alarm& alarm) const {
    write_fields(alarm_fields(), alarm, out);
    if (!alarm.type && !alarm.event_type) return;
    out.open("Info");
    if (alarm.type) out.element("AlarmType", std::to_string(*alarm.type));
    if (alarm.event_type) {
      out.open("AlarmTypeParam");
      out.element("EventType", std::to_string(*alarm.event_type));
      out.close();
    }
    out.close();
  }
  void operator()(const RequestKeyFrame&) const {
    // The misspelling is the standard's own, up to 2016.
    out.element(edition == Edition::y2022 ? "IFrameCmd" : "IFameCmd", "Send");
  }
  void operator()(const CommandResult& result) const {
    out.element("Result", result.ok ? "OK" : "ERROR");
  }
};

}  // namespace

std::string print(const Message& message, Edition edition) {
  return print(message, edition, charset_of(edition));
}

std::string print(const Message& message, Edition edition, Charset charset) {
  xml::Writer out(charset);
  out.open(to_string(message.root));
  out.element("CmdType", message.cmd_type);
  if (message.sn) out.element("SN", std::to_string(*message.sn));
  element_if("DeviceID", message.device_id, out);
  std::visit(BodyWriter{edition, out}, message.body);
  return out.finish();
}

}  // namespace gb28181::manscdp
