// SIP on one side, GB/T 28181 sessions on the other: hands each request to the device it is from,
// performs what devices' sessions want, and makes the calls that streams ask for. Shell.
#pragma once

#include <functional>
#include <string>
#include <unordered_map>
#include <vector>

#include "gateway/config.hpp"
#include "gateway/device_registry.hpp"
#include "gateway/log.hpp"
#include "gateway/log_burst.hpp"
#include "gateway/metrics.hpp"
#include "gateway/registrar.hpp"
#include "gateway/secrets.hpp"
#include "gateway/sip_stack.hpp"

namespace gateway {

// What becomes of a call that somebody asked for. Exactly one of on_call_failed (before it was
// answered) or on_call_over (after) comes last; either may come from inside call().
class CallUser {
 public:
  virtual void on_call_progress(int status) = 0;
  virtual void on_call_answered(std::string_view sdp) = 0;
  // `status` is SIP's; 408 and 503 also when nobody sent it. `phrase` says what happened.
  virtual void on_call_failed(int status, const std::string& phrase) = 0;
  virtual void on_call_over(bool by_device) = 0;

 protected:
  ~CallUser() = default;
};

// What a call is about.
struct CallWish {
  std::string channel_id, sdp, subject;
  std::string ssrc;  // y=, 10 digits
  std::uint16_t local_port = 0;
};

class Signalling final : private sip::net::CoreUser {
 public:
  // The references must outlive it.
  Signalling(SipStack& stack, const Config& config, const Secrets& secrets,
             DeviceRegistry& registry, Metrics& metrics);

  // Takes up the devices and ends the calls that a crash left behind.
  void restore(const DeviceStore::Content& content);

  // Told when a device goes off line, so that its streams end, and when it says that a recording
  // has been sent.
  using OnOffline = std::function<void(const Device&, const std::string& reason)>;
  void set_on_offline(OnOffline on_offline) { on_offline_ = std::move(on_offline); }

  // INVITEs a channel. `user` hears of it until its last call-back, or until forget(). What was
  // answered is kept in the store until the device has been told that it is over, if need be when
  // it is back on line: it would send for ever.
  sip::CallId call(Device& device, const CallWish& wish, CallUser& user);
  void hang_up(sip::CallId call);
  // `user` hears nothing any more; an unanswered call is cancelled.
  void forget(const CallUser& user);

  // Our address as this device sees it: for SDP, when nothing is advertised.
  sip::IpAddress address_towards(const Device& device) const;

  void request_key_frame(Device& device, const std::string& channel_id);
  void request_catalog(Device& device);

 private:
  void on_event(const sip::Event& event) override;
  void on(const sip::event::IncomingRequest& event);
  void on(const sip::event::RequestDone& event);
  void on(const sip::event::CallProgress& event);
  void on(const sip::event::CallAnswered& event);
  void on(const sip::event::CallFailed& event);
  void on(const sip::event::CallEnded& event);
  void on(const sip::event::IncomingCall& event);
  void on(const sip::event::CallConfirmed&) {}
  void on(const sip::event::BadMessage& event);
  void on(const sip::event::ConnectionClosed& event);
  template <class Other>
  void on(const Other&) {}  // nothing that was asked for

  void on_register(const sip::event::IncomingRequest& event);
  void registered(Device& device, const Registrar::Decision& decision, const sip::Flow& flow,
                  sip::TimePoint now);
  void log_refusal(const Registrar::Decision& decision, const sip::Flow& flow);
  void on_manscdp(const sip::event::IncomingRequest& event);
  void on_keepalive(const sip::event::IncomingRequest& event);
  Device* sender_of(const sip::event::IncomingRequest& event, std::string_view cmd_type);
  void finish(const sip::event::IncomingRequest& event, Device& device, int status,
              bool is_keepalive, gb28181::DeviceActions& actions);
  void on_device_deadline(Device& device, sip::TimePoint now);
  void respond(const sip::event::IncomingRequest& event, int status, std::string reason = {});

  void perform(Device& device, gb28181::DeviceActions& actions);
  void perform(Device& device, const gb28181::device_action::SendQuery& action);
  void perform(Device& device, const gb28181::device_action::SendResponse& action);
  void perform(Device& device, const gb28181::device_action::StateChanged& action);
  void perform(Device& device, const gb28181::device_action::DeviceInfoReceived& action);
  void perform(Device& device, gb28181::device_action::CatalogReceived& action);
  void perform(Device& device, const gb28181::device_action::CatalogChanged& action);
  void perform(Device&, const gb28181::device_action::DeviceStatusReceived&) {}
  void perform(Device& device, const gb28181::device_action::AlarmReceived& action);
  void perform(Device&, const gb28181::device_action::MediaStatusReceived&) {}

  void send_message(Device& device, const std::string& target_id, std::string body,
                    std::uint64_t user_data);
  // A call, until its end is certain. Its row is empty until it is answered.
  struct DeviceCall {
    Device* device;
    CallUser* user;  // null: forgotten
    sip::CallId id;
    sip::Flow flow;  // where its BYE went, or will go
    bool over = false;
    CallRow row;
  };
  using Calls = std::unordered_map<std::uint64_t, DeviceCall>;  // by token
  void move(Device& device, const sip::Flow& flow);
  DeviceCall take(Calls::iterator call);
  void settle(const DeviceCall& call, bool told);
  void owe(const CallRow& row);
  void end_owed(const Device& device);
  void end_left_call(const Device& device, const CallRow& row);
  std::string uri_of(const std::string& id) const;
  std::string uri_at(const std::string& id, const sip::Flow& flow) const;

  SipStack& stack_;
  const Config& config_;
  DeviceRegistry& registry_;
  Registrar registrar_;
  OnOffline on_offline_;

  struct PendingQuery {
    std::string device_id;
    std::uint64_t sn = 0;
  };
  std::unordered_map<std::uint64_t, PendingQuery> queries_;
  Calls calls_;
  std::unordered_multimap<const Device*, std::uint64_t> tokens_;  // of a device's calls
  // Devices that do not know that a call is over; and those that are being told, by token.
  std::unordered_multimap<std::string, CallRow> owed_;
  std::unordered_map<std::uint64_t, CallRow> ending_;
  std::uint64_t next_token_ = 1;

  log::Limited refusals_, bad_messages_, strangers_;
  log::Burst on_line_, off_line_, catalogs_;
  Counter& registrations_;
  Counter& refused_;
  Counter& messages_;
  Counter& bad_bodies_;
  Counter& invites_;
  std::vector<Metrics::Callback> gauges_;
};

}  // namespace gateway
