// One device as the platform sees it: registered or not, on line or not, and what it is asked after
// it has registered. GB/T 28181-2022 clauses 9.1, 9.5, 9.6; protocol notes 3 and 14.
//
// Pure: events and time go in, actions are appended to the caller's vector, next_deadline() says
// when on_deadline() is due. It never sends, looks at a clock or keeps a reference. After each call
// the caller performs all actions and arms one timer.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "gb28181/catalog.hpp"
#include "gb28181/edition.hpp"
#include "gb28181/manscdp/message.hpp"
#include "sip/time.hpp"

namespace gb28181 {

// What a REGISTER may ask for (3.1, 14).
struct ExpiryPolicy {
  std::chrono::seconds minimum{60};
  std::chrono::seconds maximum{86'400};
  std::chrono::seconds otherwise{86'400};  // when it asks for nothing

  // What to grant; nothing when too short: answer 423 with Min-Expires. 0 (unregister) stays 0.
  std::optional<std::chrono::seconds> grant(std::optional<std::chrono::seconds> asked) const;
};

struct DeviceConfig {
  std::chrono::seconds keepalive_interval{60};
  unsigned keepalive_misses = 3;                // off line after interval x misses of silence
  std::chrono::seconds query_delay{1};          // from registration to the first query: spread it
  std::chrono::seconds answer_timeout{10};      // for the Response to DeviceInfo
  std::chrono::seconds catalog_retry{5};        // from a failed catalog to its one retry
  std::chrono::seconds catalog_interval{1800};  // from one catalog to the next; 0 = never again
  CatalogLimits catalog;
  std::optional<Edition> edition;  // set by the operator: wins over X-GB-Ver
};

enum class DeviceState : std::uint8_t {
  unregistered,  // never registered, unregistered or expired
  offline,       // registration valid, but silent or its connection lost
  online
};
std::string_view to_string(DeviceState state);

namespace device_action {
// Send as MESSAGE (Content-Type MANSCDP) to the device and report the SIP outcome by
// on_query_result(sn).
struct SendQuery {
  std::uint64_t sn;
  std::string cmd_type;
  std::string body;
};
// Send as MESSAGE; nobody waits for the outcome (the Response to an Alarm).
struct SendResponse {
  std::string cmd_type;
  std::string body;
};
struct StateChanged {
  DeviceState state;
  std::string reason;  // for people: "no keepalive for 180 s (3 x 60 s)"
};
struct DeviceInfoReceived {
  manscdp::DeviceInfo info;
};
// complete=true replaces what was known. Otherwise `items` are some of the channels and `reason`
// says why not all; none at all when the query failed altogether.
struct CatalogReceived {
  bool complete;
  std::vector<manscdp::CatalogItem> items;
  std::string reason;
};
// A NOTIFY-like Catalog with events; feed to ChannelList::apply.
struct CatalogChanged {
  std::vector<manscdp::CatalogItem> events;
};
struct DeviceStatusReceived {
  std::string device_id;
  manscdp::DeviceStatus status;
};
struct AlarmReceived {
  std::string device_id;  // of the alarm input
  manscdp::Alarm alarm;
};
// The file of a playback or download has been sent. Find the session by Call-ID first.
struct MediaStatusReceived {
  std::string channel_id;
  std::string notify_type;
};
}  // namespace device_action

using DeviceAction =
    std::variant<device_action::SendQuery, device_action::SendResponse, device_action::StateChanged,
                 device_action::DeviceInfoReceived, device_action::CatalogReceived,
                 device_action::CatalogChanged, device_action::DeviceStatusReceived,
                 device_action::AlarmReceived, device_action::MediaStatusReceived>;
using DeviceActions = std::vector<DeviceAction>;

// An accepted REGISTER: authenticated, expiry granted.
struct Registration {
  std::chrono::seconds expires{3600};
  std::optional<Edition> edition;  // from X-GB-Ver
  std::string flow;                // where it comes from, for people: "10.0.0.5:5060/udp"
  bool over_connection = false;    // TCP or TLS: losing the connection puts it off line
};

// What the database remembers. Its wall-clock times translated to the steady clock.
struct Remembered {
  sip::TimePoint registered_until;
  sip::TimePoint last_seen;
  std::optional<Edition> edition;
  std::string flow;
  bool over_connection = false;
};

class DeviceSession {
 public:
  // `first_sn`: SNs count up from here; keep it growing over restarts (seconds since 1970 will do).
  DeviceSession(std::string device_id, DeviceConfig config, std::uint64_t first_sn);

  void on_registered(const Registration& registration, sip::TimePoint now, DeviceActions& out);
  void on_unregistered(sip::TimePoint now, DeviceActions& out);
  // Call once, right after construction. A device by UDP that was heard of less than interval x
  // misses ago is on line at once; one by TCP, or silent for longer, with its next keepalive.
  void restore(const Remembered& remembered, sip::TimePoint now, DeviceActions& out);

  // The SIP status with which to answer the MESSAGE: 200, or 403 when the device is not registered
  // (which makes most devices register anew).
  int on_message(manscdp::Message message, sip::TimePoint now, DeviceActions& out);
  // The same for a Keepalive of which nothing else is to be known.
  int on_keepalive(sip::TimePoint now, DeviceActions& out);

  // Final status of the MESSAGE that carried a SendQuery; 408 when it was never answered, 503 when
  // it could not be sent.
  void on_query_result(std::uint64_t sn, int status, sip::TimePoint now, DeviceActions& out);

  // The TCP connection that it registered by is gone.
  void on_connection_lost(sip::TimePoint now, DeviceActions& out);
  void on_deadline(sip::TimePoint now, DeviceActions& out);
  sip::TimePoint next_deadline() const;

  // Asks for the catalog now (an operator's wish). Nothing happens off line or while one is
  // running.
  void request_catalog(sip::TimePoint now, DeviceActions& out);

  const std::string& device_id() const { return device_id_; }
  DeviceState state() const { return state_; }
  bool online() const { return state_ == DeviceState::online; }
  Edition edition() const;
  sip::TimePoint registered_until() const { return registered_until_; }
  sip::TimePoint last_seen() const { return last_seen_; }
  const std::string& flow() const { return flow_; }
  // An SN for a query or control that the caller sends on its own.
  std::uint64_t next_sn() { return ++sn_; }
  std::string describe() const;

 private:
  enum class Query : std::uint8_t { none, device_info, catalog };

  bool is_registered(sip::TimePoint now) const { return now < registered_until_; }
  bool admits(sip::TimePoint now, DeviceActions& out);
  void seen(std::string_view by, sip::TimePoint now, DeviceActions& out);
  void go_online(std::string reason, sip::TimePoint now, DeviceActions& out);
  void leave(DeviceState state, std::string reason, DeviceActions& out);
  sip::TimePoint silent_at() const;  // when keepalives will have been missed
  std::string silence_reason() const;

  void plan(Query query, sip::TimePoint at);
  void send(manscdp::Body body, DeviceActions& out);
  void ask_device_info(sip::TimePoint now, DeviceActions& out);
  void ask_catalog(sip::TimePoint now, DeviceActions& out);
  void catalog_failed(std::string reason, sip::TimePoint now, DeviceActions& out);
  void catalog_over(sip::TimePoint now, DeviceActions& out);

  void take(manscdp::Message& message, sip::TimePoint now, DeviceActions& out);
  void take_device_info(manscdp::DeviceInfo& info, sip::TimePoint now, DeviceActions& out);
  void take_catalog(manscdp::Message& message, sip::TimePoint now, DeviceActions& out);
  void take_alarm(manscdp::Message& message, DeviceActions& out);

  std::string device_id_;
  DeviceConfig config_;
  std::uint64_t sn_;
  DeviceState state_ = DeviceState::unregistered;
  Edition learned_edition_ = default_edition;
  std::string flow_;
  bool over_connection_ = false;
  sip::TimePoint registered_until_{};
  sip::TimePoint last_seen_{};

  Query asking_ = Query::none;   // sent, its Response is awaited
  Query planned_ = Query::none;  // to be sent at ask_at_
  sip::TimePoint ask_at_ = sip::never;
  sip::TimePoint answer_by_ = sip::never;  // of DeviceInfo; the catalog has its own deadline
  std::uint64_t asked_sn_ = 0;
  std::uint64_t catalog_sn_ = 0;  // of the last catalog query
  bool info_known_ = false;
  bool catalog_retried_ = false;
  CatalogCollector catalog_;
};

}  // namespace gb28181
