// Two endpoints, the links between them, and the time: the world of the endpoint's tests.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "sip/endpoint.hpp"
#include "tests/support/link.hpp"

namespace sip::test {

inline Address address_of(const char* text) {
  return *Address::parse(text);
}

// One endpoint with a user that follows a rule and writes down what it hears.
struct Node {
  Node(const char* at, std::uint32_t seed, EndpointConfig config = {})
      : address(address_of(at)), endpoint(std::move(config), Seed{seed}) {}

  Address address;
  Endpoint endpoint;
  Output out;
  TimePoint now{};
  std::vector<std::string> heard;   // one word for each event
  std::vector<std::string> bodies;  // of what was heard
  CallId call;                      // the last one heard of
  std::function<void(Node&, const Event&)> rule = [](Node&, const Event&) {};

  Flow flow_to(const Node& peer, Transport transport = Transport::udp) const {
    return {transport, address, peer.address, ConnectionId::none};
  }
  std::string log() const {
    std::string text;
    for (const auto& word : heard) text += word + " ";
    return text;
  }
};

inline std::string status_text(Cause cause, int status) {
  return cause == Cause::answered
             ? std::to_string(status)
             : std::to_string(status) + "(" + std::string(to_string(cause)) + ")";
}

struct Describe {
  std::string operator()(const event::IncomingRequest& e) const {
    return (e.call ? "in-call:" : "request:") + std::string(e.message->method_text());
  }
  std::string operator()(const event::RequestDone& e) const {
    return "done:" + status_text(e.cause, e.status);
  }
  std::string operator()(const event::CallProgress& e) const {
    return "progress:" + std::to_string(e.status);
  }
  std::string operator()(const event::CallAnswered&) const { return "answered"; }
  std::string operator()(const event::CallFailed& e) const {
    return "failed:" + status_text(e.cause, e.status);
  }
  std::string operator()(const event::CallEnded& e) const {
    return "ended:" + std::string(to_string(e.by));
  }
  std::string operator()(const event::IncomingCall&) const { return "call"; }
  std::string operator()(const event::CallConfirmed&) const { return "confirmed"; }
  std::string operator()(const event::BadMessage&) const { return "bad"; }
  std::string operator()(const event::ConnectionClosed&) const { return "closed"; }
  std::string operator()(const event::CallForked&) const { return "forked"; }
  std::string operator()(const event::ProvisionalAcknowledged& e) const {
    return e.message ? "prack" : "no-prack";
  }
  std::string operator()(const event::IncomingSubscription& e) const {
    return "subscription:" + std::to_string(e.expires);
  }
  std::string operator()(const event::SubscriptionRefreshed& e) const {
    return "refreshed:" + std::to_string(e.expires);
  }
  std::string operator()(const event::SubscriptionAccepted& e) const {
    return "accepted:" + std::to_string(e.expires);
  }
  std::string operator()(const event::Notified& e) const {
    return "notified:" + std::string(e.message->text(HeaderId::subscription_state));
  }
  std::string operator()(const event::SubscriptionForked&) const { return "subscription-forked"; }
  std::string operator()(const event::SubscriptionEnded& e) const {
    return "subscription-ended:" + status_text(e.cause, e.status) +
           (e.reason.empty() ? "" : ":" + std::string(e.reason));
  }
  std::string operator()(const event::RegistrationChanged& e) const {
    return "registration-" + std::string(to_string(e.news)) + ":" + status_text(e.cause, e.status);
  }
  std::string operator()(const event::PublicationChanged& e) const {
    return "publication-" + std::string(to_string(e.news)) + ":" + status_text(e.cause, e.status);
  }
};

struct Datagram {
  Flow from;  // as the receiver sees it
  std::string bytes;
};

// What travels is also written down: "a>INVITE b>100 b>200 a>ACK ".
class Pair {
 public:
  explicit Pair(support::LinkOptions options = {}, EndpointConfig config = {})
      : a("192.0.2.1:5060", 1, config),
        b("192.0.2.2:5060", 2, config),
        to_b_(options),
        to_a_(options) {
    options.seed += 1000;
    to_a_ = support::Link<Datagram>(options);
  }

  Node a, b;
  std::string wire;
  // What the link does to a message before its own chances: true drops it.
  std::function<bool(const std::string& word)> drop = [](const std::string&) { return false; };

  TimePoint now() const { return now_; }
  std::int64_t ms() const {
    return std::chrono::duration_cast<std::chrono::milliseconds>(now_ - TimePoint{}).count();
  }

  // Events are handled, and what is to be sent is put on the wire.
  void settle() {
    settle(a, b, to_b_, "a>");
    settle(b, a, to_a_, "b>");
  }
  // To the next thing that happens. False when nothing ever will.
  bool step(TimePoint until = never) {
    settle();
    const auto next = std::min({to_a_.next_arrival(), to_b_.next_arrival(),
                                a.endpoint.next_deadline(), b.endpoint.next_deadline()});
    if (next == never || next > until) {
      if (until != never) now_ = until;
      return false;
    }
    now_ = std::max(now_, next);
    for (auto* node : {&a, &b}) node->now = now_;
    if (auto datagram = to_a_.receive(now_)) {
      deliver(a, *datagram);
    } else if (auto other = to_b_.receive(now_)) {
      deliver(b, *other);
    } else {
      for (auto* node : {&a, &b})
        if (node->endpoint.next_deadline() <= now_) node->endpoint.on_deadline(now_, node->out);
    }
    settle();
    return true;
  }
  void run() {
    while (step()) {
    }
  }
  void run_for(Duration duration) {
    const auto until = now_ + duration;
    while (step(until)) {
    }
    for (auto* node : {&a, &b}) node->now = now_;
  }

 private:
  void deliver(Node& node, const Datagram& datagram) {
    node.endpoint.on_message(datagram.bytes, datagram.from, now_, node.out);
    settle();  // before the bytes go
  }
  static std::string word_of(std::string_view message) {
    if (message.starts_with("SIP/2.0 ")) return std::string(message.substr(8, 3));
    return std::string(message.substr(0, message.find(' ')));
  }
  void settle(Node& node, Node& peer, support::Link<Datagram>& link, const char* name) {
    for (std::size_t i = 0; i < node.out.events.size(); ++i) {
      const Event event = node.out.events[i];
      node.heard.push_back(std::visit(Describe(), event));
      if (const auto* e = std::get_if<event::IncomingCall>(&event)) node.call = e->call;
      if (const auto* e = std::get_if<event::CallAnswered>(&event)) node.call = e->call;
      node.rule(node, event);
    }
    for (const auto& send : node.out.sends) {
      const auto bytes = node.out.bytes(send);
      const auto word = name + word_of(bytes);
      wire += word + " ";
      if (drop(word)) continue;
      Flow from{send.flow.transport, peer.address, node.address, send.flow.connection};
      link.send(now_, {from, std::string(bytes)});
    }
    auto lookups = std::move(node.out.lookups);  // whoever answers them finds them here
    node.out.clear();
    node.out.lookups = std::move(lookups);
  }

  support::Link<Datagram> to_b_, to_a_;
  TimePoint now_{};
};

// Rules.
inline void answer_requests(Node& node, const Event& event) {
  if (const auto* e = std::get_if<event::IncomingRequest>(&event)) {
    node.bodies.emplace_back(e->message->body());
    node.endpoint.respond(e->transaction, {}, node.now, node.out);
  }
}
inline void accept_calls(Node& node, const Event& event) {
  answer_requests(node, event);
  if (const auto* e = std::get_if<event::IncomingCall>(&event)) {
    ResponseSpec ok;
    ok.content_type = "application/sdp";
    ok.body = "v=0 answer";
    node.bodies.emplace_back(e->message->body());
    node.endpoint.answer(e->call, ok, node.now, node.out);
  }
}

inline RequestSpec message_to(const Node& from, const Node& to, std::string body = "<Notify/>") {
  RequestSpec spec;
  spec.method = "MESSAGE";
  spec.request_uri = "sip:34020000002000000001@3402000000";
  spec.from = "<sip:34020000001320000001@3402000000>";
  spec.to = "<sip:34020000002000000001@3402000000>";
  spec.destination = from.flow_to(to);
  spec.content_type = "Application/MANSCDP+xml";
  spec.body = std::move(body);
  return spec;
}
inline InviteSpec invite_to(const Node& from, const Node& to) {
  InviteSpec spec;
  spec.request_uri = "sip:34020000001320000001@192.0.2.2:5060";
  spec.from = "<sip:34020000002000000001@3402000000>";
  spec.to = "<sip:34020000001320000001@3402000000>";
  spec.destination = from.flow_to(to);
  spec.headers = {{"Subject", "34020000001320000001:0100000001,34020000002000000001:0"}};
  spec.body = "v=0 offer";
  return spec;
}

}  // namespace sip::test
