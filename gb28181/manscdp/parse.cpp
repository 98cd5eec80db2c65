#include <algorithm>
#include <charconv>
#include <utility>

#include "gb28181/device_id.hpp"
#include "gb28181/manscdp/fields.hpp"
#include "gb28181/manscdp/message.hpp"

namespace gb28181::manscdp {
namespace {

using xml::Element;
using xml::equal_names;

std::optional<Root> read_root(std::string_view name) {
  for (const auto root : {Root::query, Root::control, Root::notify, Root::response})
    if (equal_names(name, to_string(root))) return root;
  return std::nullopt;
}

// The standard's spelling of a CmdType that only differs in letter case or is a known misspelling.
std::string_view canonical(std::string_view cmd_type) {
  static constexpr std::string_view known[] = {"Keepalive",
                                               "DeviceInfo",
                                               "Catalog",
                                               "DeviceStatus",
                                               "MediaStatus",
                                               "Alarm",
                                               "DeviceControl",
                                               "DeviceConfig",
                                               "RecordInfo",
                                               "ConfigDownload",
                                               "PresetQuery",
                                               "MobilePosition",
                                               "Broadcast",
                                               "HomePositionQuery",
                                               "CruiseTrackListQuery",
                                               "CruiseTrackQuery",
                                               "PTZPosition",
                                               "SDCardStatus",
                                               "UploadSnapShotFinished",
                                               "VideoUploadNotify",
                                               "DeviceUpgradeResult"};
  for (const auto name : known)
    if (equal_names(name, cmd_type)) return name;
  return equal_names(cmd_type, "PersetQuery") ? "PresetQuery" : cmd_type;
}

std::optional<std::uint64_t> read_sn(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || fault != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

template <class Value>
Value read_fields(std::span<const Field<Value>> fields, const Element& element) {
  Value value;
  for (const auto& child : element.children) set_field(fields, child, value);
  return value;
}

Keepalive read_keepalive(const Element& root) {
  Keepalive keepalive;
  keepalive.ok = parse_ok(root.child_text("Status"));
  if (const auto* info = root.child("Info"))
    for (const auto& child : info->children)
      if (child.is("DeviceID") && !child.text.empty()) keepalive.faulty_ids.push_back(child.text);
  return keepalive;
}

ChannelStatus read_channel_status(std::string_view text) {
  for (const auto name : {"ON", "OK", "ONLINE", "1"})
    if (equal_names(text, name)) return ChannelStatus::on;
  for (const auto name : {"OFF", "OFFLINE", "OFFILE", "ERROR", "0"})
    if (equal_names(text, name)) return ChannelStatus::off;
  return ChannelStatus::unknown;
}

CatalogEvent read_event(std::string_view text) {
  static constexpr std::pair<std::string_view, CatalogEvent> names[] = {
      {"ON", CatalogEvent::on},         {"OFF", CatalogEvent::off}, {"VLOST", CatalogEvent::vlost},
      {"DEFECT", CatalogEvent::defect}, {"ADD", CatalogEvent::add}, {"DEL", CatalogEvent::del},
      {"UPDATE", CatalogEvent::update},
  };
  for (const auto& [name, event] : names)
    if (equal_names(name, text)) return event;
  return CatalogEvent::none;
}

// "rtsp://admin:secret@192.0.2.64/": what stands before '@' must not reach a log or a page.
void cut_credentials(std::string& address) {
  const auto at = address.rfind('@');
  if (at == std::string::npos) return;
  const auto scheme = address.find("://");
  const auto begin = scheme == std::string::npos || scheme > at ? 0 : scheme + 3;
  address.erase(begin, at + 1 - begin);
}

// Elements that the item has no member for. Password never; nested and empty ones hold nothing.
void keep_other(const Element& element, bool in_info, CatalogItem& item) {
  constexpr std::size_t limit = 64;
  const auto text = meaning(element.text);
  if (element.is("Password") || text.empty() || item.others.size() >= limit) return;
  item.others.push_back({element.name, std::string(text), in_info});
}

void read_info(const Element& info, CatalogItem& item) {
  for (const auto& child : info.children) {
    if (child.is("BusinessGroupID"))
      item.business_group_id = meaning(child.text);
    else if (!set_field(catalog_info_fields(), child, item))
      keep_other(child, true, item);
  }
}

void read_item_element(const Element& child, CatalogItem& item) {
  if (child.is("DeviceID"))
    item.device_id = meaning(child.text);
  else if (child.is("Event"))
    item.event = read_event(child.text);
  else if (child.is("Status"))
    item.status = read_channel_status(child.text);
  else if (child.is("BusinessGroupID"))
    item.business_group_id = meaning(child.text);
  else if (child.is("Info"))
    read_info(child, item);
  else if (!set_field(catalog_item_fields(), child, item) &&
           !set_field(catalog_item_tail_fields(), child, item))
    keep_other(child, false, item);
}

std::optional<CatalogItem> read_item(const Element& element) {
  CatalogItem item;
  for (const auto& child : element.children) read_item_element(child, item);
  cut_credentials(item.ip_address);
  // In the order in which they are written.
  std::stable_partition(item.others.begin(), item.others.end(),
                        [](const OtherElement& other) { return !other.in_info; });
  const auto id = DeviceId::parse(item.device_id);
  if (!id) return std::nullopt;
  item.device_id = id->str();
  return item;
}

void read_items(const Element& list, CatalogPage& page) {
  for (const auto& child : list.children) {
    if (!child.is("Item")) continue;
    if (auto item = read_item(child))
      page.items.push_back(std::move(*item));
    else
      ++page.skipped;
  }
}

Result<Body> read_catalog_page(const Element& root) {
  CatalogPage page;
  const auto* list = root.child("DeviceList");
  const auto sum = parse_int(root.child_text("SumNum"));
  if (!list && !sum) return Errc::bad_value;
  for (const auto& child : root.children)
    if (child.is("DeviceList")) read_items(child, page);
  const auto present = static_cast<std::uint32_t>(page.items.size());
  page.sum_num = sum && *sum >= 0 ? static_cast<std::uint32_t>(*sum) : present;
  return Body(std::move(page));
}

std::optional<bool> read_on(std::string_view text) {
  if (equal_names(text, "ON")) return true;
  if (equal_names(text, "OFF")) return false;
  return std::nullopt;
}

void read_alarm_inputs(const Element& list, DeviceStatus& status) {
  for (const auto& item : list.children) {
    if (!item.is("Item")) continue;
    AlarmInputStatus input{std::string(item.child_text("DeviceID")), {}};
    // Its name in 2022 and 2016, 2014, 2011.
    for (const auto name : {"DutyStatus", "StatusDutyStatus", "Status"})
      if (input.duty_status.empty()) input.duty_status = item.child_text(name);
    status.alarm_inputs.push_back(std::move(input));
  }
}

DeviceStatus read_device_status(const Element& root) {
  DeviceStatus status;
  status.ok = parse_ok(root.child_text("Result"));
  // "OFFILE" is what some devices write.
  const auto online = root.child_text("Online");
  status.online = !equal_names(online, "OFFLINE") && !equal_names(online, "OFFILE");
  status.works = parse_ok(root.child_text("Status"));
  status.reason = meaning(root.child_text("Reason"));
  status.encode = read_on(root.child_text("Encode"));
  status.record = read_on(root.child_text("Record"));
  status.device_time = meaning(root.child_text("DeviceTime"));
  if (const auto* list = root.child("Alarmstatus")) read_alarm_inputs(*list, status);
  return status;
}

Alarm read_alarm(const Element& root) {
  auto alarm = read_fields(alarm_fields(), root);
  if (const auto* info = root.child("Info")) {
    alarm.type = parse_int(info->child_text("AlarmType"));
    if (const auto* parameter = info->child("AlarmTypeParam"))
      alarm.event_type = parse_int(parameter->child_text("EventType"));
  }
  return alarm;
}

Other read_other(Element& root) {
  Other other;
  for (auto& child : root.children)
    if (!child.is("CmdType") && !child.is("SN") && !child.is("DeviceID"))
      other.elements.push_back(std::move(child));
  return other;
}

bool is_result_only(const Message& m, const Element& root) {
  static constexpr std::string_view commands[] = {"Alarm", "DeviceControl", "DeviceConfig",
                                                  "Broadcast"};
  return root.child("Result") &&
         std::find(std::begin(commands), std::end(commands), m.cmd_type) != std::end(commands);
}

Result<Body> read_query(const Message& m, Element& root) {
  if (m.cmd_type == "Catalog") return Body(read_fields(catalog_query_fields(), root));
  if (m.cmd_type == "DeviceInfo") return Body(DeviceInfoQuery{});
  if (m.cmd_type == "DeviceStatus") return Body(DeviceStatusQuery{});
  return Body(read_other(root));
}

Result<Body> read_control(const Message& m, Element& root) {
  const bool key_frame = root.child("IFrameCmd") || root.child("IFameCmd");
  if (m.cmd_type == "DeviceControl" && key_frame) return Body(RequestKeyFrame{});
  return Body(read_other(root));
}

Result<Body> read_notify(const Message& m, Element& root) {
  if (m.cmd_type == "Keepalive") return Body(read_keepalive(root));
  if (m.cmd_type == "MediaStatus") {
    MediaStatus status{std::string(meaning(root.child_text("NotifyType")))};
    if (status.notify_type.empty()) return Errc::bad_value;
    return Body(std::move(status));
  }
  if (m.cmd_type == "Alarm") return Body(read_alarm(root));
  if (m.cmd_type == "Catalog") return read_catalog_page(root);
  return Body(read_other(root));
}

Result<Body> read_response(const Message& m, Element& root) {
  if (m.cmd_type == "Catalog") return read_catalog_page(root);
  if (m.cmd_type == "DeviceInfo") return Body(read_fields(device_info_fields(), root));
  if (m.cmd_type == "DeviceStatus") return Body(read_device_status(root));
  if (is_result_only(m, root)) return Body(CommandResult{parse_ok(root.child_text("Result"))});
  return Body(read_other(root));
}

Result<Body> read_body(const Message& m, Element& root) {
  switch (m.root) {
    case Root::query:
      return read_query(m, root);
    case Root::control:
      return read_control(m, root);
    case Root::notify:
      return read_notify(m, root);
    case Root::response:
      return read_response(m, root);
  }
  return Errc::unknown_root;
}

}  // namespace

Result<Message> parse(std::string_view bytes, const xml::Limits& limits) {
  auto document = xml::parse(bytes, limits);
  if (!document) return document.error();
  auto& root = document->root;

  const auto kind = read_root(root.name);
  if (!kind) return Errc::unknown_root;
  Message message;
  message.root = *kind;
  message.salvaged = document->salvaged;
  message.cmd_type = canonical(root.child_text("CmdType"));
  if (message.cmd_type.empty()) return Errc::missing_cmd_type;
  message.sn = read_sn(root.child_text("SN"));
  message.device_id = meaning(root.child_text("DeviceID"));
  // Without it nobody knows whom a request is about; who reports is known from the From header.
  const bool request = message.root == Root::query || message.root == Root::control;
  if (request && message.device_id.empty()) return Errc::missing_device_id;

  auto body = read_body(message, root);
  if (!body) return body.error();
  message.body = std::move(*body);
  return message;
}

}  // namespace gb28181::manscdp
