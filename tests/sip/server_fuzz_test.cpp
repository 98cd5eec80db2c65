// A server that is fed pieces of good messages, cut, changed and put together at random, from
// several peers, with answers to what it has sent, lookups, failures and jumps of the clock: it
// stays within its limits, and when all is over nothing is left.
#include <doctest/doctest.h>

#include <random>

#include "tests/sip/server_scene.hpp"

using namespace sip;
using namespace sip::test;

namespace {

class Hostile {
 public:
  Hostile(ServerConfig config, std::uint32_t seed) : random_(seed), s_(std::move(config)) {
    s_.bind("bob", "sip:bob@192.0.2.20:5060", "bob");
    s_.bind("bob", "sip:bob@192.0.2.21:5060", "bob2", 500);
    s_.bind("bob", "sip:bob@10.0.0.1", "carol", 500, "<sip:192.0.2.30;lr>");
  }

  void run(int steps) {
    for (int i = 0; i < steps; ++i) step();
    // The next target may need to be looked for when this one has failed.
    for (std::size_t done = 0; done < s_.lookups.size();) {
      while (done < s_.lookups.size()) s_.resolve(done++, {});
      s_.run_for(std::chrono::minutes(10));
    }
    s_.run_for(std::chrono::minutes(10));
    CHECK(s_.server.counters().transactions == 0);
    CHECK(s_.server.server_counters().contexts == 0);
  }

 private:
  std::uint32_t pick(std::size_t below) { return static_cast<std::uint32_t>(random_() % below); }
  template <class T, std::size_t N>
  T one_of(const T (&all)[N]) {
    return all[pick(N)];
  }
  const char* peer() {
    static constexpr const char* names[] = {"alice", "bob", "bob2", "carol"};
    return one_of(names);
  }

  std::string fresh() {
    static constexpr const char* methods[] = {"INVITE",  "INVITE",  "ACK",      "CANCEL",   "BYE",
                                              "MESSAGE", "OPTIONS", "REGISTER", "SUBSCRIBE"};
    static constexpr const char* uris[] = {"sip:bob@example.org",
                                           "sip:bob@192.0.2.20",
                                           "sip:carol@host.example",
                                           "sip:example.org",
                                           "tel:+1",
                                           "sips:bob@192.0.2.20",
                                           "sip:192.0.2.1:5060;lr",
                                           "sip:x@[2001:db8::1]"};
    static constexpr const char* extras[] = {"",
                                             "Route: <sip:192.0.2.1;lr>\r\n",
                                             "Route: <sip:192.0.2.20>, <sip:192.0.2.1;lr>\r\n",
                                             "Max-Breadth: 1\r\n",
                                             "Route: <sip:AAAAAAAAAAAAAAAA@192.0.2.1;lr>\r\n",
                                             "Contact: *\r\nExpires: 0\r\n",
                                             "Proxy-Require: x\r\n"};
    const auto via = "SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bK-" + std::to_string(pick(40));
    return request(one_of(methods), one_of(uris),
                   {.via = via,
                    .call_id = std::to_string(pick(4)),
                    .cseq = static_cast<int>(1 + pick(3)),
                    .extra = one_of(extras)});
  }

  // A changed byte, a missing or a doubled piece.
  void spoil(std::string& text) {
    const auto at = pick(text.size());
    const auto size = std::min<std::size_t>(1 + pick(20), text.size() - at);
    switch (pick(4)) {
      case 0:
        text[at] = static_cast<char>(pick(256));
        break;
      case 1:
        text.erase(at, size);
        break;
      case 2:
        text.insert(at, text.substr(at, size));
        break;
      default:
        text.resize(at + 1);
    }
  }

  void answer() {
    static constexpr int statuses[] = {100, 180, 183, 200, 202, 302, 401,
                                       404, 408, 486, 487, 503, 603};
    const auto* who = peer();
    const auto& got = s_.got[who];
    if (got.empty()) return;
    const auto request = got[got.size() - 1 - pick(std::min<std::size_t>(got.size(), 20))];
    const auto parsed = parse_message(request);
    if (!parsed || !parsed->is_request()) return s_.send(who, request);  // its own words
    std::string bytes;
    MessageBuilder message(bytes);
    message.respond_to(*parsed, one_of(statuses), {}, {.source = {}, .to_tag = who});
    message.header(HeaderId::contact, "<sip:bob@192.0.2.30>, <sip:bob@example.org>;q=0.3");
    message.finish();
    if (pick(8) == 0) spoil(bytes);
    s_.send(who, bytes);
  }

  void step() {
    switch (pick(10)) {
      case 0:
        return s_.run_for(std::chrono::milliseconds(pick(30'000)));
      case 1:
        return s_.fail_sends_to(peer());
      case 2:
        if (s_.lookups.empty()) return;
        s_.resolve(pick(s_.lookups.size()), {"bob", "carol"});
        return;
      case 3:
      case 4:
      case 5: {
        auto text = fresh();
        if (pick(2) == 0) spoil(text);
        return s_.send(peer(), text);
      }
      case 6:
        return s_.send("alice", fresh());
      default:
        return answer();
    }
  }

  std::mt19937 random_;
  Scene s_;
};

}  // namespace

TEST_CASE("server: hostile peers and clocks leave nothing behind") {
  for (const auto proxying : {Proxying::stateful, Proxying::stateless})
    for (std::uint32_t seed = 1; seed <= 20; ++seed) {
      CAPTURE(seed);
      auto config = open_proxy();
      config.proxying = proxying;
      config.limits.contexts = 30;
      config.limits.transactions = 100;
      config.limits.lookups = 20;
      Hostile(config, seed).run(600);
    }
}
