// The bodies of the MANSCDP commands as plain values, GB/T 28181-2022 annex A (protocol notes 5).
// All text is UTF-8. Members are in the order in which they are written; the element's name is the
// member's in CamelCase. An empty string or a missing optional is not written.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "gb28181/xml.hpp"

namespace gb28181::manscdp {

// Notify Keepalive. ok=false (Status ERROR) still means that the device is there.
struct Keepalive {
  bool ok = true;
  std::vector<std::string> faulty_ids;  // Info/DeviceID
  bool operator==(const Keepalive&) const = default;
};

struct DeviceInfoQuery {
  bool operator==(const DeviceInfoQuery&) const = default;
};

// Response DeviceInfo.
struct DeviceInfo {
  std::string device_name;
  bool ok = true;           // Result
  std::string device_type;  // this and the two below only up to 2016
  std::string manufacturer;
  std::string model;
  std::string firmware;
  std::optional<int> max_camera;
  std::optional<int> max_alarm;
  std::optional<int> channel;  // number of video inputs
  bool operator==(const DeviceInfo&) const = default;
};

// Query Catalog, also the body of SUBSCRIBE. Times as on the wire ("2026-03-01T00:00:00").
struct CatalogQuery {
  std::string start_time;
  std::string end_time;
  bool operator==(const CatalogQuery&) const = default;
};

// Status of a catalog item. ON, OK, ONLINE are on; OFF, OFFLINE, ERROR are off; anything else and
// an empty element are unknown, which callers should treat as on.
enum class ChannelStatus : std::uint8_t { unknown, on, off };

enum class CatalogEvent : std::uint8_t { none, on, off, vlost, defect, add, del, update };

// An element that has no member of its own: kept, so that a catalog can be passed upward whole.
struct OtherElement {
  std::string name;
  std::string text;
  bool in_info = false;  // inside the item's Info
  bool operator==(const OtherElement&) const = default;
};

// DeviceList/Item of a catalog (5.4.3). Password is never kept; IPAddress is free text, not to
// dial.
struct CatalogItem {
  std::string device_id;
  CatalogEvent event = CatalogEvent::none;  // only in notifications
  std::string name;
  std::string manufacturer;
  std::string model;
  std::string owner;
  std::string civil_code;
  std::string block;
  std::string address;
  std::optional<int> parental;  // 1 has sub-devices
  std::string parent_id;        // several joined by '/'
  std::optional<int> safety_way;
  std::optional<int> register_way;
  std::string security_level_code;
  std::optional<int> secrecy;
  std::string ip_address;  // credentials in a URL are cut out
  std::optional<int> port;
  ChannelStatus status = ChannelStatus::unknown;
  std::optional<double> longitude;
  std::optional<double> latitude;
  std::string business_group_id;
  // Info
  std::optional<int> ptz_type;  // 1 dome, 2 half dome, 3 fixed box, 4 remote box, ...
  std::string resolution;
  std::string stream_number_list;  // "0/1/2"
  std::string download_speed;      // "1/2/4"
  std::vector<OtherElement> others;
  bool operator==(const CatalogItem&) const = default;
};

// One Response Catalog (a page of the answer), or Notify Catalog with events.
struct CatalogPage {
  std::uint32_t sum_num = 0;       // SumNum: items of all pages
  std::vector<CatalogItem> items;  // items without DeviceID are left out
  std::uint32_t skipped = 0;       // how many were left out as unreadable; not written
  bool operator==(const CatalogPage&) const = default;
};

struct DeviceStatusQuery {
  bool operator==(const DeviceStatusQuery&) const = default;
};

struct AlarmInputStatus {
  std::string device_id;
  std::string duty_status;  // ONDUTY, OFFDUTY, ALARM
  bool operator==(const AlarmInputStatus&) const = default;
};

// Response DeviceStatus.
struct DeviceStatus {
  bool ok = true;      // Result
  bool online = true;  // Online
  bool works = true;   // Status: OK or ERROR
  std::string reason;
  std::optional<bool> encode;
  std::optional<bool> record;
  std::string device_time;
  std::vector<AlarmInputStatus> alarm_inputs;
  bool operator==(const DeviceStatus&) const = default;
};

// Notify MediaStatus. The one value of the standard is "121": the history file has been sent.
struct MediaStatus {
  std::string notify_type = "121";
  bool operator==(const MediaStatus&) const = default;
};

// Notify Alarm; answered with a CommandResult.
struct Alarm {
  std::string priority;     // AlarmPriority "1".."4"
  std::string method;       // AlarmMethod "1".."7"
  std::string time;         // AlarmTime as on the wire
  std::string description;  // AlarmDescription
  std::optional<double> longitude;
  std::optional<double> latitude;
  std::optional<int> type;        // Info/AlarmType
  std::optional<int> event_type;  // Info/AlarmTypeParam/EventType
  bool operator==(const Alarm&) const = default;
};

// Control DeviceControl with IFrameCmd (2016 spells it IFameCmd): send an IDR picture now.
struct RequestKeyFrame {
  bool operator==(const RequestKeyFrame&) const = default;
};

// Response with nothing but Result: to Alarm, DeviceControl, DeviceConfig, Broadcast.
struct CommandResult {
  bool ok = true;
  bool operator==(const CommandResult&) const = default;
};

// Any other command: what follows the head, as a tree.
struct Other {
  std::vector<xml::Element> elements;
  bool operator==(const Other&) const = default;
};

using Body = std::variant<Other, Keepalive, DeviceInfoQuery, DeviceInfo, CatalogQuery, CatalogPage,
                          DeviceStatusQuery, DeviceStatus, MediaStatus, Alarm, RequestKeyFrame,
                          CommandResult>;

}  // namespace gb28181::manscdp
