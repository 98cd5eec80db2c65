// Server: what becomes of a request (RFC 3261 16.3 to 16.5, 16.10).
#include <algorithm>

#include "sip/resolution.hpp"
#include "sip/scan.hpp"
#include "sip/server_impl.hpp"

namespace sip {
namespace {

bool has_option(const MessageView& request, HeaderId id) {
  return request.has(id) && !request.values(id).empty();
}

// Max-Breadth of RFC 5393 5.3.3.
std::optional<std::uint32_t> breadth_of(const MessageView& request) {
  if (!request.has(HeaderId::unknown)) return std::nullopt;
  const auto text = request.find("Max-Breadth");
  if (!text) return std::nullopt;
  const auto number = parse_number(*text);
  return number ? std::optional(*number) : std::nullopt;
}

// A Route of ours in a request inside a dialog is our Record-Route; before one it only says that we
// are the caller's first proxy.
bool in_dialog(const ProxyRoute& route, const MessageView& request) {
  if (!route.ours_on_top) return false;
  const auto to = request.text(HeaderId::to);
  const auto tag = to.rfind("tag=");
  return tag != std::string_view::npos && (to.rfind('>') == to.npos || to.rfind('>') < tag);
}

// A contact that its REGISTER's flow does not lead to. Over another transport; at another port of
// the same host, where no NAT is between (the user agent sends from one port and listens at
// another); or a public address of somebody else's, who was registered by a third party.
bool is_elsewhere(const Uri& contact, const Flow& flow) {
  if (is_reliable(flow.transport)) return false;
  const auto named = named_transport(contact);
  if (named && *named != flow.transport) return true;
  const auto ip = IpAddress::parse(contact.host.host);
  if (!ip || ip->is_unspecified()) return false;
  if (*ip != flow.remote.ip) return !ip->is_private();
  return (ip->is_private() || ip->is_loopback()) &&
         contact.host.port_or(default_port(flow.transport)) != flow.remote.port;
}

bool has_flow(const BindingView& binding) {
  if (binding.flow.remote.port == 0) return false;
  if (is_reliable(binding.flow.transport)) return binding.flow.connection != ConnectionId::none;
  const auto contact = parse_uri(binding.contact);
  return !contact || !is_elsewhere(*contact, binding.flow);
}

}  // namespace

void Server::Impl::on_request(Turn& turn) {
  const auto method = turn.message->method();
  counters.count_request_received(counted(method), turn.flow.transport);
  if (method == Method::ack) return on_ack(turn);
  if (method == Method::cancel) return on_cancel(turn);
  if (answer_at_once(turn)) return;
  turn.transaction =
      transactions.request_key(*turn.message, turn.via, turn.message->method_text(), turn.flow);
  if (const auto known = transactions.find(turn.transaction))
    return transactions.on_retransmission(known, turn.out);
  dispatch(turn);
}

// What gets its answer without a transaction, and no more thought than it needs: the many.
bool Server::Impl::answer_at_once(Turn& turn) {
  const auto& request = *turn.message;
  const bool registering = request.method() == Method::register_ && config.registrar;
  if (!registering && request.method() != Method::options) return false;
  if (request.has(HeaderId::route)) return false;
  const auto uri = request.request_uri();
  if (!uri || !interfaces.is_ours(*uri, turn.flow)) return false;
  if (registering) return register_here(turn), true;
  if (!is_self(*uri)) return false;
  return answer_options(turn), true;
}

// 16.4. `turn.uri` is not to be used when it has no host.
void Server::Impl::read(Turn& turn) {
  read_route(route, *turn.message, turn.flow, interfaces, key);
  if (route.bad_token) ++stats.bad_tokens;
  if (parse_uri(route.request_uri, turn.uri)) turn.uri = {};
  turn.to_ours =
      route.routes.empty() && !route.by_path() && interfaces.is_ours(turn.uri, turn.flow);
}

void Server::Impl::dispatch(Turn& turn) {
  read(turn);
  // Before one server, which is the registrar, too.
  const bool registers_there = turn.message->method() == Method::register_ && !config.registrar &&
                               config.next_hop_for == NextHopFor::everything;
  if (turn.to_ours && !registers_there) {
    if (turn.message->method() == Method::register_ && config.registrar) return register_here(turn);
    if (takes_subscription(turn)) return subscribe_here(turn);
    if (is_self(turn.uri)) return answer_here(turn);
    if (config.redirect) return redirect(turn);
  }
  proxy(turn);
}

bool Server::Impl::is_self(const Uri& uri) const {
  if (uri.user.empty()) return true;
  if (std::ranges::find(config.own_users, uri.user) != config.own_users.end()) return true;
  return config.proxying == Proxying::off && !config.redirect;
}

// 16.3, RFC 5393 4.2: 0 when the request may go on.
int Server::Impl::fault_of(Turn& turn) {
  const auto& request = *turn.message;
  if (request.has(HeaderId::max_forwards)) {
    const auto hops = request.max_forwards();
    if (!hops) return 400;
    if (*hops == 0) {
      ++stats.too_many_hops;
      return 483;
    }
  }
  turn.loop = branches.loop_hash(request);
  if (branches.loops(request, turn.loop)) {
    ++stats.loops;
    return 482;
  }
  if (breadth_of(request) == 0u) return 440;
  return 0;
}

void Server::Impl::proxy(Turn& turn) {
  if (config.proxying == Proxying::off) {
    return answer(turn.to_ours ? 404 : 403, turn);
  }
  if (const int status = fault_of(turn); status != 0) return answer(status, turn);
  if (has_option(*turn.message, HeaderId::proxy_require))
    return answer_unsupported(HeaderId::proxy_require, turn);
  switch (admission(turn, true)) {
    case Admission::challenged:
      return;
    case Admission::refused:
      ++stats.relays_refused;
      return answer(403, turn);
    case Admission::admitted:
      break;
  }
  if (config.proxying == Proxying::stateless) return forward_statelessly(turn);
  forward_statefully(turn);
}

// Whether a request is carried at all: users of ours must show that they are, strangers may call
// our users, and nobody else's mail is carried for strangers.
Server::Impl::Admission Server::Impl::admission(Turn& turn, bool may_ask) {
  if (route.token) return Admission::admitted;  // it was asked when the dialog began
  const bool relayed =
      !turn.to_ours && config.relay_for != RelayFor::everyone &&
      (config.next_hop_for != NextHopFor::everything || in_dialog(route, *turn.message));
  if (relayed && config.relay_for == RelayFor::nobody) return Admission::refused;
  const bool asks = authenticator && config.authenticate_users;
  const auto from = asks ? turn.message->from() : Result<NameAddr>(Errc::missing_header);
  const bool user = from && interfaces.is_ours(from->uri, turn.flow);
  if (!user && !relayed) return Admission::admitted;
  if (!authenticator || trusts(turn.flow))
    return !relayed || turn.flow.remote.ip.is_loopback() ? Admission::admitted : Admission::refused;
  if (!may_ask)
    return config.proxying == Proxying::stateless ? Admission::admitted : Admission::refused;
  const auto who = authenticated(turn, Authenticator::Kind::proxy);
  if (!who) return Admission::challenged;
  if (user && (!canonical_aor(from->uri, aor) || !accounts->may_act_for(*who, aor)))
    return Admission::refused;
  return Admission::admitted;
}

// --- targets -------------------------------------------------------------------------------------

int Server::Impl::find_targets(const Turn& turn, ResponseContext& into) {
  into.breadth = breadth_of(*turn.message).value_or(config.limits.max_breadth);
  const bool routed = !route.routes.empty();
  const bool fixed = !routed && !route.by_path() && config.next_hop_for != NextHopFor::nothing &&
                     !in_dialog(route, *turn.message) &&
                     (config.next_hop_for == NextHopFor::everything ||
                      (config.next_hop_for == NextHopFor::foreign && !turn.to_ours));
  if (turn.to_ours && !fixed) return find_user(turn.uri, turn.now, into);
  auto& target = into.add_target();
  target.uri = route.request_uri;
  target.by_next_hop = fixed;
  if (fixed) target.path = next_hop_route;
  if (!routed && !fixed && turn.uri.host.host.empty()) return 416;
  if (!route.token) return 0;
  const auto from = turn.message->from();
  const bool by_caller = from && mark_of_tag(from->tag()) == route.token->caller_tag;
  const auto& flow = by_caller && !route.by_path() ? route.token->callee : route.token->caller;
  target.has_flow = target.by_token = flow.has_value();
  if (flow) target.flow = *flow;
  return 0;
}

int Server::Impl::find_user(const Uri& uri, TimePoint now, ResponseContext& into) {
  if (!canonical_aor(uri, aor)) return 404;
  location.visit(aor, now, [&](const BindingView& binding) {
    if (into.target_count >= config.limits.branches) return;
    auto& target = into.add_target();
    target.uri = binding.contact;
    target.path = binding.path;
    target.q_1000 = binding.q_1000;
    target.has_flow = has_flow(binding);
    target.flow = binding.flow;
  });
  if (into.target_count > 0) return 0;
  Secret unused;
  return accounts && !accounts->find(uri.user, realm, unused) ? 404 : 480;
}

// --- ACK, CANCEL ---------------------------------------------------------------------------------

// Of what cannot be answered with an error or a challenge.
bool Server::Impl::is_stray(Turn& turn) {
  read(turn);
  if (config.proxying == Proxying::off || fault_of(turn) != 0) return true;
  return admission(turn, false) != Admission::admitted;
}

// To a failure it ends here; to a 2xx it is a request of its own, without a transaction (16.10
// says so of CANCEL; 17.1.1.3, 13.2.2.4).
void Server::Impl::on_ack(Turn& turn) {
  const auto invite = transactions.find_invite(*turn.message, turn.via, turn.flow);
  if (invite && !transactions.on_ack(invite, turn.now, turn.out)) return;
  if (has_our_tag(turn.message->text(HeaderId::to))) return;  // to an answer without state
  if (is_stray(turn)) {
    ++counters.stray_requests;
    return;
  }
  forward_statelessly(turn);
}

void Server::Impl::on_cancel(Turn& turn) {
  const auto invite = transactions.find_invite(*turn.message, turn.via, turn.flow);
  const auto* const t = transactions.get(invite);
  if (t) {
    const auto id = context_of(t->owner.user_data);
    answer(200, turn);
    if (auto* const c = t->owner.purpose == Purpose::proxy ? contexts.find(id) : nullptr) {
      if (c->server != invite) return;
      cancel_all(*c, turn.now, turn.out);
      check(id, *c, turn.now, turn.out);
    }
    return;
  }
  if (is_stray(turn)) {
    ++counters.stray_requests;
    return answer(481, turn);
  }
  if (turn.to_ours && is_self(turn.uri)) return answer(481, turn);
  forward_statelessly(turn);
}

}  // namespace sip
