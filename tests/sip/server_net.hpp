// User agents and a Server on a virtual network in virtual time: what each sends arrives at whoever
// has that address, or is lost on the way.
#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "sip/server.hpp"
#include "tests/sip/pair.hpp"

namespace sip::test {

class Net {
 public:
  explicit Net(ServerConfig config, support::LinkOptions options = {})
      : options_(options), server(std::move(config), Seed{9}, location) {
    server.on_listening({Transport::udp, server_at_, {}, 0});
  }

  // Must outlive the net.
  void add(Node& node) {
    node.now = now_;
    node.endpoint.on_listening({Transport::udp, node.address, {}, 0});
    nodes_.push_back(&node);
  }
  // As REGISTER would have done.
  void bind(const std::string& user, const Node& node, std::uint16_t q_1000 = 1000) {
    Binding binding;
    binding.contact = "sip:" + user + "@" + to_string(node.address);
    binding.q_1000 = q_1000;
    binding.expires_at = now_ + std::chrono::hours(24);
    binding.call_id = binding.contact;
    binding.flow = {Transport::udp, server_at_, node.address, ConnectionId::none};
    location.put("sip:" + user + "@example.org", binding);
  }
  CallId call(Node& from, const std::string& user) {
    InviteSpec spec;
    spec.request_uri = "sip:" + user + "@example.org";
    spec.from = "<sip:alice@example.org>";
    spec.to = "<sip:" + user + "@example.org>";
    spec.destination = {Transport::udp, from.address, server_at_, ConnectionId::none};
    spec.body = "v=0 offer";
    const auto id = from.endpoint.invite(spec, now_, from.out);
    settle();
    return id;
  }
  template <class Act>
  void act(Node& node, Act&& a) {
    a(node);
    settle();
  }

  bool step(TimePoint until) {
    auto next = server.next_deadline();
    for (const auto& [key, link] : links_) next = std::min(next, link.next_arrival());
    for (const auto* node : nodes_) next = std::min(next, node->endpoint.next_deadline());
    if (next > until) {
      now_ = until;
      for (auto* node : nodes_) node->now = now_;
      return false;
    }
    now_ = std::max(now_, next);
    for (auto* node : nodes_) node->now = now_;
    deliver();
    if (server.next_deadline() <= now_) server.on_deadline(now_, out_);
    settle();
    for (auto* node : nodes_)
      if (node->endpoint.next_deadline() <= now_) node->endpoint.on_deadline(now_, node->out);
    settle();
    return true;
  }
  void run_for(Duration duration) {
    const auto until = now_ + duration;
    while (step(until)) {
    }
  }
  template <class Done>
  void run_until(Done&& done) {
    const auto until = now_ + std::chrono::minutes(10);
    while (!done() && step(until)) {
    }
  }
  // Everything that can still happen; the bindings stay.
  void run_out() { run_for(std::chrono::minutes(15)); }

  // Nothing is left but bindings.
  std::string left() const {
    std::string text;
    const auto note = [&text](const char* what, std::size_t count) {
      if (count != 0) text += std::string(what) + ":" + std::to_string(count) + " ";
    };
    note("server transactions", server.counters().transactions);
    note("contexts", server.server_counters().contexts);
    for (const auto* node : nodes_) {
      note("transactions", node->endpoint.counters().transactions);
      note("calls", node->endpoint.counters().calls);
    }
    return text;
  }

 private:
  using Key = std::pair<Address, Address>;

  support::Link<Datagram>& link(const Address& from, const Address& to) {
    const auto [at, fresh] = links_.try_emplace(Key{from, to}, options_);
    if (fresh) {
      auto options = options_;
      options.seed += 7919 * links_.size();
      at->second = support::Link<Datagram>(options);
    }
    return at->second;
  }
  void deliver() {
    for (auto& [key, link] : links_) {
      while (auto datagram = link.receive(now_)) {
        if (key.second == server_at_) {
          server.on_message(datagram->bytes, datagram->from, now_, out_);
        } else {
          for (auto* node : nodes_)
            if (node->address == key.second)
              node->endpoint.on_message(datagram->bytes, datagram->from, now_, node->out);
        }
        settle();  // before the bytes go
      }
    }
  }
  void settle() {
    send(server_at_, out_);
    out_.clear();
    for (auto* node : nodes_) {
      for (std::size_t i = 0; i < node->out.events.size(); ++i) {
        const Event event = node->out.events[i];
        node->heard.push_back(std::visit(Describe(), event));
        if (const auto* e = std::get_if<event::IncomingCall>(&event)) node->call = e->call;
        if (const auto* e = std::get_if<event::CallAnswered>(&event)) node->call = e->call;
        node->rule(*node, event);
      }
      send(node->address, node->out);
      node->out.clear();
    }
  }
  void send(const Address& from, const Output& out) {
    for (const auto& send : out.sends) {
      const auto& to = send.flow.remote;
      link(from, to).send(now_, {{send.flow.transport, to, from, ConnectionId::none},
                                 std::string(out.bytes(send))});
    }
  }

  support::LinkOptions options_;
  Address server_at_ = address_of("192.0.2.100:5060");
  TimePoint now_{std::chrono::hours(1)};
  std::vector<Node*> nodes_;
  std::map<Key, support::Link<Datagram>> links_;
  Output out_;

 public:
  Location location;
  Server server;
};

}  // namespace sip::test
