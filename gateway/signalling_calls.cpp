// Signalling: the calls that streams ask for.
#include <fmt/format.h>

#include "gateway/device_rows.hpp"
#include "gateway/signalling.hpp"

namespace gateway {
namespace {

constexpr std::size_t max_owed_calls = 64;  // of one device; beyond, the oldest is forgotten
// Beyond the requests (INFO, BYE) that the call has seen: gaps are allowed, going back is not.
constexpr std::uint32_t cseq_gap = 1000;

}  // namespace

sip::CallId Signalling::call(Device& device, const CallWish& wish, CallUser& user) {
  invites_.add();
  const auto token = next_token_++;
  DeviceCall call{&device, &user, {}, device.flow, false, {}};
  call.row.device_id = device.id();
  call.row.channel_id = wish.channel_id;
  call.row.ssrc = wish.ssrc;
  call.row.local_port = wish.local_port;
  calls_.emplace(token, std::move(call));
  tokens_.emplace(&device, token);
  sip::InviteSpec invite;
  invite.request_uri = uri_at(wish.channel_id, device.flow);
  invite.from = uri_of(config_.sip.id);
  invite.to = uri_of(wish.channel_id);
  invite.destination = device.flow;
  invite.headers.push_back({"Subject", wish.subject});
  invite.body = wish.sdp;
  invite.user_data = token;
  if (!config_.sip.advertised_address.empty())
    invite.contact = fmt::format("<sip:{}@{}:{}>", config_.sip.id, config_.sip.advertised_address,
                                 config_.sip.port);
  return stack_.run([&](sip::Endpoint& endpoint, sip::TimePoint now, sip::Output& out) {
    const auto id = endpoint.invite(invite, now, out);
    calls_.at(token).id = id;
    return id;
  });
}

void Signalling::hang_up(sip::CallId call) {
  stack_.run([&](sip::Endpoint& endpoint, sip::TimePoint now, sip::Output& out) {
    endpoint.hang_up(call, now, out);
  });
}

void Signalling::forget(const CallUser& user) {
  std::vector<sip::CallId> ended;
  for (auto& [token, call] : calls_) {
    if (call.user != &user) continue;
    call.user = nullptr;
    call.over = true;
    ended.push_back(call.id);
  }
  for (const auto call : ended) hang_up(call);  // which may end other calls
}

// A device that comes from elsewhere takes its calls along.
void Signalling::move(Device& device, const sip::Flow& flow) {
  if (device.flow == flow) return;
  registry_.set_flow(device, flow);
  const auto range = tokens_.equal_range(&device);
  for (auto it = range.first; it != range.second; ++it) {
    auto& call = calls_.at(it->second);
    if (call.over) continue;  // its BYE is under way already
    call.flow = flow;
    stack_.endpoint().move_call(call.id, flow);
  }
}

void Signalling::on(const sip::event::CallProgress& event) {
  const auto found = calls_.find(event.user_data);
  if (found != calls_.end() && found->second.user)
    found->second.user->on_call_progress(event.status);
}

void Signalling::on(const sip::event::CallAnswered& event) {
  const auto found = calls_.find(event.user_data);
  if (found == calls_.end()) return hang_up(event.call);
  CallRow& row = found->second.row;
  const auto& message = *event.message;
  row.call_id = message.call_id();
  row.local_uri = message.text(sip::HeaderId::from);
  row.remote_uri = message.text(sip::HeaderId::to);
  if (const auto contact = message.contact()) row.remote_target = contact->uri.text;
  if (const auto to = message.to(); to && row.remote_target.empty())
    row.remote_target = uri_at(std::string(to->uri.user), event.flow);
  row.transport = event.flow.transport == sip::Transport::udp ? "udp" : "tcp";
  row.remote_address = to_string(event.flow.remote);
  if (const auto cseq = message.cseq()) row.local_cseq = cseq->number;
  row.since = wall_now();
  registry_.save_call(row);
  if (found->second.user) found->second.user->on_call_answered(message.body());
}

Signalling::DeviceCall Signalling::take(Calls::iterator found) {
  const auto range = tokens_.equal_range(found->second.device);
  for (auto it = range.first; it != range.second; ++it) {
    if (it->second != found->first) continue;
    tokens_.erase(it);
    break;
  }
  auto call = std::move(found->second);
  calls_.erase(found);
  return call;
}

void Signalling::on(const sip::event::CallFailed& event) {
  const auto found = calls_.find(event.user_data);
  if (found == calls_.end()) return;
  const auto call = take(found);
  const auto phrase = event.message ? std::string(event.message->reason())
                                    : std::string(sip::to_string(event.cause));
  if (call.user) call.user->on_call_failed(event.status, phrase);
}

void Signalling::on(const sip::event::CallEnded& event) {
  const auto found = calls_.find(event.user_data);
  if (found == calls_.end()) return;
  const auto call = take(found);
  settle(call, event.cause == sip::Cause::answered);
  if (call.user) call.user->on_call_over(event.by == sip::EndedBy::remote_bye);
}

// ---- calls whose end the device does not know of ----

void Signalling::settle(const DeviceCall& call, bool told) {
  if (call.row.call_id.empty()) return;  // never answered
  if (told) return registry_.forget_call(call.row.call_id);
  log::warn("sip", "BYE was not answered, the device will be told again device={} channel={}",
            call.row.device_id, call.row.channel_id);
  const bool came_back = call.device->session.online() && call.device->flow != call.flow;
  came_back ? end_left_call(*call.device, call.row) : owe(call.row);
}

void Signalling::owe(const CallRow& row) {
  if (owed_.count(row.device_id) >= max_owed_calls) {
    const auto oldest = owed_.find(row.device_id);
    registry_.forget_call(oldest->second.call_id);
    owed_.erase(oldest);
  }
  owed_.emplace(row.device_id, row);
}

void Signalling::end_owed(const Device& device) {
  if (owed_.empty()) return;
  std::vector<CallRow> rows;
  const auto range = owed_.equal_range(device.id());
  for (auto it = range.first; it != range.second; ++it) rows.push_back(it->second);
  owed_.erase(range.first, range.second);
  for (const auto& row : rows) end_left_call(device, row);
}

// Devices call the platform for voice broadcast, which it has not asked for.
void Signalling::on(const sip::event::IncomingCall& event) {
  log::info("sip", "INVITE refused: no broadcast was asked for peer={}",
            to_string(event.flow.remote));
  sip::ResponseSpec answer;
  answer.status = 488;
  stack_.run([&](sip::Endpoint& endpoint, sip::TimePoint now, sip::Output& out) {
    endpoint.answer(event.call, answer, now, out);
  });
}

// What was being sent when we were killed, or lost sight of the device, is still being sent, to a
// port that nobody reads.
void Signalling::end_left_call(const Device& device, const CallRow& row) {
  const auto token = next_token_++;
  ending_.emplace(token, row);
  sip::RequestSpec bye;
  bye.method = "BYE";
  bye.request_uri = row.remote_target;
  bye.from = row.local_uri;
  bye.to = row.remote_uri;
  bye.destination = device.flow;
  bye.call_id = row.call_id;
  bye.cseq = row.local_cseq + cseq_gap;
  bye.user_data = token;
  log::info("sip", "ending a call that the device may believe in device={} channel={}",
            row.device_id, row.channel_id);
  stack_.run([&](sip::Endpoint& endpoint, sip::TimePoint now, sip::Output& out) {
    endpoint.send_request(bye, now, out);
  });
}

}  // namespace gateway
