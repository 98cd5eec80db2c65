#include "gateway/signalling.hpp"

#include <fmt/format.h>

#include "gateway/device_rows.hpp"
#include "gb28181/device_id.hpp"
#include "gb28181/edition.hpp"
#include "gb28181/manscdp/keepalive.hpp"

namespace gateway {
namespace {

using namespace gb28181;

constexpr auto owed_for = std::chrono::hours(24);  // no device sends for longer to nobody

// Devices write "Application/MANSCDP+xml", "text/xml", or nothing at all.
bool may_be_manscdp(const sip::MessageView& message) {
  const auto type = message.content_type();
  return !type || type->is("application/manscdp+xml") || type->is("application/xml") ||
         type->is("text/xml");
}

}  // namespace

Signalling::Signalling(SipStack& stack, const Config& config, const Secrets& secrets,
                       DeviceRegistry& registry, Metrics& metrics)
    : stack_(stack),
      config_(config),
      registry_(registry),
      registrar_(config, secrets),
      on_line_(stack.clock(), log::Level::info, "sip", "device on line"),
      off_line_(stack.clock(), log::Level::info, "sip", "device off line"),
      catalogs_(stack.clock(), log::Level::info, "gb28181", "catalog"),
      registrations_(metrics.counter("gbgate_sip_registrations_total", "REGISTER accepted")),
      refused_(metrics.counter("gbgate_sip_registrations_refused_total", "REGISTER refused")),
      messages_(metrics.counter("gbgate_manscdp_messages_total", "MANSCDP messages of devices")),
      bad_bodies_(metrics.counter("gbgate_manscdp_malformed_total",
                                  "MANSCDP bodies that could not be read")),
      invites_(metrics.counter("gbgate_invites_total", "INVITEs sent to devices")) {
  if (config.gb28181.enabled) stack_.serve(*this);
  registry_.set_on_deadline(
      [this](Device& device, sip::TimePoint now) { on_device_deadline(device, now); });
  gauges_.push_back(metrics.on_render(MetricKind::gauge, "gbgate_devices", "Devices known", {},
                                      [this] { return static_cast<double>(registry_.size()); }));
  gauges_.push_back(
      metrics.on_render(MetricKind::gauge, "gbgate_devices_online", "Devices on line", {},
                        [this] { return static_cast<double>(registry_.online_count()); }));
}

void Signalling::restore(const DeviceStore::Content& content) {
  const auto wall = wall_now();
  const auto now = sip::Clock::now();
  DeviceActions actions;
  for (auto* device : registry_.sorted()) {
    // A connection does not outlive the process; UDP goes on from where it was.
    if (device->flow.transport == sip::Transport::udp)
      registry_.set_flow(*device, stack_.flow_to(sip::Transport::udp, device->flow.remote));
    device->session.restore(remembered(*device, wall, now), now, actions);
    perform(*device, actions);
  }
  for (const auto& row : content.calls) {
    const bool old = wall_now() - row.since > owed_for;
    old ? registry_.forget_call(row.call_id) : owe(row);
  }
  for (auto* device : registry_.sorted())
    if (device->session.online()) end_owed(*device);
}

void Signalling::on_event(const sip::Event& event) {
  std::visit([this](const auto& e) { on(e); }, event);
}

// ---- requests of devices ----

void Signalling::on(const sip::event::IncomingRequest& event) {
  switch (event.message->method()) {
    case sip::Method::register_:
      return on_register(event);
    case sip::Method::message:
    case sip::Method::notify:
      return on_manscdp(event);
    case sip::Method::info:
      return respond(event, 200);
    case sip::Method::subscribe:
      return respond(event, 489);
    default: {
      sip::ResponseSpec answer;
      answer.status = 405;
      answer.headers.push_back({"Allow", stack_.endpoint().config().allow});
      stack_.run([&](sip::Endpoint& endpoint, sip::TimePoint now, sip::Output& out) {
        endpoint.respond(event.transaction, answer, now, out);
      });
    }
  }
}

void Signalling::respond(const sip::event::IncomingRequest& event, int status, std::string reason) {
  sip::ResponseSpec answer;
  answer.status = status;
  answer.reason = std::move(reason);
  stack_.run([&](sip::Endpoint& endpoint, sip::TimePoint now, sip::Output& out) {
    endpoint.respond(event.transaction, answer, now, out);
  });
}

void Signalling::on_register(const sip::event::IncomingRequest& event) {
  stack_.run([&](sip::Endpoint& endpoint, sip::TimePoint now, sip::Output& out) {
    auto decision =
        registrar_.decide(*event.message, event.flow, now, std::chrono::system_clock::now());
    const bool leaves = decision.expires && decision.expires->count() == 0;
    auto* device = leaves             ? registry_.find(decision.device_id)
                   : decision.expires ? registry_.find_or_add(decision.device_id)
                                      : nullptr;
    if (decision.expires && !leaves && !device) {
      decision.answer = {};
      decision.answer.status = 503;
      decision.answer.headers.push_back({"Retry-After", "60"});
      decision.refusal = fmt::format("sip.max_devices ({}) is reached", config_.sip.max_devices);
    }
    endpoint.respond(event.transaction, decision.answer, now, out);
    if (device) registered(*device, decision, event.flow, now);
    if (!decision.refusal.empty()) log_refusal(decision, event.flow);
  });
}

void Signalling::registered(Device& device, const Registrar::Decision& decision,
                            const sip::Flow& flow, sip::TimePoint now) {
  registrations_.add();
  move(device, flow);
  device.contact = decision.contact;
  device.gb_version = decision.gb_version;
  device.last_seen = device.seen_saved = wall_now();
  device.registered_until = device.last_seen + *decision.expires;
  DeviceActions actions;
  if (decision.expires->count() == 0) {
    device.session.on_unregistered(now, actions);
  } else {
    const Registration registration{.expires = *decision.expires,
                                    .edition = parse_gb_version(decision.gb_version),
                                    .flow = describe(flow),
                                    .over_connection = sip::is_reliable(flow.transport)};
    device.session.on_registered(registration, now, actions);
  }
  perform(device, actions);
  registry_.save(device);
  if (device.session.online()) end_owed(device);
}

void Signalling::log_refusal(const Registrar::Decision& decision, const sip::Flow& flow) {
  refused_.add();
  refusals_.at(log::Level::warn, "sip", "REGISTER refused device={} peer={} status={}: {}",
               decision.device_id, to_string(flow.remote), decision.answer.status,
               decision.refusal);
}

void Signalling::on_manscdp(const sip::event::IncomingRequest& event) {
  const auto& message = *event.message;
  if (!may_be_manscdp(message)) return respond(event, 415);
  if (manscdp::is_plain_keepalive(message.body())) return on_keepalive(event);
  auto body = manscdp::parse(message.body());
  if (!body) {
    bad_bodies_.add();
    bad_messages_.at(log::Level::warn, "gb28181", "MANSCDP body cannot be read peer={}: {}",
                     to_string(event.flow.remote), body.error().message());
    return respond(event, body.error() == gb28181::Errc::xml_limit ? 413 : 400,
                   body.error().message());
  }
  messages_.add();
  auto* device = sender_of(event, body->cmd_type);
  if (!device) return;
  DeviceActions actions;
  const bool is_keepalive = body->get<manscdp::Keepalive>() != nullptr;
  const int status = device->session.on_message(std::move(*body), sip::Clock::now(), actions);
  finish(event, *device, status, is_keepalive, actions);
}

// What 100,000 devices send every minute: nothing is parsed that need not be.
void Signalling::on_keepalive(const sip::event::IncomingRequest& event) {
  messages_.add();
  auto* device = sender_of(event, "Keepalive");
  if (!device) return;
  DeviceActions actions;
  const int status = device->session.on_keepalive(sip::Clock::now(), actions);
  finish(event, *device, status, true, actions);
}

// The device that From names, or a refusal. The body may speak of a channel.
Device* Signalling::sender_of(const sip::event::IncomingRequest& event, std::string_view cmd_type) {
  const auto from = event.message->from();
  const auto id = from ? from->uri.user : std::string_view();
  auto* device = registry_.find(id);
  if (!device) {
    strangers_.at(log::Level::warn, "sip", "{} of a device that never registered device={} peer={}",
                  cmd_type, id, to_string(event.flow.remote));
    respond(event, 403, "Register first");
    return nullptr;
  }
  // NAT gives a device another port now and then; from another host it must prove who it is.
  if (device->flow.remote.ip != event.flow.remote.ip ||
      device->flow.transport != event.flow.transport) {
    strangers_.at(log::Level::warn, "sip", "{} from elsewhere than the device device={} peer={}",
                  cmd_type, device->id(), describe(event.flow));
    respond(event, 403, "Register first");
    return nullptr;
  }
  return device;
}

void Signalling::finish(const sip::event::IncomingRequest& event, Device& device, int status,
                        bool is_keepalive, DeviceActions& actions) {
  respond(event, status, status == 403 ? "Register first" : "");
  if (status == 200) {
    device.last_seen = wall_now();
    // Answers and calls follow its last request.
    move(device, event.flow);
    if (is_keepalive) registry_.save_seen(device);
  }
  if (event.message->method() == sip::Method::notify) {
    // The 200 is the answer to a NOTIFY; only an alarm by MESSAGE gets a Response (annex A).
    std::erase_if(actions, [](const DeviceAction& action) {
      return std::holds_alternative<device_action::SendResponse>(action);
    });
  }
  perform(device, actions);
}

void Signalling::on(const sip::event::BadMessage& event) {
  bad_messages_.at(log::Level::warn, "sip", "malformed message peer={}: {}",
                   to_string(event.flow.remote), make_error_code(event.error).message());
}

void Signalling::on(const sip::event::ConnectionClosed& event) {
  for (auto* device : registry_.on_connection(event.flow.connection)) {
    DeviceActions actions;
    device->session.on_connection_lost(sip::Clock::now(), actions);
    perform(*device, actions);
  }
}

void Signalling::on_device_deadline(Device& device, sip::TimePoint now) {
  DeviceActions actions;
  device.session.on_deadline(now, actions);
  perform(device, actions);
}

// ---- what devices' sessions want ----

void Signalling::perform(Device& device, DeviceActions& actions) {
  for (auto& action : actions) std::visit([&](auto& a) { perform(device, a); }, action);
  actions.clear();
  device.alarm.set(device.session.next_deadline());
}

void Signalling::perform(Device& device, const device_action::SendQuery& action) {
  const auto token = next_token_++;
  queries_.emplace(token, PendingQuery{device.id(), action.sn});
  send_message(device, device.id(), action.body, token);
}

void Signalling::perform(Device& device, const device_action::SendResponse& action) {
  send_message(device, device.id(), action.body, 0);
}

void Signalling::perform(Device& device, const device_action::StateChanged& action) {
  device.offline_reason = device.session.online() ? "" : action.reason;
  const bool online = device.session.online();
  (online ? on_line_ : off_line_)
      .write(sip::Clock::now(), "device {} device={} peer={}: {}", online ? "on line" : "off line",
             device.id(), describe(device.flow), action.reason);
  registry_.save(device);
  if (online) return end_owed(device);
  if (on_offline_) on_offline_(device, action.reason);
}

void Signalling::perform(Device& device, const device_action::DeviceInfoReceived& action) {
  device.info = action.info;
  registry_.save(device);
}

void Signalling::perform(Device& device, device_action::CatalogReceived& action) {
  if (!action.complete) {
    log::warn("gb28181", "catalog is not complete device={}: {}", device.id(), action.reason);
    if (action.items.size() <= device.channels.size()) return;  // keep what is known
  }
  catalogs_.write(sip::Clock::now(), "catalog device={} channels={}", device.id(),
                  action.items.size());
  registry_.set_channels(device, std::move(action.items), action.complete);
}

void Signalling::perform(Device& device, const device_action::CatalogChanged& action) {
  registry_.apply(device, action.events);
}

void Signalling::perform(Device& device, const device_action::AlarmReceived& action) {
  log::info("gb28181", "alarm device={} source={} priority={} method={}: {:?}", device.id(),
            action.device_id, action.alarm.priority, action.alarm.method, action.alarm.description);
}

void Signalling::send_message(Device& device, const std::string& target_id, std::string body,
                              std::uint64_t user_data) {
  sip::RequestSpec message;
  message.method = "MESSAGE";
  message.request_uri = uri_at(target_id, device.flow);
  message.from = uri_of(config_.sip.id);
  message.to = uri_of(target_id);
  message.destination = device.flow;
  message.content_type = manscdp::content_type;
  message.body = std::move(body);
  message.user_data = user_data;
  stack_.run([&](sip::Endpoint& endpoint, sip::TimePoint now, sip::Output& out) {
    endpoint.send_request(message, now, out);
  });
}

void Signalling::on(const sip::event::RequestDone& event) {
  if (auto ended = ending_.extract(event.user_data)) {
    const bool told = event.cause == sip::Cause::answered;
    return told ? registry_.forget_call(ended.mapped().call_id) : owe(ended.mapped());
  }
  const auto found = queries_.find(event.user_data);
  if (found == queries_.end()) return;
  const auto query = found->second;
  queries_.erase(found);
  auto* device = registry_.find(query.device_id);
  if (!device) return;
  DeviceActions actions;
  device->session.on_query_result(query.sn, event.status, sip::Clock::now(), actions);
  perform(*device, actions);
}

void Signalling::request_key_frame(Device& device, const std::string& channel_id) {
  const auto message =
      manscdp::make_message(device.session.next_sn(), channel_id, manscdp::RequestKeyFrame{});
  send_message(device, channel_id, manscdp::print(message, device.session.edition()), 0);
}

void Signalling::request_catalog(Device& device) {
  DeviceActions actions;
  device.session.request_catalog(sip::Clock::now(), actions);
  perform(device, actions);
}

sip::IpAddress Signalling::address_towards(const Device& device) const {
  if (!device.flow.local.ip.is_unspecified()) return device.flow.local.ip;
  return stack_.flow_to(device.flow.transport, device.flow.remote).local.ip;
}

std::string Signalling::uri_of(const std::string& id) const {
  const auto own = domain_of(id);
  return fmt::format("<sip:{}@{}>", id, own.empty() ? config_.sip.realm() : std::string(own));
}

std::string Signalling::uri_at(const std::string& id, const sip::Flow& flow) const {
  return fmt::format("sip:{}@{}", id, to_string(flow.remote));
}

}  // namespace gateway
