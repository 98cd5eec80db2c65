#include "sip/pcap.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <vector>

#include "tests/sip/trace_support.hpp"

namespace sip {
namespace {

using namespace std::chrono_literals;

const TimePoint start{};
const WallTime wall{std::chrono::seconds(1'795'000'000)};

std::uint32_t little32(std::string_view b, std::size_t at) {
  std::uint32_t v = 0;
  for (std::size_t i = 4; i-- > 0;) v = v << 8 | static_cast<std::uint8_t>(b[at + i]);
  return v;
}
std::uint32_t big(std::string_view b, std::size_t at, std::size_t size) {
  std::uint32_t v = 0;
  for (std::size_t i = 0; i < size; ++i) v = v << 8 | static_cast<std::uint8_t>(b[at + i]);
  return v;
}

// Sums words of 16 bits; a packet with a right checksum sums to 0xffff.
std::uint32_t sum(std::string_view b, std::uint32_t s = 0) {
  for (std::size_t i = 0; i < b.size(); ++i)
    s += static_cast<std::uint32_t>(static_cast<std::uint8_t>(b[i])) << (i % 2 ? 0 : 8);
  while (s >> 16) s = (s & 0xffff) + (s >> 16);
  return s;
}

struct Packet {
  std::uint32_t seconds = 0, micros = 0;
  bool v6 = false;
  std::uint32_t protocol = 0, source = 0, target = 0;  // ports
  std::uint32_t seq = 0, ack = 0, flags = 0;
  std::string addresses, payload;
};

Packet read_packet(std::string_view bytes) {
  Packet p;
  p.v6 = big(bytes, 0, 1) >> 4 == 6;
  const std::size_t header = p.v6 ? 40 : 20;
  p.protocol = big(bytes, p.v6 ? 6 : 9, 1);
  const auto rest = bytes.substr(header);
  CHECK(big(bytes, p.v6 ? 4 : 2, 2) == (p.v6 ? rest.size() : bytes.size()));
  if (!p.v6) CHECK(sum(bytes.substr(0, 20)) == 0xffff);
  p.addresses = bytes.substr(p.v6 ? 8 : 12, p.v6 ? 32 : 8);
  CHECK(sum(rest, sum(p.addresses) + p.protocol + static_cast<std::uint32_t>(rest.size())) ==
        0xffff);
  p.source = big(rest, 0, 2);
  p.target = big(rest, 2, 2);
  if (p.protocol == 17) {
    CHECK(big(rest, 4, 2) == rest.size());
    p.payload = rest.substr(8);
  } else {
    p.seq = big(rest, 4, 4);
    p.ack = big(rest, 8, 4);
    p.flags = big(rest, 13, 1);
    p.payload = rest.substr(20);
  }
  return p;
}

std::vector<Packet> read_file(std::string_view file) {
  REQUIRE(file.size() >= 24);
  CHECK(little32(file, 0) == 0xa1b2c3d4);
  CHECK(little32(file, 20) == 101);
  std::vector<Packet> packets;
  for (std::size_t at = 24; at < file.size();) {
    REQUIRE(at + 16 <= file.size());
    const auto size = little32(file, at + 8);
    REQUIRE(at + 16 + size <= file.size());
    packets.push_back(read_packet(file.substr(at + 16, size)));
    packets.back().seconds = little32(file, at);
    packets.back().micros = little32(file, at + 4);
    at += 16 + size;
  }
  return packets;
}

}  // namespace

TEST_CASE("pcap: datagrams of both families, with their times and checksums") {
  Trace trace({}, {}, start, wall);
  trace.record(request("OPTIONS"), false, flow_of("10.0.0.5:5062"), start);
  trace.record("odd length!", true, flow_of("10.0.0.5:5062"), start + 1500us);
  trace.record(request("OPTIONS"), true,
               flow_of("[2001:db8::5]:5062", Transport::udp, "[2001:db8::1]:5060"), start + 2s);
  trace.record("ping", true, flow_of("[2001:db8::5]:5062", Transport::udp, "0.0.0.0:5060"), start);
  const auto packets = read_file(pcap(trace));
  REQUIRE(packets.size() == 4);
  CHECK(packets[0].payload == request("OPTIONS"));
  CHECK(packets[0].source == 5062);
  CHECK(packets[0].target == 5060);
  CHECK(packets[0].seconds == 1'795'000'000);
  CHECK(packets[1].source == 5060);
  CHECK(packets[1].micros == 1500);
  CHECK(packets[2].v6);
  CHECK(packets[2].seconds == 1'795'000'002);
  CHECK(packets[3].v6);
}

TEST_CASE("pcap: a stream is one connection whose numbers fit together") {
  Trace trace({}, {}, start, wall);
  auto listener = flow_of("10.0.0.5:40000", Transport::tcp, "0.0.0.0:5060");
  const auto connected = flow_of("10.0.0.5:40000", Transport::tcp, "10.0.0.1:33000");
  const std::string large(4000, 'x');
  trace.record(request("OPTIONS"), true, listener, start);
  trace.record(response("200 OK", "OPTIONS"), false, connected, start + 1ms);
  trace.record(large, true, connected, start + 2ms);
  const auto packets = read_file(pcap(trace));
  REQUIRE(packets.size() == 3 + 2 + 3);
  std::uint32_t next[2] = {0, 0};  // ours, theirs
  std::string sent;
  for (const auto& p : packets) {
    const bool ours = p.source == 33000;
    CHECK((ours ? p.target : p.source) == 40000);
    CHECK(p.seq == next[ours ? 0 : 1]);
    if (p.flags & 16) CHECK(p.ack == next[ours ? 1 : 0]);
    next[ours ? 0 : 1] += static_cast<std::uint32_t>(p.payload.size()) + (p.flags & 2 ? 1 : 0);
    if (ours) sent += p.payload;
  }
  CHECK(packets[0].flags == 2);
  CHECK(packets[1].flags == 18);
  CHECK(packets[2].flags == 16);
  CHECK(sent == request("OPTIONS") + large);
}

TEST_CASE("pcap: what was encrypted is shown where a dissector expects SIP") {
  Trace trace({}, {}, start, wall);
  trace.record("x", false, flow_of("10.0.0.5:40000", Transport::tls, "10.0.0.1:5061"), start);
  trace.record("x", true, flow_of("10.0.0.6:5061", Transport::tls, "10.0.0.1:41000"), start);
  trace.record("x", false, flow_of("10.0.0.7:42000", Transport::wss, "10.0.0.1:443"), start);
  const auto packets = read_file(pcap(trace));
  REQUIRE(packets.size() == 12);
  CHECK(packets[3].target == 5060);
  CHECK(packets[3].source == 40000);
  CHECK(packets[7].target == 5060);
  CHECK(packets[7].source == 41000);
  CHECK(packets[11].target == 5060);
}

}  // namespace sip
