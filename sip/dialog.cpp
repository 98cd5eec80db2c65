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

bool Dialog::matches(const MessageView& request) const {
  return tag_of(request.to()) == local_tag && tag_of(request.from()) == remote_tag;
}

void Dialog::write_request(MessageBuilder& out, std::string_view method, std::string_view via,
                           std::uint32_t cseq) const {
  out.request(method, remote_target).header(HeaderId::via, via);
  for (const auto& route : route_set) out.header(HeaderId::route, route);
  out.header(HeaderId::max_forwards, 70)
      .header(HeaderId::from, local)
      .header(HeaderId::to, remote)
      .header(HeaderId::call_id, call_id)
      .cseq(cseq, method);
}

}  // namespace sip
