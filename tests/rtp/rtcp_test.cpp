#include "rtp/rtcp.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace {

using namespace rtp;
using Bytes = std::vector<std::uint8_t>;

template <class... Packets>
Bytes written(const Packets&... packets) {
  Bytes out;
  (write_rtcp(packets, out), ...);
  return out;
}

RtcpSenderReport sender_report() {
  return {0x01020304, {NtpTime{0xe0000000'80000000}, 90000, 10, 12345}, {}};
}

ReportBlock block(std::int32_t lost) {
  return {0x0bebc211, 64, lost, 0x10002, 900, 0xaabbccdd, 65536};
}

RtcpSourceDescription cname(const std::string& text) {
  RtcpSourceDescription sdes;
  sdes.chunks.push_back({0x01020304, {{SdesItem::cname, text}}});
  return sdes;
}

TEST_CASE("a sender report is written as RFC 3550 6.4.1 draws it") {
  const Bytes expected = {0x80, 200, 0, 6, 1,    2,    3, 4, 0xe0, 0,  0, 0, 0x80, 0,
                          0,    0,   0, 1, 0x5f, 0x90, 0, 0, 0,    10, 0, 0, 0x30, 0x39};
  CHECK(written(sender_report()) == expected);
}

TEST_CASE("SDES ends each chunk with a zero and fills it up to 32 bits") {
  struct Case {
    std::string text;
    std::size_t size;
  };
  // header 4 + ssrc 4 + item 2 + text + at least one zero
  const Case cases[] = {{"a", 12}, {"ab", 16}, {"abc", 16}, {"abcde", 16}, {"abcdef", 20}};
  for (const auto& c : cases) {
    CAPTURE(c.text);
    const auto bytes = written(cname(c.text));
    CHECK(bytes.size() == c.size);
    CHECK(bytes.back() == 0);
  }
}

TEST_CASE("what is written is read back") {
  RtcpReceiverReport rr{5, {block(3), block(-2), block(-0x800000), block(0x7fffff)}};
  auto two = cname("camera@gbgate");
  two.chunks.push_back({9, {{SdesItem::tool, "x"}, {SdesItem::cname, ""}}});
  const std::vector<RtcpCompound> compounds = {
      {{sender_report(), cname("abc")}},
      {{rr, two}},
      {{RtcpReceiverReport{7, {}}, cname(""), RtcpBye{{7, 8}, "over"}}},
      {{RtcpBye{{}, ""}}},
  };
  for (const auto& compound : compounds) {
    const auto bytes = written(compound);
    CHECK(bytes.size() % 4 == 0);
    const auto parsed = parse_rtcp(bytes);
    REQUIRE(parsed.has_value());
    CHECK(*parsed == compound);
  }
}

TEST_CASE("limits of the fields cut, never overflow") {
  RtcpReceiverReport rr{5, std::vector<ReportBlock>(40, block(1))};
  const auto parsed = parse_rtcp(written(rr, cname(std::string(300, 'x'))));
  REQUIRE(parsed.has_value());
  CHECK(std::get<RtcpReceiverReport>(parsed->packets[0]).blocks.size() == 31);
  const auto& text = std::get<RtcpSourceDescription>(parsed->packets[1]).chunks[0].items[0].text;
  CHECK(text.size() == 255);
}

// How many packets were understood and skipped, or why not.
std::string outcome(const Bytes& bytes) {
  const auto parsed = parse_rtcp(bytes);
  if (!parsed) return parsed.error().message();
  return std::to_string(parsed->packets.size()) + " read, " + std::to_string(parsed->skipped) +
         " skipped";
}

Bytes joined(Bytes a, const Bytes& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

TEST_CASE("odd compounds") {
  struct Case {
    const char* name;
    Bytes bytes;
    std::string expected;
  };
  const auto sr = written(sender_report());
  const auto text = [](Errc e) { return make_error_code(e).message(); };
  const std::vector<Case> cases = {
      {"nothing", {}, text(Errc::truncated)},
      {"version 1", {0x40, 200, 0, 0}, text(Errc::bad_version)},
      {"longer than the datagram", {0x80, 201, 0, 2, 0, 0, 0, 1}, text(Errc::truncated)},
      {"SR too short", {0x80, 200, 0, 1, 0, 0, 0, 1}, text(Errc::bad_length)},
      {"APP is skipped", {0x80, 204, 0, 2, 0, 0, 0, 1, 'n', 'a', 'm', 'e'}, "0 read, 1 skipped"},
      {"feedback after SR", joined(sr, {0x81, 206, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2}),
       "1 read, 1 skipped"},
      {"SR, then rubbish", joined(sr, {1, 2, 3, 4, 5}), "1 read, 0 skipped"},
      {"announces a block that is not there", {0x81, 201, 0, 1, 0, 0, 0, 1}, "1 read, 0 skipped"},
      {"padding", {0xa0, 201, 0, 2, 0, 0, 0, 1, 0, 0, 0, 4}, "1 read, 0 skipped"},
      {"padding 0", {0xa0, 201, 0, 1, 0, 0, 0, 0}, text(Errc::bad_padding)},
      {"padding too large", {0xa0, 201, 0, 1, 0, 0, 0, 9}, text(Errc::bad_padding)},
      {"SDES text beyond the packet",
       {0x81, 202, 0, 2, 0, 0, 0, 1, 1, 200, 'a', 'b'},
       text(Errc::bad_length)},
      {"SDES without its zero", {0x81, 202, 0, 2, 0, 0, 0, 1, 1, 2, 'a', 'b'}, "1 read, 0 skipped"},
      {"BYE reason longer than the packet",
       {0x81, 203, 0, 2, 0, 0, 0, 1, 90, 'b', 'y', 'e'},
       "1 read, 0 skipped"},
  };
  for (const auto& c : cases) {
    CAPTURE(c.name);
    CHECK(outcome(c.bytes) == c.expected);
  }
}

TEST_CASE("at most 64 packets of a compound are read") {
  Bytes many;
  for (int n = 0; n < 100; ++n) write_rtcp(RtcpReceiverReport{1, {}}, many);
  CHECK(outcome(many) == "64 read, 0 skipped");
}

}  // namespace
