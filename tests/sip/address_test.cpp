#include "sip/address.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace sip;

TEST_CASE("addresses are read and written") {
  const struct {
    const char* text;
    const char* printed;  // null: no address
  } cases[] = {
      {"192.0.2.1:5060", "192.0.2.1:5060"},
      {"192.0.2.1", "192.0.2.1:5061"},
      {"0.0.0.0:0", "0.0.0.0:0"},
      {"[2001:db8::1]:5060", "[2001:db8::1]:5060"},
      {"[2001:db8:0:0::1]", "[2001:db8::1]:5061"},
      {"2001:db8::1", "[2001:db8::1]:5061"},
      {"", nullptr},
      {":5060", nullptr},
      {"192.0.2.1:", nullptr},
      {"192.0.2.1:65536", nullptr},
      {"192.0.2.1:-1", nullptr},
      {"192.0.2.256:1", nullptr},
      {"[2001:db8::1", nullptr},
      {"[2001:db8::1]x", nullptr},
      {"camera.local:5060", nullptr},
      {"1111:2222:3333:4444:5555:6666:7777:8888:9999", nullptr},
  };
  for (const auto& c : cases) {
    CAPTURE(c.text);
    const auto address = Address::parse(c.text, 5061);
    REQUIRE(address.has_value() == (c.printed != nullptr));
    if (address) CHECK(to_string(*address) == c.printed);
  }
}

TEST_CASE("kinds of addresses") {
  auto ip = [](const char* text) { return *IpAddress::parse(text); };
  for (const auto* text : {"10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.64",
                           "169.254.1.1", "fe80::1", "fd00::1"})
    CHECK_MESSAGE(ip(text).is_private(), text);
  for (const auto* text : {"172.32.0.1", "203.0.113.7", "2001:db8::1", "127.0.0.1"})
    CHECK_FALSE_MESSAGE(ip(text).is_private(), text);
  CHECK(ip("127.0.0.2").is_loopback());
  CHECK(ip("::1").is_loopback());
  CHECK_FALSE(ip("::").is_loopback());
  CHECK(ip("::").is_unspecified());
  CHECK(IpAddress().is_unspecified());
  CHECK(ip("::") != IpAddress());
}

TEST_CASE("transports by name") {
  CHECK(transport_from("udp") == Transport::udp);
  CHECK(transport_from("TCP") == Transport::tcp);
  CHECK(transport_from("Tls") == Transport::tls);
  CHECK_FALSE(transport_from("SCTP"));
  CHECK_FALSE(transport_from(""));
}

TEST_CASE("flows hash by all that tells them apart") {
  const Flow flow{Transport::udp, *Address::parse("192.0.2.1:5060"),
                  *Address::parse("203.0.113.7:40001"), ConnectionId::none};
  const std::hash<Flow> hash;
  auto other = flow;
  CHECK(hash(flow) == hash(other));
  other.remote.port = 40002;
  CHECK(hash(flow) != hash(other));
  other = flow;
  other.connection = ConnectionId{1};
  CHECK(hash(flow) != hash(other));
  CHECK(describe(flow) == "udp 192.0.2.1:5060 -> 203.0.113.7:40001");
}
