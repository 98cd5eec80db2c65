// Endpoint: by what a request leaves: large ones by TCP (RFC 3261 18.1.1).
#include "sip/endpoint_impl.hpp"
#include "sip/transport_choice.hpp"

namespace sip {

// Sends what the writer has just written.
TransactionId Endpoint::Impl::start_client(std::string_view method, const Flow& flow,
                                           const Owner& owner, TimePoint now, Output& out) {
  ++counters.requests_sent[static_cast<std::size_t>(counted(method_from(method)))];
  const bool large =
      config.large_by_stream &&
      transport_for(writer.text().size(), flow.transport, config.path_mtu) != flow.transport;
  const auto by = large ? writer.stream_for(flow) : flow;
  if (large) writer.write_by(by, writer.text());
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

}  // namespace sip
