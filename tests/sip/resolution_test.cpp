// RFC 3263 against zones in tables: which questions, which targets, in which order.
#include "sip/resolution.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "sip/transport_choice.hpp"

using namespace sip;

namespace {

IpAddress ip(const char* text) {
  return *IpAddress::parse(text);
}

// A zone as {"type name" -> records}.
struct Zone {
  std::map<std::string, std::vector<IpAddress>> addresses;
  std::map<std::string, std::vector<SrvRecord>> srv;
  std::map<std::string, std::vector<NaptrRecord>> naptr;

  DnsAnswer operator()(const DnsQuestion& question) const {
    DnsAnswer out;
    const auto take = [&](const auto& from, auto& to) {
      if (const auto found = from.find(question.name); found != from.end()) to = found->second;
    };
    if (question.type == DnsType::srv) take(srv, out.srv);
    if (question.type == DnsType::naptr) take(naptr, out.naptr);
    if (question.type == DnsType::a || question.type == DnsType::aaaa) {
      take(addresses, out.addresses);
      const bool six = question.type == DnsType::aaaa;
      std::erase_if(out.addresses, [&](const IpAddress& a) { return a.is_v6() != six; });
    }
    return out;
  }
};

struct Found {
  std::vector<std::string> asked;
  std::vector<std::string> targets;
};

Found resolve(std::string_view text, const Zone& zone, const ResolutionPolicy& policy = {},
              std::uint32_t seed = 1) {
  Random random(Seed{seed});
  const auto uri = parse_uri(text);
  REQUIRE(uri.has_value());
  Resolution resolution(*uri, policy, random);
  Found found;
  for (int rounds = 0; !resolution.questions().empty(); ++rounds) {
    REQUIRE(rounds < 4);
    std::vector<DnsAnswer> answers;
    for (const auto& question : resolution.questions()) {
      const char* type = question.type == DnsType::naptr  ? "NAPTR "
                         : question.type == DnsType::srv  ? "SRV "
                         : question.type == DnsType::aaaa ? "AAAA "
                                                          : "A ";
      found.asked.push_back(type + question.name);
      answers.push_back(zone(question));
    }
    resolution.answer(answers);
  }
  for (const auto& target : resolution.targets())
    found.targets.push_back(std::string(to_string(target.transport)) + " " +
                            to_string(target.remote));
  return found;
}

// Of RFC 3263 4.1, with addresses.
Zone example() {
  Zone zone;
  zone.naptr["example.com"] = {{50, 50, "s", "SIPS+D2T", "", "_sips._tcp.example.com"},
                               {90, 50, "s", "SIP+D2T", "", "_sip._tcp.example.com"},
                               {100, 50, "s", "SIP+D2U", "", "_sip._udp.example.com"},
                               {10, 50, "u", "E2U+sip", "!^.*$!sip:a@b!", ""}};
  zone.srv["_sip._tcp.example.com"] = {{0, 1, 5060, "server1.example.com"},
                                       {1, 2, 5070, "server2.example.com"}};
  zone.srv["_sips._tcp.example.com"] = {{0, 0, 5061, "server1.example.com"}};
  zone.srv["_sip._udp.example.com"] = {{0, 0, 5080, "server2.example.com"}};
  zone.addresses["server1.example.com"] = {ip("192.0.2.1"), ip("2001:db8::1")};
  zone.addresses["server2.example.com"] = {ip("192.0.2.2")};
  zone.addresses["plain.example.com"] = {ip("192.0.2.9")};
  zone.srv["_sip._udp.closed.example.com"] = {{0, 0, 0, ""}};
  zone.addresses["closed.example.com"] = {ip("192.0.2.8")};
  return zone;
}

using Strings = std::vector<std::string>;

}  // namespace

TEST_CASE("targets of URIs") {
  const ResolutionPolicy all{{Transport::udp, Transport::tcp, Transport::tls, Transport::ws}};
  ResolutionPolicy v4 = all;
  v4.ipv6 = false;
  const struct {
    const char* name;
    const char* uri;
    ResolutionPolicy policy;
    Strings targets;
  } rows[] = {
      {"a number needs no DNS", "sip:a@192.0.2.5", all, {"UDP 192.0.2.5:5060"}},
      {"with a port", "sip:192.0.2.5:6000", all, {"UDP 192.0.2.5:6000"}},
      {"with a transport", "sip:192.0.2.5;transport=tcp", all, {"TCP 192.0.2.5:5060"}},
      {"IPv6", "sip:[2001:db8::7];transport=TCP", all, {"TCP [2001:db8::7]:5060"}},
      {"sips is TLS", "sips:192.0.2.5", all, {"TLS 192.0.2.5:5061"}},
      {"sips with tcp is TLS", "sips:192.0.2.5;transport=tcp", all, {"TLS 192.0.2.5:5061"}},
      {"WebSocket", "sip:192.0.2.5;transport=ws", all, {"WS 192.0.2.5:80"}},
      {"maddr is the target", "sip:a@example.com;maddr=192.0.2.6", all, {"UDP 192.0.2.6:5060"}},
      {"a transport that we do not speak", "sip:192.0.2.5;transport=wss", all, {}},
      {"a transport that is unknown", "sip:192.0.2.5;transport=sctp", all, {}},
      {"an unknown one with a name", "sip:example.com;transport=sctp", all, {}},
      {"a telephone number", "tel:+123", all, {}},
      {"NAPTR: the best order only", "sip:example.com", v4, {"TLS 192.0.2.1:5061"}},
      {"NAPTR: the best that we speak",
       "sip:example.com",
       {{Transport::udp, Transport::tcp}, true, false},
       {"TCP 192.0.2.1:5060", "TCP 192.0.2.2:5070"}},
      {"NAPTR for sips", "sips:example.com", v4, {"TLS 192.0.2.1:5061"}},
      {"IPv6 first", "sips:example.com", all, {"TLS [2001:db8::1]:5061", "TLS 192.0.2.1:5061"}},
      {"IPv6 only", "sips:example.com", {all.transports, false, true}, {"TLS [2001:db8::1]:5061"}},
      {"sips without TLS", "sips:example.com", {{Transport::udp}}, {}},
      {"a transport with a name: its SRV",
       "sip:example.com;transport=tcp",
       v4,
       {"TCP 192.0.2.1:5060", "TCP 192.0.2.2:5070"}},
      {"a port with a name: its addresses",
       "sip:plain.example.com:7000",
       v4,
       {"UDP 192.0.2.9:7000"}},
      {"no NAPTR, no SRV", "sip:plain.example.com", v4, {"UDP 192.0.2.9:5060"}},
      {"no NAPTR, no SRV, sips", "sips:plain.example.com", v4, {"TLS 192.0.2.9:5061"}},
      {"a service that is closed", "sip:closed.example.com", v4, {}},
      {"a name that is not there", "sip:nowhere.example.com", all, {}},
      {"WebSocket by name", "sip:plain.example.com;transport=ws", v4, {"WS 192.0.2.9:80"}},
  };
  const auto zone = example();
  for (const auto& row : rows) {
    CAPTURE(row.name);
    CHECK(resolve(row.uri, zone, row.policy).targets == row.targets);
  }
}

TEST_CASE("what is asked") {
  const struct {
    const char* uri;
    Strings asked;
  } rows[] = {
      {"sip:192.0.2.1", {}},
      {"sip:plain.example.com:5060", {"AAAA plain.example.com", "A plain.example.com"}},
      {"sip:plain.example.com;transport=udp",
       {"SRV _sip._udp.plain.example.com", "AAAA plain.example.com", "A plain.example.com"}},
      {"sip:plain.example.com",
       {"NAPTR plain.example.com", "SRV _sip._udp.plain.example.com",
        "SRV _sip._tcp.plain.example.com", "SRV _sips._tcp.plain.example.com",
        "AAAA plain.example.com", "A plain.example.com"}},
      {"sips:plain.example.com",
       {"NAPTR plain.example.com", "SRV _sips._tcp.plain.example.com", "AAAA plain.example.com",
        "A plain.example.com"}},
  };
  for (const auto& row : rows) {
    CAPTURE(row.uri);
    CHECK(resolve(row.uri, example()).asked == row.asked);
  }
}

TEST_CASE("SRV: priority before weight, weight as probability") {
  Zone zone;
  zone.srv["_sip._udp.w.example"] = {
      {2, 9, 5060, "last"}, {1, 30, 5060, "heavy"}, {1, 10, 5060, "light"}, {1, 0, 5060, "rare"}};
  for (const char* host : {"last", "heavy", "light", "rare"}) zone.addresses[host] = {ip("::1")};
  zone.addresses["last"] = {ip("192.0.2.4")};
  zone.addresses["heavy"] = {ip("192.0.2.1")};
  zone.addresses["light"] = {ip("192.0.2.2")};
  zone.addresses["rare"] = {ip("192.0.2.3")};
  int heavy = 0, light = 0;
  for (std::uint32_t seed = 0; seed < 400; ++seed) {
    const auto targets = resolve("sip:w.example;transport=udp", zone, {}, seed).targets;
    REQUIRE(targets.size() == 4);
    CHECK(targets[3] == "UDP 192.0.2.4:5060");
    heavy += targets[0] == "UDP 192.0.2.1:5060";
    light += targets[0] == "UDP 192.0.2.2:5060";
  }
  CHECK(heavy > 250);
  CHECK(heavy < 350);
  CHECK(light > 60);
  CHECK(light < 140);
  CHECK(resolve("sip:w.example;transport=udp", zone, {}, 7).targets ==
        resolve("sip:w.example;transport=udp", zone, {}, 7).targets);
}

TEST_CASE("a domain that offers too much is cut") {
  Zone zone;
  for (int i = 0; i < 100; ++i) {
    const auto host = "h" + std::to_string(i);
    zone.srv["_sip._udp.big.example"].push_back({0, 0, 5060, host});
    for (std::uint8_t n = 1; n < 100; ++n)
      zone.addresses[host].push_back(IpAddress::v4({10, 0, static_cast<std::uint8_t>(i), n}));
  }
  const auto found = resolve("sip:big.example;transport=udp", zone);
  CHECK(found.asked.size() == 1 + 2 * Resolution::most_hosts);
  CHECK(found.targets.size() == Resolution::most_targets);
}

TEST_CASE("a DNS message, and pieces of it") {
  using namespace std::string_literals;
  const auto header = "\x12\x34\x81\x80\0\1\0\2\0\0\0\0"s;
  const auto question = "\5_sips\4_tcp\1x\0\0\x21\0\1"s;
  const auto alias = "\xC0\x0C\0\5\0\1\0\0\0\x1E\0\2\xC0\x17"s;
  const auto record = "\xC0\x17\0\x21\0\1\0\0\1\0\0\x0B\0\1\0\2\x13\xC4\2hi\xC0\x17"s;
  const auto whole = header + question + alias + record;
  const auto got = parse_dns_answer(whole, DnsType::srv);
  REQUIRE(got.has_value());
  CHECK(got->srv == std::vector<SrvRecord>{{1, 2, 5060, "hi.x"}});
  CHECK(got->ttl == std::chrono::seconds(30));
  CHECK(parse_dns_answer(whole, DnsType::a)->empty());
  for (std::size_t size = 0; size < whole.size(); ++size)
    CHECK(parse_dns_answer(std::string_view(whole).substr(0, size), DnsType::srv).has_error());
  SUBCASE("a name that leads in a circle") {
    const auto circle = header + question + alias + "\xC0\x37\0\x21"s;
    CHECK(parse_dns_answer(circle, DnsType::srv).has_error());
  }
  SUBCASE("NAPTR") {
    const auto naptr =
        "\x12\x34\x81\x80\0\0\0\1\0\0\0\0\1x\0\0\x23\0\1\0\0\0\5\0\x15"
        "\0\x32\0\7\1s\7SIP+D2U\0\2ab\1x\0"s;
    const auto parsed = parse_dns_answer(naptr, DnsType::naptr);
    REQUIRE(parsed.has_value());
    CHECK(parsed->naptr == std::vector<NaptrRecord>{{50, 7, "s", "SIP+D2U", "", "ab.x"}});
  }
}

TEST_CASE("by what a request of a size leaves (18.1.1)") {
  const struct {
    std::size_t size;
    Transport wanted;
    std::size_t path_mtu;
    Transport expected;
  } rows[] = {
      {1300, Transport::udp, 0, Transport::udp},    {1301, Transport::udp, 0, Transport::tcp},
      {1300, Transport::udp, 1500, Transport::udp}, {1301, Transport::udp, 1500, Transport::tcp},
      {8801, Transport::udp, 9000, Transport::tcp}, {8800, Transport::udp, 9000, Transport::udp},
      {10, Transport::udp, 150, Transport::tcp},    {9000, Transport::tls, 0, Transport::tls},
  };
  for (const auto& row : rows) {
    CAPTURE(row.size);
    CHECK(transport_for(row.size, row.wanted, row.path_mtu) == row.expected);
  }
}
