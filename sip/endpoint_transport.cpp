// Endpoint: by what a request leaves: large ones by TCP (RFC 3261 18.1.1), those of a dialog by
// where its next hop is found (12.2.1.1, RFC 3263).
#include "sip/endpoint_impl.hpp"
#include "sip/transport_choice.hpp"

namespace sip {

// What the writer has just written.
bool Endpoint::Impl::is_too_large_for(const Flow& flow) const {
  return config.large_by_stream &&
         transport_for(writer.text().size(), flow.transport, config.path_mtu) != flow.transport;
}

// An ACK to a 2xx has no transaction that would fall back: its owner keeps the datagram, and
// repeats that when the 2xx comes again.
void Endpoint::Impl::send_ack_by(const Flow& flow, Output& out) {
  const auto by = is_too_large_for(flow) ? writer.stream_for(flow) : flow;
  if (by != flow) writer.write_by(by, writer.text());
  counters.count_request_sent(CountedMethod::ack, by.transport);
  out.send(by, writer.text());
}

// Sends what the writer has just written.
TransactionId Endpoint::Impl::start_client(std::string_view method, const Flow& flow,
                                           const Owner& owner, TimePoint now, Output& out) {
  const bool large = is_too_large_for(flow);
  const auto by = large ? writer.stream_for(flow) : flow;
  if (large) writer.write_by(by, writer.text());
  counters.count_request_sent(counted(method_from(method)), by.transport);
  const auto id = transactions.start_client(method == "INVITE",
                                            transactions.response_key(writer.branch(), method),
                                            writer.text(), by, owner, now, out);
  if (large) large_requests[id.index] = {id, flow};
  return id;
}

// Nobody takes the connection: by UDP after all, in the same transaction.
void Endpoint::Impl::fall_back(const Flow& failed, TimePoint now, Output& out) {
  if (large_requests.empty() || failed.transport != Transport::tcp) return;
  for (const auto id : transactions.clients_on(failed)) {
    const auto known = large_requests.find(id.index);
    if (known == large_requests.end() || known->second.transaction != id) continue;
    const auto datagram = known->second.datagram;
    large_requests.erase(known);
    writer.write_by(datagram, transactions.get(id)->message);
    transactions.restart_client(id, writer.text(), datagram, now, out);
  }
}

void Endpoint::Impl::on_flow_failed(const Flow& flow, TimePoint now, Output& out) {
  current = {};
  fall_back(flow, now, out);
  transactions.on_flow_failed(flow, reports);
  on_reports(now, out);
}

bool Endpoint::Impl::full() const {
  return transactions.full() || lookups.size() >= config.limits.transactions;
}

// --- inside dialogs ------------------------------------------------------------------------------

// Where its next request goes (12.2.1.1).
void Endpoint::Impl::aim(Dialog& dialog) const {
  if (!config.follow_targets) return;
  const auto hop = dialog.next_hop();
  const auto uri = parse_uri(hop);
  if (!uri) return;
  dialog.unresolved = uri->host.kind == HostKind::name && hop != dialog.resolved_hop;
  if (uri->host.kind == HostKind::name) return;
  dialog.resolved_hop.clear();
  const auto ip = IpAddress::parse(uri->host.host);
  if (!ip || ip->is_unspecified()) return;
  auto transport = transport_from(uri->transport()).value_or(Transport::udp);
  if (uri->scheme == UriScheme::sips && transport != Transport::wss) transport = Transport::tls;
  const Address remote{*ip, uri->host.port_or(default_port(transport))};
  if (remote == dialog.flow.remote && transport == dialog.flow.transport) return;
  if (transport != dialog.flow.transport) dialog.flow.local.port = 0;
  dialog.flow.transport = transport;
  dialog.flow.remote = remote;
  dialog.flow.connection = ConnectionId::none;
}

// What the writer has just written.
RequestId Endpoint::Impl::start_in_dialog(const Dialog& dialog, std::string_view method,
                                          const Owner& owner, const Persistence& persistence,
                                          bool own_contact, TimePoint now, Output& out) {
  return start_request(method, dialog.flow, owner, persistence, own_contact, now, out,
                       dialog.unresolved ? dialog.next_hop() : std::string());
}

// The same for what is not an attempt once it is sent: changes, which have tries of their own, and
// ACK, which has no transaction.
void Endpoint::Impl::send_in_dialog(const Dialog& dialog, std::string_view method,
                                    const Owner& owner, TimePoint now, Output& out) {
  if (!dialog.unresolved) {
    if (owner.purpose == Purpose::ack) return send_ack_by(dialog.flow, out);
    return send_found(owner, method, dialog.flow, now, out);
  }
  const auto id = take_attempt({}, dialog.flow, owner, true);
  attempts.at(id.index).sent = false;
  look_up_first(id, dialog.next_hop(), out);
}

void Endpoint::Impl::send_found(const Owner& owner, std::string_view method, const Flow& flow,
                                TimePoint now, Output& out) {
  if (owner.purpose != Purpose::ack) {
    const auto id = start_client(method, flow, owner, now, out);
    auto* call = owner.purpose == Purpose::change ? calls.find(owner.call) : nullptr;
    if (call && call->extra) call->extra->ours.transaction = id;
    return;
  }
  // It was written anew for the way that was found, and is repeated so.
  if (auto* call = calls.find(owner.call); call && parse_message(writer.text(), stored)) {
    const auto cseq = stored.cseq()->number;
    if (cseq == call->invite_cseq) call->ack = writer.text();
    if (call->extra && cseq == call->extra->ours.ack_cseq) call->extra->ours.ack = writer.text();
  }
  send_ack_by(flow, out);
}

// What was found for one request of a dialog serves the next ones.
void Endpoint::Impl::note_way(const Attempt& attempt, const Flow& flow) {
  if (attempt.sent) return;  // a redirection: the dialog has another target then
  const auto to = stored.to();
  auto* dialog = to ? dialog_of(attempt.owner, to->tag()) : nullptr;
  if (!dialog || dialog->next_hop() != attempt.hop) return;
  dialog->flow = flow;
  dialog->unresolved = false;
  dialog->resolved_hop = attempt.hop;
}

Dialog* Endpoint::Impl::dialog_of(const Owner& owner, std::string_view remote_tag) {
  switch (owner.purpose) {
    case Purpose::invite:
    case Purpose::ack:
    case Purpose::bye:
    case Purpose::change:
    case Purpose::prack:
    case Purpose::in_call_request: {
      auto* call = calls.find(owner.call);
      return call ? &dialog_with(*call, remote_tag) : nullptr;
    }
    case Purpose::subscribe:
    case Purpose::notify: {
      auto* s = subscriptions.find(owned<SubscriptionId>(owner.call));
      return s ? &dialog_of(*s) : nullptr;
    }
    default:
      return nullptr;
  }
}

}  // namespace sip
