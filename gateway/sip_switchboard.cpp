#include "gateway/sip_switchboard.hpp"

#include <algorithm>
#include <utility>

#include "gb28181/device_id.hpp"

namespace gateway {
namespace {

constexpr std::uint64_t server_mark = std::uint64_t{1} << 62;

}  // namespace

SipSwitchboard::SipSwitchboard(sip::Endpoint& endpoint, sip::Server& server,
                               std::string platform_id, std::size_t message_bytes, IsUser is_user)
    : endpoint_(endpoint),
      server_(server),
      platform_id_(std::move(platform_id)),
      is_user_(std::move(is_user)) {
  limits_.message_bytes = static_cast<std::uint32_t>(message_bytes);
}

bool SipSwitchboard::is_for_endpoint(const sip::MessageView& message, const sip::Flow& from) const {
  if (message.is_response()) return !server_.concerns(message, from);
  const auto uri = message.request_uri();
  if (uri && uri->user == platform_id_) return true;
  const auto sender = message.from();
  if (!sender) return false;
  const auto id = gb28181::DeviceId::parse(sender->uri.user);
  return id && id->is_standard() && !is_user_(sender->uri.user);
}

// What the server asked of the network meanwhile is renamed.
template <class F>
void SipSwitchboard::with_server(sip::Output& out, F&& f) {
  auto next = out.lookups.size();
  std::forward<F>(f)();
  for (; next < out.lookups.size(); ++next) {
    auto& lookup = out.lookups[next];
    server_lookups_.emplace(++last_lookup_, lookup.id);
    lookup.id = sip::LookupId{server_mark | last_lookup_};
  }
}

void SipSwitchboard::on_listening(const sip::Listener& listener) {
  endpoint_.on_listening(listener);
  server_.on_listening(listener);
}

// What is no message, or a broken request, is the endpoint's to count and to answer.
void SipSwitchboard::on_message(std::string_view bytes, const sip::Flow& from, sip::TimePoint now,
                                sip::Output& out) {
  if (!parse_message(bytes, view_, limits_) || (view_.is_request() && !validate(view_)))
    return endpoint_.on_message(bytes, from, now, out);
  if (is_for_endpoint(view_, from)) return endpoint_.on_parsed(view_, from, now, out);
  with_server(out, [&] { server_.on_parsed(view_, from, now, out); });
}

void SipSwitchboard::on_connection_closed(const sip::Flow& flow, sip::TimePoint now,
                                          sip::Output& out) {
  with_server(out, [&] { server_.on_connection_closed(flow, now, out); });
  // Both tell it; once is enough.
  std::erase_if(out.events, [&](const sip::Event& event) {
    const auto* closed = std::get_if<sip::event::ConnectionClosed>(&event);
    return closed && closed->flow == flow;
  });
  endpoint_.on_connection_closed(flow, now, out);
}

void SipSwitchboard::on_send_failed(const sip::Flow& flow, sip::TimePoint now, sip::Output& out) {
  with_server(out, [&] { server_.on_send_failed(flow, now, out); });
  endpoint_.on_send_failed(flow, now, out);
}

void SipSwitchboard::on_backlog(unsigned percent) {
  endpoint_.on_backlog(percent);
  server_.on_backlog(percent);
}

void SipSwitchboard::on_resolved(sip::LookupId lookup, std::span<const sip::Flow> targets,
                                 sip::TimePoint now, sip::Output& out) {
  const auto name = static_cast<std::uint64_t>(lookup);
  if ((name & server_mark) == 0) return endpoint_.on_resolved(lookup, targets, now, out);
  const auto asked = server_lookups_.extract(name & ~server_mark);
  if (asked.empty()) return;
  with_server(out, [&] { server_.on_resolved(asked.mapped(), targets, now, out); });
}

void SipSwitchboard::on_deadline(sip::TimePoint now, sip::Output& out) {
  if (endpoint_.next_deadline() <= now) endpoint_.on_deadline(now, out);
  if (server_.next_deadline() > now) return;
  with_server(out, [&] { server_.on_deadline(now, out); });
}

sip::TimePoint SipSwitchboard::next_deadline() const {
  return std::min(endpoint_.next_deadline(), server_.next_deadline());
}

}  // namespace gateway
