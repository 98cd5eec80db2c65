// A Server between named peers that say what the test tells them: what leaves the server is written
// down as "bob<INVITE alice<100 ", in virtual time.
#pragma once

#include <algorithm>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "sip/message_builder.hpp"
#include "sip/server.hpp"

namespace sip::test {

inline Flow flow_between(std::string_view local, std::string_view remote,
                         Transport transport = Transport::udp, std::uint64_t connection = 0) {
  return {transport, *Address::parse(local), *Address::parse(remote), ConnectionId{connection}};
}

inline std::string_view word_of(std::string_view message) {
  return message.starts_with("SIP/2.0 ") ? message.substr(8, 3)
                                         : message.substr(0, message.find(' '));
}

// Values of one header, joined with " | ".
inline std::string header_of(std::string_view message, std::string_view name) {
  const auto parsed = parse_message(message);
  if (!parsed) return "unreadable";
  std::string all;
  for (std::size_t i = 0; i < parsed->header_count(); ++i) {
    const auto header = parsed->header(i);
    if (header.name != name) continue;
    if (!all.empty()) all += " | ";
    all += header.value;
  }
  return all;
}

inline std::string uri_of(std::string_view message) {
  const auto from = message.find(' ') + 1;
  return std::string(message.substr(from, message.find(' ', from) - from));
}

inline ServerConfig open_proxy() {
  ServerConfig config;
  config.domains = {"example.org"};
  config.relay_for = RelayFor::everyone;
  return config;
}

class Scene {
 public:
  explicit Scene(ServerConfig config = open_proxy(), const Accounts* accounts = nullptr)
      : server(std::move(config), Seed{7}, location, accounts) {
    server.on_listening({Transport::udp, *Address::parse("192.0.2.1:5060"), {}, 0});
    server.on_listening({Transport::tcp, *Address::parse("192.0.2.1:5060"), {}, 0});
    server.on_listening({Transport::ws, *Address::parse("192.0.2.1:8080"), {}, 0});
    peer("alice", flow_between("192.0.2.1:5060", "192.0.2.10:5060"));
    peer("bob", flow_between("192.0.2.1:5060", "192.0.2.20:5060"));
    peer("bob2", flow_between("192.0.2.1:5060", "192.0.2.21:5060"));
    peer("carol", flow_between("192.0.2.1:5060", "192.0.2.30:5060"));
  }

  Location location;
  Server server;
  Output out;
  TimePoint now{std::chrono::hours(1)};
  std::string trace;
  bool timed = false;  // "500:bob<INVITE", milliseconds from the first
  std::vector<Lookup> lookups;
  std::map<std::string, std::deque<std::string>> got;  // by peer, oldest first

  void peer(const std::string& name, const Flow& flow) { peers_[name] = flow; }
  const Flow& flow(const std::string& name) const { return peers_.at(name); }

  void bind(const std::string& user, const std::string& contact, const std::string& at,
            std::uint16_t q_1000 = 1000, const std::string& path = {}) {
    Binding binding;
    binding.contact = contact;
    binding.q_1000 = q_1000;
    binding.path = path;
    binding.expires_at = now + std::chrono::hours(1);
    binding.call_id = contact;
    binding.flow = flow(at);
    location.put("sip:" + user + "@example.org", binding);
  }

  void send(const std::string& from, std::string_view bytes) {
    const std::string copy(bytes);
    server.on_message(copy, flow(from), now, out);
    settle();
  }
  // The newest thing that `name` got with this word ("INVITE", "200").
  std::string last(const std::string& name, std::string_view word) const {
    const auto all = got.find(name);
    if (all == got.end()) return {};
    for (auto m = all->second.rbegin(); m != all->second.rend(); ++m)
      if (word_of(*m) == word) return *m;
    return {};
  }
  // `name` answers the newest request of this method.
  void reply(const std::string& name, std::string_view method, int status,
             std::vector<std::pair<std::string, std::string>> headers = {}) {
    const auto request = last(name, method);
    const auto parsed = parse_message(request);
    if (!parsed) {
      trace += "(" + name + " has no " + std::string(method) + ") ";
      return;
    }
    std::string bytes;
    MessageBuilder message(bytes);
    message.respond_to(*parsed, status, {}, {.source = {}, .to_tag = "tag-" + name});
    for (const auto& [header, value] : headers) message.header(header, value);
    if (status / 100 == 2) message.header(HeaderId::contact, "<sip:" + name + "@192.0.2.99:5060>");
    message.finish();
    send(name, bytes);
  }
  void resolve(std::size_t index, std::vector<std::string> names) {
    std::vector<Flow> targets;
    for (const auto& name : names) {
      targets.push_back(flow(name));
      targets.back().local = {};
    }
    server.on_resolved(lookups.at(index).id, targets, now, out);
    settle();
  }
  void run_for(Duration duration) {
    const auto until = now + duration;
    while (server.next_deadline() <= until) {
      now = std::max(now, server.next_deadline());
      server.on_deadline(now, out);
      settle();
    }
    now = until;
  }
  // Calls the server by hand.
  template <class F>
  void act(F&& f) {
    f(server, now, out);
    settle();
  }
  void fail_sends_to(const std::string& name) {
    server.on_send_failed(flow(name), now, out);
    settle();
  }
  // What was written down since the last time.
  std::string take() {
    if (trace.ends_with(' ')) trace.pop_back();
    return std::exchange(trace, {});
  }

 private:
  std::string name_of(const Flow& to) const {
    for (const auto& [name, flow] : peers_)
      if (flow.transport == to.transport && flow.remote == to.remote) return name;
    return describe(to);
  }
  void settle() {
    for (const auto& lookup : out.lookups) {
      trace += "?" + lookup.uri + " ";
      lookups.push_back(lookup);
    }
    for (const auto& send : out.sends) {
      const auto bytes = out.bytes(send);
      const auto name = name_of(send.flow);
      if (timed) trace += std::to_string((now - begin_) / std::chrono::milliseconds(1)) + ":";
      trace += name + "<" + std::string(word_of(bytes)) + " ";
      got[name].emplace_back(bytes);
    }
    out.clear();
  }

  TimePoint begin_ = now;
  std::map<std::string, Flow> peers_;
};

struct RequestOptions {
  std::string_view from = "<sip:alice@example.org>;tag=a1";
  std::string_view to = "<sip:bob@example.org>";
  std::string_view via = "SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bK-a1";
  std::string_view call_id = "call-1";
  int cseq = 1;
  std::string_view extra = {};  // whole header lines
  std::string_view max_forwards = "70";
  std::string_view body = {};
};

inline std::string request(std::string_view method, std::string_view uri,
                           const RequestOptions& o = {}) {
  std::string text;
  text.append(method).append(" ").append(uri).append(" SIP/2.0\r\nVia: ").append(o.via);
  text.append("\r\nFrom: ").append(o.from).append("\r\nTo: ").append(o.to);
  text.append("\r\nCall-ID: ").append(o.call_id);
  text.append("\r\nCSeq: ").append(std::to_string(o.cseq)).append(" ").append(method);
  text.append("\r\n");
  if (!o.max_forwards.empty()) text.append("Max-Forwards: ").append(o.max_forwards).append("\r\n");
  text.append("Contact: <sip:alice@192.0.2.10:5060>\r\n").append(o.extra);
  text.append("Content-Length: ").append(std::to_string(o.body.size())).append("\r\n\r\n");
  text.append(o.body);
  return text;
}

}  // namespace sip::test
