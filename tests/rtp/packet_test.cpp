#include "rtp/packet.hpp"

#include <doctest/doctest.h>

#include <array>
#include <string>
#include <vector>

namespace {

using Bytes = std::vector<std::uint8_t>;

Bytes packet(std::uint8_t first, std::initializer_list<int> rest = {}) {
  Bytes b{first, 0xe0, 0x12, 0x34, 0, 0, 0, 9, 0x0b, 0xeb, 0xc2, 0x11};
  for (const int v : rest) b.push_back(static_cast<std::uint8_t>(v));
  return b;
}

// What a parse came to, on one line.
std::string trace(const Bytes& bytes) {
  const auto p = rtp::parse_packet(rtp::Slice::copy_of(bytes));
  if (!p) return p.error().message();
  std::string text = "seq " + std::to_string(p->sequence) + " pt " +
                     std::to_string(p->payload_type) + (p->marker ? " marker" : "") + " csrcs " +
                     std::to_string(p->csrc_count);
  if (p->has_extension) text += " extension " + std::to_string(p->extension.size());
  return text + " payload " + std::to_string(p->payload.size);
}

const std::string truncated = rtp::make_error_code(rtp::Errc::truncated).message();
const std::string bad_version = rtp::make_error_code(rtp::Errc::bad_version).message();
const std::string bad_padding = rtp::make_error_code(rtp::Errc::bad_padding).message();

TEST_CASE("an RTP packet is read with exact bounds") {
  struct Case {
    const char* name;
    Bytes bytes;
    std::string expected;
  };
  auto short_header = packet(0x80);
  short_header.pop_back();
  const std::vector<Case> cases = {
      {"nothing", {}, truncated},
      {"a byte short", short_header, truncated},
      {"no payload", packet(0x80), "seq 4660 pt 96 marker csrcs 0 payload 0"},
      {"payload", packet(0x80, {1, 2, 3}), "seq 4660 pt 96 marker csrcs 0 payload 3"},
      {"version 1", packet(0x40, {1}), bad_version},
      {"one CSRC", packet(0x81, {0, 0, 0, 1, 7}), "seq 4660 pt 96 marker csrcs 1 payload 1"},
      {"CSRC cut", packet(0x82, {0, 0, 0, 1, 0, 0, 0}), truncated},
      {"extension", packet(0x90, {0xbe, 0xde, 0, 1, 1, 2, 3, 4, 5}),
       "seq 4660 pt 96 marker csrcs 0 extension 4 payload 1"},
      {"empty extension", packet(0x90, {0xbe, 0xde, 0, 0, 5}),
       "seq 4660 pt 96 marker csrcs 0 extension 0 payload 1"},
      {"extension header cut", packet(0x90, {0xbe, 0xde, 0}), truncated},
      {"extension longer than the packet", packet(0x90, {0xbe, 0xde, 0, 2, 1, 2, 3, 4}), truncated},
      {"padding", packet(0xa0, {7, 0, 2}), "seq 4660 pt 96 marker csrcs 0 payload 1"},
      {"all padding", packet(0xa0, {0, 2}), "seq 4660 pt 96 marker csrcs 0 payload 0"},
      {"padding 0", packet(0xa0, {7, 0}), bad_padding},
      {"padding beyond the payload", packet(0xa0, {7, 3}), bad_padding},
      {"padding without a byte", packet(0xa0), bad_padding},
  };
  for (const auto& c : cases) {
    CAPTURE(c.name);
    CHECK(trace(c.bytes) == c.expected);
  }
}

TEST_CASE("the payload is a view of the datagram, not a copy") {
  const auto datagram = rtp::Slice::copy_of(packet(0x80, {1, 2, 3}));
  const auto parsed = rtp::parse_packet(datagram);
  REQUIRE(parsed.has_value());
  CHECK(parsed->payload.data == datagram.data + 12);
  CHECK(parsed->ssrc == 200000017);
  CHECK(parsed->timestamp == 9);
}

TEST_CASE("a written header is read back") {
  std::array<std::uint8_t, rtp::rtp_header_size> bytes{};
  rtp::write_header({true, 96, 65535, 0xfedcba98, 0x01020304}, bytes);
  const auto parsed = rtp::parse_packet(rtp::Slice::copy_of(bytes));
  REQUIRE(parsed.has_value());
  CHECK(parsed->marker);
  CHECK(parsed->payload_type == 96);
  CHECK(parsed->sequence == 65535);
  CHECK(parsed->timestamp == 0xfedcba98);
  CHECK(parsed->ssrc == 0x01020304);
}

TEST_CASE("RTCP is told from RTP by its type") {
  struct Case {
    const char* name;
    Bytes bytes;
    bool expected;
  };
  const Case cases[] = {
      {"SR", {0x80, 200, 0, 6}, true},         {"RR with a block", {0x81, 201, 0, 7}, true},
      {"BYE", {0x81, 203, 0, 1}, true},        {"transport feedback", {0x81, 205, 0, 2}, true},
      {"RTP 96", {0x80, 96, 0, 1}, false},     {"RTP 96 with marker", {0x80, 0xe0, 0, 1}, false},
      {"version 1", {0x40, 200, 0, 6}, false}, {"too short", {0x80, 200, 0}, false},
  };
  for (const auto& c : cases) {
    CAPTURE(c.name);
    CHECK(rtp::is_rtcp(c.bytes) == c.expected);
  }
}

}  // namespace
