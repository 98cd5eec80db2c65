// Signalling: the calls that streams ask for.
#include <fmt/format.h>

#include "gateway/device_rows.hpp"
#include "gateway/signalling.hpp"

namespace gateway {

sip::CallId Signalling::call(Device& device, const std::string& channel_id, const std::string& sdp,
                             const std::string& subject, CallUser& user) {
  invites_.add();
  const auto token = next_token_++;
  calls_[token] = &user;
  sip::InviteSpec invite;
  invite.request_uri = uri_at(channel_id, device.flow);
  invite.from = uri_of(config_.sip.id);
  invite.to = uri_of(channel_id);
  invite.destination = device.flow;
  invite.headers.push_back({"Subject", subject});
  invite.body = sdp;
  invite.user_data = token;
  if (!config_.sip.advertised_address.empty())
    invite.contact = fmt::format("<sip:{}@{}:{}>", config_.sip.id, config_.sip.advertised_address,
                                 config_.sip.port);
  return stack_.run([&](sip::Endpoint& endpoint, sip::TimePoint now, sip::Output& out) {
    const auto call = endpoint.invite(invite, now, out);
    call_ids_[token] = call;
    return call;
  });
}

void Signalling::hang_up(sip::CallId call) {
  stack_.run([&](sip::Endpoint& endpoint, sip::TimePoint now, sip::Output& out) {
    endpoint.hang_up(call, now, out);
  });
}

void Signalling::forget(const CallUser& user) {
  std::vector<sip::CallId> ended;
  std::erase_if(calls_, [&](const auto& entry) {
    if (entry.second != &user) return false;
    ended.push_back(call_ids_[entry.first]);
    call_ids_.erase(entry.first);
    return true;
  });
  for (const auto call : ended) hang_up(call);  // which may end other calls
}

void Signalling::on(const sip::event::CallProgress& event) {
  if (const auto found = calls_.find(event.user_data); found != calls_.end())
    found->second->on_call_progress(event.status);
}

void Signalling::on(const sip::event::CallAnswered& event) {
  const auto found = calls_.find(event.user_data);
  if (found == calls_.end()) return hang_up(event.call);
  CallRow row;
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
  found->second->on_call_answered(message.body(), row);
}

void Signalling::on(const sip::event::CallFailed& event) {
  const auto found = calls_.find(event.user_data);
  if (found == calls_.end()) return;
  auto* user = found->second;
  calls_.erase(found);
  call_ids_.erase(event.user_data);
  const auto phrase = event.message ? std::string(event.message->reason())
                                    : std::string(sip::to_string(event.cause));
  user->on_call_failed(event.status, phrase);
}

void Signalling::on(const sip::event::CallEnded& event) {
  const auto found = calls_.find(event.user_data);
  if (found == calls_.end()) return;
  auto* user = found->second;
  calls_.erase(found);
  call_ids_.erase(event.user_data);
  user->on_call_over(event.by == sip::EndedBy::remote_bye);
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

// What was being sent when we were killed is still being sent, to a port that nobody reads.
void Signalling::end_left_call(const CallRow& row) {
  const auto* device = registry_.find(row.device_id);
  if (device && device->flow.transport == sip::Transport::udp) {
    sip::RequestSpec bye;
    bye.method = "BYE";
    bye.request_uri = row.remote_target;
    bye.from = row.local_uri;
    bye.to = row.remote_uri;
    bye.destination = device->flow;
    bye.call_id = row.call_id;
    bye.cseq = row.local_cseq + 1;
    stack_.run([&](sip::Endpoint& endpoint, sip::TimePoint now, sip::Output& out) {
      endpoint.send_request(bye, now, out);
    });
    log::info("sip", "ending a call that the last run left device={} channel={}", row.device_id,
              row.channel_id);
  }
  registry_.forget_call(row.call_id);
}

}  // namespace gateway
