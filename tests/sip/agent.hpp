// One endpoint whose peer the test plays by hand: it takes what is sent, message by message, and
// writes the answers.
#pragma once

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

#include "sip/message_builder.hpp"
#include "tests/sip/pair.hpp"

namespace sip::test {

// A message that an Agent has sent.
struct Sent {
  Flow flow;
  std::string bytes;

  std::string_view method() const { return std::string_view(bytes).substr(0, bytes.find(' ')); }
  // The value of the first such header; empty when there is none.
  std::string_view header(std::string_view name) const {
    const auto line = "\r\n" + std::string(name) + ": ";
    const auto at = bytes.find(line);
    if (at == std::string::npos) return {};
    const auto begin = at + line.size();
    return std::string_view(bytes).substr(begin, bytes.find("\r\n", begin) - begin);
  }
  std::string_view branch() const {
    const auto via = header("Via");
    return via.substr(via.find("branch="));
  }
};

struct Agent {
  static constexpr std::string_view tag = "b";  // of the peer
  explicit Agent(EndpointConfig config = {}) : node("192.0.2.1:5060", 1, std::move(config)) {
    node.endpoint.on_listening({Transport::udp, node.address, {}, 0});
    node.endpoint.on_listening({Transport::tcp, address_of("192.0.2.1:5062"), {}, 0});
  }
  Flow to(const char* address, Transport transport = Transport::udp) const {
    return {transport, node.address, address_of(address), ConnectionId::none};
  }

  RequestSpec message(std::size_t body, Transport transport = Transport::udp) const {
    RequestSpec spec;
    spec.method = "MESSAGE";
    spec.request_uri = "sip:bob@192.0.2.2";
    spec.from = "<sip:alice@example.org>";
    spec.to = "<sip:bob@example.org>";
    spec.destination = to("192.0.2.2:5060", transport);
    spec.content_type = "text/plain";
    spec.body = std::string(body, 'x');
    return spec;
  }
  InviteSpec invitation(std::string body = "v=0 offer") const {
    InviteSpec spec;
    spec.request_uri = "sip:bob@192.0.2.2";
    spec.from = "<sip:alice@example.org>";
    spec.to = "<sip:bob@example.org>";
    spec.destination = to("192.0.2.2:5060");
    spec.body = std::move(body);
    return spec;
  }
  RequestId ask(const RequestSpec& spec) {
    return node.endpoint.send_request(spec, node.now, node.out);
  }
  CallId call(const InviteSpec& spec) { return node.endpoint.invite(spec, node.now, node.out); }
  RequestId in_call(CallId call, std::string method = "INFO") {
    InCallRequestSpec spec;
    spec.method = std::move(method);
    return node.endpoint.send_in_call(call, spec, node.now, node.out);
  }
  RequestId change(CallId call, std::string method = "INVITE", std::string body = "v=0 new offer") {
    ChangeSpec spec;
    spec.method = std::move(method);
    spec.body = std::move(body);
    return node.endpoint.change_call(call, spec, node.now, node.out);
  }

  // The only message that was sent since.
  Sent take() {
    REQUIRE(node.out.sends.size() == 1);
    return take_all()[0];
  }
  std::vector<Sent> take_all() {
    std::vector<Sent> all;
    for (const auto& send : node.out.sends)
      all.push_back({send.flow, std::string(node.out.bytes(send))});
    node.out.clear_sends();
    return all;
  }
  bool silent() const { return node.out.sends.empty(); }
  // The only look-up that waits; it is answered by these.
  std::string resolve(std::vector<Flow> targets) {
    REQUIRE(node.out.lookups.size() == 1);
    const auto lookup = node.out.lookups[0];
    node.out.lookups.clear();
    node.endpoint.on_resolved(lookup.id, targets, node.now, node.out);
    return lookup.uri;
  }

  void receive(std::string bytes, const Flow& from) {
    received = std::move(bytes);
    node.endpoint.on_message(received, from, node.now, node.out);
  }
  void answer(const Sent& request, int status, const std::vector<HeaderField>& headers = {},
              std::string_view body = {}) {
    MessageView view;
    REQUIRE(parse_message(request.bytes, view).has_value());
    std::string response;
    MessageBuilder builder(response);
    builder.respond_to(view, status, {}, {.source = {}, .to_tag = tag});
    for (const auto& field : headers) builder.header(field.name, field.value);
    builder.finish("application/sdp", body);
    receive(std::move(response), request.flow);
  }
  // A request of the peer in the dialog of `ours`, a request of the agent.
  void peer_asks(const Sent& ours, std::string_view method, int cseq,
                 const std::vector<HeaderField>& headers = {}, std::string_view body = {}) {
    std::string to(ours.header("From")), from(ours.header("To")), request;
    if (from.find(";tag=") == std::string::npos) from += ";tag=" + std::string(tag);
    MessageBuilder builder(request);
    builder.request(method, "sip:alice@192.0.2.1")
        .header("Via", "SIP/2.0/UDP 192.0.2.2:5060;branch=z9hG4bKpeer" + std::to_string(cseq))
        .header("From", from)
        .header("To", to)
        .header("Call-ID", ours.header("Call-ID"))
        .header("CSeq", std::to_string(cseq) + ' ' + std::string(method));
    for (const auto& field : headers) builder.header(field.name, field.value);
    builder.finish("application/sdp", body);
    receive(std::move(request), ours.flow);
  }
  void fail(const Flow& flow) { node.endpoint.on_send_failed(flow, node.now, node.out); }
  void pass(Duration time) {
    node.now += time;
    node.endpoint.on_deadline(node.now, node.out);
  }
  std::string heard() {
    std::string text;
    for (const auto& event : node.out.events) text += std::visit(Describe(), event) + " ";
    node.out.events.clear();
    return text;
  }

  Node node;
  std::string received;
};

}  // namespace sip::test
