// Names from a DNS server of the test's own, over loopback: fail-over, memory, limits, time.
#include "sip/net/resolver.hpp"

#include <boost/asio/ip/udp.hpp>
#include <map>

#include "echo_core.hpp"

using namespace std::chrono_literals;
using namespace sip;
using namespace sip::net;
namespace asio = boost::asio;
using asio::ip::udp;

namespace {

std::string two(std::size_t value) {
  return {static_cast<char>(value >> 8), static_cast<char>(value & 0xFF)};
}
std::string dns_name(std::string_view name) {
  std::string out;
  while (!name.empty()) {
    const auto dot = std::min(name.find('.'), name.size());
    out += static_cast<char>(dot);
    out += name.substr(0, dot);
    name.remove_prefix(std::min(dot + 1, name.size()));
  }
  return out + '\0';
}
std::string text(std::string_view value) {
  return static_cast<char>(value.size()) + std::string(value);
}
std::string srv(int priority, int weight, int port, std::string_view target) {
  return two(static_cast<std::size_t>(priority)) + two(static_cast<std::size_t>(weight)) +
         two(static_cast<std::size_t>(port)) + dns_name(target);
}
std::string naptr(int order, std::string_view service, std::string_view replacement) {
  return two(static_cast<std::size_t>(order)) + two(0) + text("s") + text(service) + text("") +
         dns_name(replacement);
}
std::string a(std::string_view ip) {
  const auto bytes = IpAddress::parse(ip)->bytes();
  return {bytes.begin(), bytes.begin() + (IpAddress::parse(ip)->is_v6() ? 16 : 4)};
}

// Answers with the records of its zone; with NXDOMAIN for others.
struct DnsServer {
  explicit DnsServer(asio::io_context& io)
      : socket(io, udp::endpoint(asio::ip::address_v4::loopback(), 0)) {
    receive();
  }
  std::string address() const {
    return "127.0.0.1:" + std::to_string(socket.local_endpoint().port());
  }
  void add(const std::string& name, DnsType type, std::string data) {
    zone[{name, static_cast<std::size_t>(type)}].push_back(std::move(data));
  }
  void receive() {
    socket.async_receive_from(asio::buffer(buffer), from, [this](auto ec, std::size_t size) {
      if (ec) return;
      answer({buffer, size});
      receive();
    });
  }
  void answer(std::string_view query) {
    std::string name;
    std::size_t at = 12;
    for (; query[at] != 0; at += static_cast<std::size_t>(query[at]) + 1)
      name += (name.empty() ? "" : ".") +
              std::string(query.substr(at + 1, static_cast<std::size_t>(query[at])));
    const auto type = static_cast<std::size_t>(query[at + 2]);
    asked.push_back(std::to_string(type) + " " + name);
    if (silent) return;
    const auto found = zone.find({name, type});
    const auto count = found == zone.end() ? 0 : found->second.size();
    std::string reply(query.substr(0, 2));
    reply += fails ? std::string("\x81\x82") : count != 0 ? "\x81\x80" : "\x81\x83";
    reply += two(1) + two(count) + two(0) + two(0) + std::string(query.substr(12, at + 5 - 12));
    for (std::size_t i = 0; i < count; ++i) {
      const auto& data = found->second[i];
      reply += "\xC0\x0C" + two(type) + two(1) + two(0) + two(ttl) + two(data.size()) + data;
    }
    socket.send_to(asio::buffer(reply), from);
  }

  udp::socket socket;
  udp::endpoint from;
  char buffer[1024];
  std::map<std::pair<std::string, std::size_t>, std::vector<std::string>> zone;
  std::vector<std::string> asked;
  std::size_t ttl = 60;
  bool silent = false, fails = false;
};

struct Fixture {
  Fixture() { config.servers = dns.address(); }

  std::vector<std::string> targets(Resolver& resolver, std::string_view text_of_uri,
                                   ResolutionPolicy policy = {}) {
    std::optional<std::vector<std::string>> got;
    resolver.resolve(*parse_uri(text_of_uri), policy, [&](const Resolution& found) {
      got.emplace();
      for (const auto& target : found.targets())
        got->push_back(std::string(to_string(target.transport)) + " " + to_string(target.remote));
    });
    CHECK(run_until(io, [&] { return got.has_value(); }));
    return got.value_or(std::vector<std::string>{"never"});
  }

  asio::io_context io;
  DnsServer dns{io};
  ResolverConfig config;
};

using Strings = std::vector<std::string>;

}  // namespace

TEST_CASE("NAPTR, SRV, A and AAAA from a server") {
  Fixture f;
  f.dns.add("example.com", DnsType::naptr, naptr(10, "SIP+D2T", "_sip._tcp.example.com"));
  f.dns.add("example.com", DnsType::naptr, naptr(20, "SIP+D2U", "_sip._udp.example.com"));
  f.dns.add("_sip._tcp.example.com", DnsType::srv, srv(2, 0, 5070, "two.example.com"));
  f.dns.add("_sip._tcp.example.com", DnsType::srv, srv(1, 0, 5060, "one.example.com"));
  f.dns.add("one.example.com", DnsType::a, a("192.0.2.1"));
  f.dns.add("one.example.com", DnsType::aaaa, a("2001:db8::1"));
  f.dns.add("two.example.com", DnsType::a, a("192.0.2.2"));
  Resolver resolver(f.io, f.config, Seed{});
  REQUIRE(resolver.fault() == "");
  const Strings expected = {"TCP [2001:db8::1]:5060", "TCP 192.0.2.1:5060", "TCP 192.0.2.2:5070"};
  CHECK(f.targets(resolver, "sip:example.com") == expected);
  CHECK(resolver.counters().queries == 6);
  // Again: from memory, also what does not exist.
  f.dns.asked.clear();
  CHECK(f.targets(resolver, "sip:example.com") == expected);
  CHECK(f.dns.asked.empty());
  CHECK(resolver.counters().cached == 6);
  CHECK(f.targets(resolver, "sip:192.0.2.77").size() == 1);
  CHECK(resolver.counters().lookups == 2);
}

TEST_CASE("answers are kept as long as they hold") {
  Fixture f;
  f.dns.ttl = 0;
  f.dns.add("example.com", DnsType::a, a("192.0.2.1"));
  Resolver resolver(f.io, f.config, Seed{});
  const ResolutionPolicy v4{{Transport::udp}, true, false};
  for (int i = 0; i < 3; ++i) f.targets(resolver, "sip:example.com:5060", v4);
  CHECK(f.dns.asked == Strings{"1 example.com", "1 example.com", "1 example.com"});
}

TEST_CASE("the same question at once is asked once") {
  Fixture f;
  f.dns.add("example.com", DnsType::a, a("192.0.2.1"));
  Resolver resolver(f.io, f.config, Seed{});
  int done = 0;
  for (int i = 0; i < 50; ++i)
    resolver.resolve(*parse_uri("sip:example.com:5060"), {{Transport::udp}, true, false},
                     [&](const Resolution& found) { done += found.targets().size() == 1; });
  CHECK(run_until(f.io, [&] { return done == 50; }));
  CHECK(f.dns.asked.size() == 1);
}

TEST_CASE("servers that fail, are silent or absent") {
  Fixture f;
  DnsServer second(f.io);
  second.add("example.com", DnsType::a, a("192.0.2.1"));
  f.dns.add("example.com", DnsType::a, a("192.0.2.9"));
  f.config.try_within = 150ms;
  const ResolutionPolicy v4{{Transport::udp}, true, false};
  const char* uri = "sip:example.com:5060";
  SUBCASE("the second is asked when the first is silent") {
    f.dns.silent = true;
    f.config.servers += "," + second.address();
    Resolver resolver(f.io, f.config, Seed{});
    CHECK(f.targets(resolver, uri, v4) == Strings{"UDP 192.0.2.1:5060"});
    CHECK(!f.dns.asked.empty());
  }
  SUBCASE("... and when it fails") {
    f.dns.fails = true;
    f.config.servers += "," + second.address();
    Resolver resolver(f.io, f.config, Seed{});
    CHECK(f.targets(resolver, uri, v4) == Strings{"UDP 192.0.2.1:5060"});
  }
  SUBCASE("all are silent") {
    f.dns.silent = true;
    f.config.tries = 1;
    Resolver resolver(f.io, f.config, Seed{});
    CHECK(f.targets(resolver, uri, v4).empty());
    CHECK(resolver.counters().failures == 1);
  }
  SUBCASE("a lookup has its time") {
    f.dns.silent = true;
    f.config.try_within = 10s;
    f.config.lookup_within = 150ms;
    Resolver resolver(f.io, f.config, Seed{});
    CHECK(f.targets(resolver, uri, v4).empty());
    CHECK(resolver.counters().timeouts == 1);
  }
  SUBCASE("so many at once") {
    f.dns.silent = true;
    f.config.lookups = 1;
    Resolver resolver(f.io, f.config, Seed{});
    resolver.resolve(*parse_uri(uri), v4, [](const Resolution&) {});
    int refused = 0;
    resolver.resolve(*parse_uri(uri), v4, [&](const Resolution&) { ++refused; });
    CHECK(refused == 1);
    CHECK(resolver.counters().refused == 1);
  }
  SUBCASE("it goes while it is asked") {
    f.dns.silent = true;
    bool called = false;
    {
      Resolver resolver(f.io, f.config, Seed{});
      resolver.resolve(*parse_uri(uri), v4, [&](const Resolution&) { called = true; });
      f.io.run_for(20ms);
    }
    f.io.run_for(300ms);
    CHECK(!called);
  }
  SUBCASE("it goes when it answers") {
    auto resolver = std::make_unique<Resolver>(f.io, f.config, Seed{});
    resolver->resolve(*parse_uri(uri), v4, [&](const Resolution&) { resolver.reset(); });
    CHECK(run_until(f.io, [&] { return !resolver; }));
  }
  SUBCASE("addresses that are none") {
    f.config.servers = "not-an-address";
    Resolver resolver(f.io, f.config, Seed{});
    CHECK(resolver.fault().find("not-an-address") != std::string::npos);
    CHECK(f.targets(resolver, uri, v4).empty());
  }
}

TEST_CASE("a core's lookups are answered with flows") {
  Fixture f;
  f.dns.add("_sip._udp.example.com", DnsType::srv, srv(1, 0, 5061, "here.example.com"));
  f.dns.add("here.example.com", DnsType::a, a("127.0.0.1"));
  EchoSide side(f.io);
  side.driver.resolve_with(f.config);
  const auto at = side.listen({Transport::udp, {}, {}, 0, {}});
  side.driver.run([&](TimePoint, Output& out) {
    out.lookups.push_back({LookupId{7}, "sip:a@example.com;transport=udp"});
    out.lookups.push_back({LookupId{8}, "sip:127.0.0.1:5099"});
    out.lookups.push_back({LookupId{9}, "no uri"});
  });
  CHECK(run_until(f.io, [&] { return side.core.resolved.size() == 3; }));
  std::map<std::uint64_t, std::vector<Flow>> got;
  for (const auto& one : side.core.resolved)
    got[static_cast<std::uint64_t>(one.lookup)] = one.targets;
  const Flow by_name{Transport::udp, at, {IpAddress::loopback(), 5061}, {}};
  const Flow by_number{Transport::udp, at, {IpAddress::loopback(), 5099}, {}};
  CHECK(got[7] == std::vector<Flow>{by_name});
  CHECK(got[8] == std::vector<Flow>{by_number});
  CHECK(got[9].empty());
  CHECK(side.driver.resolver_counters().lookups == 1);
}
