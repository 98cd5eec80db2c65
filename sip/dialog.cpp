#include "sip/dialog.hpp"

#include <algorithm>

#include "sip/scan.hpp"

namespace sip {
namespace {

std::string unfolded(std::string_view value) {
  std::string out;
  scan::append_unfolded(out, value);
  return out;
}

std::string_view tag_of(const Result<NameAddr>& address) {
  return address ? address->tag() : std::string_view();
}

std::string contact_uri(const MessageView& message) {
  const auto contact = message.contact();
  if (!contact || contact->wildcard) return {};
  return unfolded(contact->uri.text);
}

std::string uri_of(std::string_view route) {
  const auto address = parse_name_addr(route);
  return std::string(address ? address->uri.text : route);
}

// 12.1.1: what makes the Contact of the answer a sips URI.
bool asks_for_sips(const MessageView& invite) {
  const auto uri = invite.request_uri();
  if (uri && uri->scheme == UriScheme::sips) return true;
  for (const auto route : invite.record_routes()) return uri_of(route).starts_with("sips:");
  const auto contact = invite.contact();
  return contact && contact->uri.scheme == UriScheme::sips;
}

// The URI of the first route when it must stand in the Request-URI; else empty (12.2.1.1).
std::string strict_router(const std::vector<std::string>& route_set) {
  if (route_set.empty()) return {};
  const auto first = parse_name_addr(route_set.front());
  if (!first || first->uri.loose_routing()) return {};
  auto uri = first->uri;
  uri.headers = {};  // not allowed in a Request-URI (19.1.1)
  std::string text;
  append(text, uri);
  return text;
}

}  // namespace

Dialog Dialog::as_callee(const MessageView& invite, std::string_view tag, const Flow& flow) {
  Dialog d;
  d.call_id = invite.call_id();
  d.local = unfolded(invite.text(HeaderId::to));
  d.local += ";tag=";
  d.local += tag;
  d.local_tag = tag;
  const auto from = invite.from();
  d.remote = unfolded(invite.text(HeaderId::from));
  d.remote_tag = tag_of(from);
  d.remote_target = contact_uri(invite);
  if (d.remote_target.empty() && from) d.remote_target = unfolded(from->uri.text);
  for (const auto route : invite.record_routes()) d.route_set.push_back(unfolded(route));
  if (const auto cseq = invite.cseq()) d.remote_cseq = cseq->number;
  d.asked_by_sips = asks_for_sips(invite);
  d.flow = flow;
  return d;
}

void Dialog::confirm(const MessageView& response) {
  remote = unfolded(response.text(HeaderId::to));
  remote_tag = tag_of(response.to());
  if (auto target = contact_uri(response); !target.empty()) remote_target = std::move(target);
  route_set.clear();
  for (const auto route : response.record_routes()) route_set.push_back(unfolded(route));
  std::ranges::reverse(route_set);
}

void Dialog::confirm_by(const MessageView& request) {
  remote = unfolded(request.text(HeaderId::from));
  remote_tag = tag_of(request.from());
  refresh_target(request);
  route_set.clear();
  for (const auto route : request.record_routes()) route_set.push_back(unfolded(route));
  if (const auto cseq = request.cseq()) remote_cseq = cseq->number;
}

void Dialog::refresh_target(const MessageView& message) {
  if (auto target = contact_uri(message); !target.empty()) remote_target = std::move(target);
}

bool Dialog::take_cseq(std::uint32_t number) {
  if (number < remote_cseq) return false;
  remote_cseq = number;
  return true;
}

std::string Dialog::next_hop() const {
  return route_set.empty() ? remote_target : uri_of(route_set.front());
}

bool Dialog::matches(const MessageView& request) const {
  return tag_of(request.to()) == local_tag && tag_of(request.from()) == remote_tag;
}

void Dialog::write_request(MessageBuilder& out, std::string_view method, std::string_view via,
                           std::uint32_t cseq) const {
  const auto strict = strict_router(route_set);
  out.request(method, strict.empty() ? remote_target : strict).header(HeaderId::via, via);
  for (std::size_t i = strict.empty() ? 0 : 1; i < route_set.size(); ++i)
    out.header(HeaderId::route, route_set[i]);
  if (!strict.empty()) out.header(HeaderId::route, '<' + remote_target + '>');
  out.header(HeaderId::max_forwards, 70)
      .header(HeaderId::from, local)
      .header(HeaderId::to, remote)
      .header(HeaderId::call_id, call_id)
      .cseq(cseq, method);
}

}  // namespace sip
