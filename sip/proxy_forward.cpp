// Server: a request on its way to one target (RFC 3261 16.6 steps 1 to 9).
#include "sip/resolution.hpp"
#include "sip/scan.hpp"
#include "sip/server_impl.hpp"

namespace sip {
namespace {

// Requests that begin a dialog, or move its targets: we stay on their way.
bool wants_record_route(const MessageView& request) {
  switch (request.method()) {
    case Method::invite:
      return true;
    case Method::subscribe:
    case Method::notify:
    case Method::refer: {
      const auto to = request.to();
      return !to || to->tag().empty();
    }
    default:
      return false;
  }
}

// The topmost of its Vias is its only one: nobody stands between us and who has sent it.
bool is_first_hop(const MessageView& request) {
  auto vias = request.values(HeaderId::via);
  auto via = vias.begin();
  return via != vias.end() && ++via == vias.end();
}

bool supports(const MessageView& request, std::string_view option) {
  for (const auto element : request.values(HeaderId::supported))
    if (scan::iequals(element, option)) return true;
  return false;
}

std::uint32_t hops_left(const MessageView& request, std::uint32_t most) {
  const auto hops = request.max_forwards();
  if (!hops || *hops == 0) return most;
  return std::min(*hops - 1, most);
}

}  // namespace

Server::Impl::Outgoing Server::Impl::outgoing(const Turn& turn) const {
  return {
      turn.message, &turn.via, turn.flow, &route, &turn.uri, turn.loop, config.limits.max_breadth};
}

// Where write_next_hop() has decided to send.
std::string_view Server::Impl::next_uri(const ProxyTarget& target) const {
  return target.by_next_hop ? std::string_view(config.next_hop) : next_hop.uri;
}

Server::Impl::Way Server::Impl::way_to(const ProxyTarget& target, const Outgoing& what) {
  write_next_hop(next_hop, *what.route, target.uri, target.path);
  if (target.has_flow && (target.path.empty() || is_reliable(target.flow.transport))) {
    Way way{Way::Kind::flow, target.flow};
    if (!settle_local(way.flow, what.source)) way.kind = Way::Kind::nowhere;
    return way;
  }
  if (target.by_next_hop) return way_to_next_hop(what.source);
  if (what.uri && next_hop.uri == what.route->request_uri)
    return way_to_uri(*what.uri, what.source);
  Uri uri;
  return parse_uri(next_hop.uri, uri) ? Way{} : way_to_uri(uri, what.source);
}

Server::Impl::Way Server::Impl::way_to_next_hop(const Flow& near) const {
  if (!next_hop_flow) return {Way::Kind::lookup, {}};
  Way way{Way::Kind::flow, *next_hop_flow};
  if (next_hop_keeps_transport) way.flow.transport = near.transport;
  if (!settle_local(way.flow, near)) way.kind = Way::Kind::nowhere;
  return way;
}

Server::Impl::Way Server::Impl::way_to_uri(const Uri& uri, const Flow& near) const {
  if (uri.host.host.empty()) return {};
  const auto target = direct_target(uri);
  if (!target) return {Way::Kind::lookup, {}};
  Way way{Way::Kind::flow, {target->transport, {}, target->remote, ConnectionId::none}};
  if (!settle_local(way.flow, near)) way.kind = Way::Kind::nowhere;
  return way;
}

// False when we have no socket of that kind.
bool Server::Impl::settle_local(Flow& flow, const Flow& near) const {
  const auto& wish = flow.local.port != 0 ? flow.local : near.local;
  const auto* const from = interfaces.find(flow.transport, flow.remote.ip.is_v6(), wish);
  if (!from) return false;
  if (flow.local.port == 0 || flow.local.ip.is_unspecified()) flow.local = from->listener.local;
  return true;
}

void Server::Impl::write_request(std::string& out, const ProxyTarget& target, const Flow& to,
                                 const Outgoing& what, const ProxyBranch& with) {
  record_route.clear();
  if (config.record_route && wants_record_route(*what.request))
    write_record_route(what, target, to);
  if (wants_path(what)) write_path(what, to);
  branch.clear();
  branches.append(branch, with);
  if (with.kind == BranchKind::stateless && what.source.connection != ConnectionId::none)
    branch += ";i=" + std::to_string(static_cast<std::uint64_t>(what.source.connection));
  const auto* const from = interfaces.of(to);
  Forwarding how;
  how.request_uri = next_hop.request_uri;
  how.via = from ? std::string_view(from->via) : std::string_view();
  how.branch = branch;
  how.record_route = record_route;
  how.top = what.via;
  how.source = what.source.remote;
  how.max_forwards = hops_left(*what.request, config.limits.max_forwards);
  how.max_breadth = what.breadth;
  how.routes_changed = next_hop.changed;
  how.routes = next_hop.routes;
  if (authenticator) how.realm = realm;
  how.with_length = is_reliable(to.transport);
  write_forwarded_request(out, *what.request, how);
}

// A caller whose Contact is not where its requests come from can be reached by its flow only.
std::optional<Flow> Server::Impl::flow_of_caller(const Outgoing& what) const {
  const auto& via = *what.via;
  if (is_reliable(what.source.transport)) return what.source;
  const auto port = via.sent_by.port_or(default_port(what.source.transport));
  if (port == what.source.remote.port &&
      IpAddress::parse(via.sent_by.host) == what.source.remote.ip)
    return std::nullopt;
  return what.source;
}

// RFC 3327 5.2: not for who would not understand it in the answer.
bool Server::Impl::wants_path(const Outgoing& what) const {
  return config.add_path && what.request->method() == Method::register_ &&
         is_first_hop(*what.request) && supports(*what.request, "path");
}

// `ob` promises that the flow is kept alive: over a stream CRLF is answered, over UDP it would take
// STUN.
void Server::Impl::write_path(const Outgoing& what, const Flow& to) {
  const auto* const side_out = interfaces.of(to);
  if (!side_out) return;
  DialogToken token;
  token.of_path = true;
  token.caller = what.source;
  const bool secure = next_hop.request_uri.starts_with("sips:");
  record_route += secure ? "Path: <sips:" : "Path: <sip:";
  append_token(record_route, token, {}, key);
  record_route += '@';
  record_route += side_out->record_route;
  if (is_reliable(what.source.transport)) record_route.insert(record_route.size() - 1, ";ob");
  record_route += "\r\n";
}

// 16.6 step 4; two lines when it leaves by another socket than it came (RFC 5658): each side finds
// an address that it can use.
void Server::Impl::write_record_route(const Outgoing& what, const ProxyTarget& target,
                                      const Flow& to) {
  const auto* const side_out = interfaces.of(to);
  const auto* const side_in = interfaces.of(what.source);
  if (!side_out || !side_in) return;
  DialogToken token;
  token.caller = flow_of_caller(what);
  if (target.has_flow) token.callee = to;
  token_text.clear();
  if (token.caller || token.callee || config.relay_for != RelayFor::everyone) {
    if (const auto from = what.request->from()) token.caller_tag = mark_of_tag(from->tag());
    append_token(token_text, token, what.request->call_id(), key);
    token_text += '@';
  }
  const bool secure = next_hop.request_uri.starts_with("sips:");
  const auto line = [&](const Interface& side) {
    record_route += secure ? "Record-Route: <sips:" : "Record-Route: <sip:";
    record_route += token_text;
    record_route += side.record_route;
    record_route += "\r\n";
  };
  line(*side_out);
  if (side_in != side_out) line(*side_in);
}

}  // namespace sip
