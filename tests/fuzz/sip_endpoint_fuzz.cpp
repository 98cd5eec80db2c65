// A whole endpoint in a hostile world that the input decides: its bytes are what peers send, as
// they are and in pieces, and what is drawn from them chooses what happens in between: answers
// to what we sent (any status, any tag), our own messages sent back, replays, users that call,
// answer, ask and hang up, flows that fail, clocks that jump.
//
// Properties: no fault; what it sends is SIP that our own parser reads; transactions, calls and
// what one event causes are bounded; ten minutes after the last of it everything is over.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <source_location>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sip/endpoint.hpp"
#include "sip/message_builder.hpp"
#include "sip/transactions.hpp"

namespace {

using namespace sip;
using namespace std::chrono_literals;

constexpr std::size_t most_transactions = 40;
constexpr std::size_t most_calls = 12;
constexpr std::size_t most_registrations = 4;
constexpr std::size_t remembered = 16;
constexpr int steps = 48;

void require(bool condition, std::source_location at = std::source_location::current()) {
  if (condition) return;
  std::fprintf(stderr, "line %u: what must hold does not\n", static_cast<unsigned>(at.line()));
  std::abort();
}

// A camera's peer, or a user agent by the book, as the input's size decides.
EndpointConfig config(std::size_t size) {
  EndpointConfig c;
  c.limits.transactions = most_transactions;
  c.limits.calls = most_calls;
  c.limits.registrations = most_registrations;
  c.follow_targets = size % 2 == 1;
  c.lenient_dialogs = size % 3 != 1;
  c.user_handles_changes = size % 5 < 3;
  return c;
}

struct Sent {
  std::string bytes;
  Flow flow;
};

class World {
 public:
  World(const std::uint8_t* data, std::size_t size)
      : endpoint_(config(size), Seed{42}),
        input_(reinterpret_cast<const char*>(data), size),
        chance_(0x9e3779b97f4a7c15u ^ size) {
    for (const char c : input_)
      chance_ = (chance_ ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  }

  void run() {
    for (int i = 0; i < steps; ++i) {
      step();
      settle();
    }
    end();
  }

 private:
  std::uint64_t draw() {  // splitmix64
    auto z = chance_ += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
  }
  std::size_t below(std::size_t n) { return n == 0 ? 0 : draw() % n; }

  Flow flow() {
    const auto transport = below(3) == 0 ? Transport::tcp : Transport::udp;
    const auto connection = transport == Transport::tcp ? below(3) : 0;
    return {transport,
            {IpAddress::loopback(), 5060},
            {IpAddress::loopback(), static_cast<std::uint16_t>(5060 + below(3))},
            ConnectionId{connection}};
  }

  void step() {
    switch (below(15)) {
      case 14:
        return below(2) == 0 ? keep_registered() : change_call();
      case 0:
      case 1:
        return receive(input_, flow());
      case 2:
        return receive(input_.substr(below(input_.size() + 1)), flow());
      case 3:
        return receive(input_.substr(0, below(input_.size() + 1)), flow());
      case 4:
      case 5:
      case 6:
        return answer_something();
      case 7:
        return echo();
      case 8:
        return ask();
      case 9:
        return call();
      case 10:
        return use_call();
      case 11:
        if (below(2) == 0) {
          endpoint_.on_connection_closed(flow(), now_, out_);
        } else {
          endpoint_.on_send_failed(flow(), now_, out_);
        }
        return;
      case 12:
        return pass(below(5) == 0 ? 1h * below(100) : 1ms * below(40'000));
      default:
        return pass_to_deadline();
    }
  }

  void receive(std::string_view bytes, const Flow& from) {
    received_.assign(bytes);
    endpoint_.on_message(received_, from, now_, out_);
  }
  const Sent* some_sent() { return sent_.empty() ? nullptr : &sent_[below(sent_.size())]; }

  // A response to one of our requests, as a peer would write it or nearly so.
  void answer_something() {
    const auto* sent = some_sent();
    if (!sent || !parse_message(sent->bytes, view_) || !view_.is_request()) return;
    static constexpr int usual[] = {100, 180, 183, 200, 200, 200, 202, 302,
                                    401, 407, 422, 481, 486, 487, 491, 503};
    const int status =
        below(4) == 0 ? 100 + static_cast<int>(below(600)) : usual[below(std::size(usual))];
    static constexpr std::string_view tags[] = {"", "a", "b", "c"};
    static constexpr std::string_view contacts[] = {
        "<sip:x@127.0.0.1:5061>", "<sip:x@h.example.com>", "<sip:y@127.0.0.1;transport=tcp>"};
    std::string text;
    MessageBuilder response(text);
    response.respond_to(view_, status, {}, {.source = {}, .to_tag = tags[below(4)]});
    if (below(2) == 0) response.header(HeaderId::contact, contacts[below(3)]);
    if (below(4) == 0) response.header("RSeq", "1").header("Require", "100rel");
    if (below(4) == 0) response.header("WWW-Authenticate", "Digest realm=\"r\",nonce=\"n\"");
    if (below(4) == 0)
      response.header("Authentication-Info", below(2) == 0 ? "nextnonce=\"m\"" : "rspauth=0");
    if (below(8) == 0) response.header("Flow-Timer", "30");
    if (below(3) == 0) response.header(HeaderId::record_route, "<sip:p.example.com;lr>");
    response.finish("application/sdp", below(2) == 0 ? "v=0" : "");
    receive(text, sent->flow);
  }
  // Our own message comes back: as a request to us, or to another place; sometimes once more as ACK
  // or CANCEL of itself.
  void echo() {
    const auto* sent = some_sent();
    if (!sent) return;
    auto bytes = sent->bytes;
    if (below(3) == 0 && bytes.starts_with("INVITE")) {
      const std::string other = below(2) == 0 ? "CANCEL" : "ACK";
      for (std::size_t at = 0; (at = bytes.find("INVITE", at)) != std::string::npos; at += 3)
        bytes.replace(at, 6, other);
    }
    receive(bytes, sent->flow);
  }

  void ask() {
    RequestSpec spec;
    static constexpr std::string_view methods[] = {"MESSAGE", "OPTIONS", "SUBSCRIBE", "X", ""};
    spec.method = methods[below(std::size(methods))];
    spec.request_uri = below(8) == 0 ? std::string(input_.substr(0, below(64))) : "sip:a@b";
    spec.from = "<sip:c@d>";
    spec.to = below(8) == 0 ? std::string(input_.substr(0, below(64))) : "<sip:a@b>";
    spec.destination = flow();
    spec.body = std::string(input_.substr(0, below(100)));
    if (below(4) == 0) spec.body.append(2000, 'x');  // by TCP, then (18.1.1)
    if (below(4) == 0) spec.destination = {};
    if (below(3) == 0) spec.persistence.credentials = {"u", "p"};
    endpoint_.send_request(spec, now_, out_);
  }
  void call() {
    InviteSpec spec;
    spec.request_uri = "sip:a@b";
    spec.from = "<sip:c@d>";
    spec.to = "<sip:a@b>";
    spec.destination = flow();
    spec.body = "v=0";
    if (below(4) == 0) spec.body.append(2000, ' ');
    if (below(3) == 0) spec.persistence.credentials = {"u", "p"};
    if (below(3) == 0) spec.reliable = Reliable100::supported;
    spec.keep_forks = below(2) == 0;
    calls_.push_back(endpoint_.invite(spec, now_, out_));
  }
  void keep_registered() {
    if (!registrations_.empty() && below(3) == 0) {
      endpoint_.remove(registrations_[below(registrations_.size())], now_, out_);
      return;
    }
    RegistrationSpec spec;
    spec.request.request_uri = "sip:a@b";
    spec.request.from = spec.request.to = "<sip:c@d>";
    spec.request.contact = "<sip:c@127.0.0.1>";
    spec.request.destination = flow();
    spec.request.persistence.credentials = {"u", "p"};
    spec.keep_flow = below(2) == 0;
    registrations_.push_back(endpoint_.keep_registered(spec, now_, out_));
  }
  void change_call() {
    if (calls_.empty()) return;
    ChangeSpec spec;
    if (below(2) == 0) spec.method = "UPDATE";
    if (below(3) != 0) spec.body = "v=0";
    endpoint_.change_call(calls_[below(calls_.size())], spec, now_, out_);
  }
  // Names lead somewhere, to two places, or nowhere.
  void resolve() {
    for (const auto& lookup : std::exchange(out_.lookups, {})) {
      std::vector<Flow> found(below(3));
      for (auto& way : found) way = flow();
      for (auto& way : found) way.connection = ConnectionId::none;
      endpoint_.on_resolved(lookup.id, found, now_, out_);
    }
  }
  void use_call() {
    if (calls_.empty()) return;
    const auto id = calls_[below(calls_.size())];
    switch (below(4)) {
      case 0:
        endpoint_.hang_up(id, now_, out_);
        return;
      case 1: {
        InCallRequestSpec info;
        info.body = "x";
        endpoint_.send_in_call(id, info, now_, out_);
        return;
      }
      case 2:
        endpoint_.move_call(id, flow());
        return;
      default: {
        ResponseSpec answer;
        answer.status = 100 + static_cast<int>(below(600));
        endpoint_.answer(id, answer, now_, out_);
        return;
      }
    }
  }

  void pass(Duration duration) {
    now_ += duration;
    endpoint_.on_deadline(now_, out_);
  }
  void pass_to_deadline() {
    const auto next = endpoint_.next_deadline();
    if (next != never) now_ = std::max(now_, next);
    endpoint_.on_deadline(now_, out_);
  }

  // The user's part, then what is sent is remembered.
  void settle() {
    resolve();
    for (std::size_t i = 0; i < out_.events.size(); ++i) {
      require(i < 4096);
      const Event event = out_.events[i];
      if (const auto* e = std::get_if<event::IncomingRequest>(&event))
        if (below(8) != 0) endpoint_.respond(e->transaction, {}, now_, out_);
      if (const auto* e = std::get_if<event::IncomingCall>(&event)) {
        calls_.push_back(e->call);
        if (below(2) == 0) endpoint_.answer(e->call, {}, now_, out_);
      }
      if (const auto* e = std::get_if<event::CallForked>(&event)) calls_.push_back(e->call);
      if (const auto* e = std::get_if<event::CallConfirmed>(&event))
        if (below(2) == 0) endpoint_.hang_up(e->call, now_, out_);
    }
    require(out_.sends.size() < 4096);
    for (const auto& send : out_.sends) {
      require(parse_message(out_.bytes(send), view_).has_value());
      if (sent_.size() < remembered) sent_.emplace_back();
      auto& place = sent_[sends_++ % remembered];
      place.bytes = out_.bytes(send);
      place.flow = send.flow;
    }
    require(endpoint_.counters().transactions <= most_transactions);
    require(endpoint_.counters().calls <= most_calls);
    auto lookups = std::move(out_.lookups);  // of what was just begun: answered next time
    out_.clear();
    out_.lookups = std::move(lookups);
  }

  // For whoever looks for the fault.
  void tell_transactions() const {
    endpoint_.transactions().walk(0, 10, [](TransactionId, const Transaction& t) {
      const auto state = t.state_name();
      std::fprintf(stderr, "left: %s %s, purpose %d, %.*s\n", t.is_client() ? "client" : "server",
                   t.is_invite() ? "INVITE" : "other", static_cast<int>(t.owner.purpose),
                   static_cast<int>(state.size()), state.data());
    });
  }

  // Users hang up what they have; the rest is for the clock.
  void end() {
    for (std::size_t i = 0; i < calls_.size(); ++i) {
      endpoint_.hang_up(calls_[i], now_, out_);
      settle();
    }
    for (const auto registration : registrations_) endpoint_.remove(registration, now_, out_);
    settle();
    const auto last = now_ + 10min;
    for (int turns = 0; endpoint_.next_deadline() <= last; ++turns) {
      require(turns < 20'000);
      pass_to_deadline();
      settle();
      for (; !calls_.empty(); calls_.pop_back()) endpoint_.hang_up(calls_.back(), now_, out_);
      settle();
    }
    tell_transactions();
    require(endpoint_.counters().transactions == 0);
    require(endpoint_.counters().calls == 0);
  }

  Endpoint endpoint_;
  Output out_;
  TimePoint now_{};
  std::string_view input_;
  std::uint64_t chance_;
  std::string received_;  // the bytes of what is being handled
  MessageView view_;
  std::vector<Sent> sent_;  // the last few
  std::size_t sends_ = 0;
  std::vector<CallId> calls_;
  std::vector<RegistrationId> registrations_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  World(data, size).run();
  return 0;
}
