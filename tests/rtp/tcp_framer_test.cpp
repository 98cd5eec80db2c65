#include "rtp/tcp_framer.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "rtp/bytes.hpp"
#include "rtp/packet.hpp"

namespace {

using namespace rtp;
using Bytes = std::vector<std::uint8_t>;

constexpr std::uint32_t ssrc = 0x0bebc211;

Bytes packet(int sequence, std::size_t payload, std::uint32_t source = ssrc) {
  Bytes b(rtp_header_size + payload, 0x55);
  write_header({false, 96, static_cast<std::uint16_t>(sequence), 0, source},
               std::span<std::uint8_t, rtp_header_size>(b.data(), rtp_header_size));
  return b;
}

Bytes sender_report() {
  Bytes b(28, 0);
  b[0] = 0x80;
  b[1] = 200;
  b[3] = 6;
  store_be32(&b[4], ssrc);
  return b;
}

void add(Bytes& stream, const Bytes& b) {
  stream.insert(stream.end(), b.begin(), b.end());
}

void add_frame(Bytes& stream, const Bytes& b) {
  stream.push_back(static_cast<std::uint8_t>(b.size() >> 8));
  stream.push_back(static_cast<std::uint8_t>(b.size()));
  add(stream, b);
}

void add_dollar_frame(Bytes& stream, const Bytes& b) {
  stream.push_back('$');
  stream.push_back(0);
  add_frame(stream, b);
}

std::string show(const std::vector<Slice>& packets) {
  std::string text;
  for (const auto& p : packets) {
    if (is_rtcp(p.bytes()))
      text += "rtcp ";
    else
      text += std::to_string(load_be16(p.data + 2)) + " ";
  }
  return text;
}

// All of it in pieces of `piece` bytes, each in a slab of its own.
std::string cut(TcpFramer& framer, const Bytes& stream, std::size_t piece) {
  std::vector<Slice> out;
  for (std::size_t at = 0; at < stream.size(); at += piece) {
    const auto n = std::min(piece, stream.size() - at);
    if (!framer.push(Slice::copy_of({&stream[at], n}), out)) return show(out) + "closed";
  }
  return show(out);
}

TEST_CASE("any cut of a stream gives the same packets") {
  Bytes stream, dollars;
  for (int n = 0; n < 20; ++n) {
    const auto p =
        n % 7 == 3 ? sender_report() : packet(n, static_cast<std::size_t>(n) * 97 % 1400);
    add_frame(stream, p);
    add_dollar_frame(dollars, p);
  }
  const std::string expected = "0 1 2 rtcp 4 5 6 7 8 9 rtcp 11 12 13 14 15 16 rtcp 18 19 ";
  for (const std::size_t piece : {1, 2, 3, 5, 13, 100, 1400, 1460, 4096, 100'000}) {
    CAPTURE(piece);
    TcpFramer plain, dollar;
    CHECK(cut(plain, stream, piece) == expected);
    CHECK(plain.counters().resyncs == 0);
    CHECK_FALSE(plain.interleaved());
    CHECK(cut(dollar, dollars, piece) == expected);
    CHECK(dollar.counters().resyncs == 0);
    CHECK(dollar.interleaved());
    CHECK(dollar.pending_bytes() == 0);
  }
}

TEST_CASE("packets are views; only one that straddles two slabs is copied") {
  Bytes stream;
  for (int n = 0; n < 10; ++n) add_frame(stream, packet(n, 1000));
  const auto first = Slice::copy_of({stream.data(), 5500});
  const auto second = Slice::copy_of({&stream[5500], stream.size() - 5500});
  TcpFramer framer;
  std::vector<Slice> out;
  REQUIRE(framer.push(first, out).has_value());
  REQUIRE(framer.push(second, out).has_value());
  REQUIRE(out.size() == 10);
  CHECK(framer.counters().copied_packets == 1);
  for (std::size_t n = 0; n < 10; ++n) {
    const auto* data = out[n].data;
    const bool in_first = data >= first.data && data < first.data + first.size;
    const bool in_second = data >= second.data && data < second.data + second.size;
    CHECK((in_first || in_second) == (n != 5));
  }
}

TEST_CASE("pieces that follow each other in one slab are not copied at all") {
  Bytes stream;
  for (int n = 0; n < 10; ++n) add_frame(stream, packet(n, 1000));
  const auto whole = Slice::copy_of(stream);
  TcpFramer framer;
  std::vector<Slice> out;
  for (std::size_t at = 0; at < whole.size; at += 300)
    REQUIRE(
        framer.push(whole.sub(at, std::min<std::size_t>(300, whole.size - at)), out).has_value());
  CHECK(show(out) == "0 1 2 3 4 5 6 7 8 9 ");
  CHECK(framer.counters().copied_packets == 0);
  for (const auto& p : out) CHECK((p.data > whole.data && p.data < whole.data + whole.size));
}

TEST_CASE("senders that break the framing are found again") {
  struct Case {
    const char* name;
    void (*damage)(Bytes&);
    const char* expected;
    std::uint64_t resyncs;
  };
  const Case cases[] = {
      {"rubbish between frames", [](Bytes& s) { add(s, Bytes(77, 0x99)); }, "0 1 10 11 12 ", 1},
      {"a short write was ignored",
       [](Bytes& s) {
         add_frame(s, packet(5, 1000));
         s.resize(s.size() - 400);  // swallows the beginning of the next frame
       },
       "0 1 5 11 12 ", 1},
      {"a length of nonsense",
       [](Bytes& s) {
         add(s, {0x00, 0x03, 1, 2, 3});
       },
       "0 1 10 11 12 ", 1},
      {"a length that would swallow what follows",
       [](Bytes& s) {
         const auto at = s.size();
         add_frame(s, packet(5, 900));
         store_be16(&s[at], 9999);
       },
       "0 1 10 11 12 ", 1},
      {"empty frames",
       [](Bytes& s) {
         add(s, {0, 0, 0, 0});
       },
       "0 1 10 11 12 ", 0},
      {"text",
       [](Bytes& s) {
         add(s, {'H', 'T', 'T', 'P', '/', '1', '.', '1', ' ', '4', '0', '0'});
       },
       "0 1 10 11 12 ", 1},
  };
  for (const auto& c : cases) {
    for (const std::size_t piece : {1, 7, 64, 1460, 100'000}) {
      CAPTURE(c.name);
      CAPTURE(piece);
      Bytes stream;
      add_frame(stream, packet(0, 900));
      add_frame(stream, packet(1, 900));
      c.damage(stream);
      for (int n = 10; n < 13; ++n) add_frame(stream, packet(n, 900));
      TcpFramer framer;
      CHECK(cut(framer, stream, piece) == c.expected);
      CHECK(framer.counters().resyncs == c.resyncs);
    }
  }
}

TEST_CASE("a changed SSRC is believed when a second packet bears it") {
  Bytes stream;
  add_frame(stream, packet(1, 500));
  for (int n = 100; n < 103; ++n) add_frame(stream, packet(n, 500, 4711));
  TcpFramer framer;
  CHECK(cut(framer, stream, 333) == "1 100 101 102 ");
  CHECK(framer.counters().resyncs == 0);
}

TEST_CASE("the SSRC of the SDP may be wrong") {
  Bytes stream;
  add_frame(stream, packet(1, 500));
  TcpFramer framer;
  framer.set_expected_ssrc(1);
  CHECK(cut(framer, stream, 5000) == "1 ");
}

TEST_CASE("a stream that begins in the middle is entered at a pack header") {
  Bytes stream(300, 0x42);
  auto p = packet(9, 600);
  store_be32(&p[12], 0x000001ba);
  add_frame(stream, p);
  TcpFramer framer;
  CHECK(cut(framer, stream, 128) == "9 ");
  CHECK(framer.counters().skipped_bytes == 300);
}

TEST_CASE("beyond the limits the stream is given up") {
  TcpFramer never;
  CHECK(cut(never, Bytes(2 << 20, 0x41), 4096) == "closed");
  std::vector<Slice> out;
  CHECK_FALSE(never.push(Slice::copy_of(Bytes{0, 20}), out).has_value());

  Bytes stream;
  for (int n = 0; n < 20; ++n) {
    add_frame(stream, packet(n, 100));
    add(stream, Bytes(50, 0x41));
  }
  TcpFramer often({.resyncs = 5});
  CHECK(cut(often, stream, 10).ends_with("closed"));
  TcpFramer repaid({.resyncs = 5, .good_packets = 1});
  CHECK_FALSE(cut(repaid, stream, 10).ends_with("closed"));
}

TEST_CASE("the largest packet") {
  Bytes stream;
  add_frame(stream, packet(1, 65535 - rtp_header_size));
  add_frame(stream, packet(2, 10));
  for (const std::size_t piece : {1000, 65536, 100'000}) {
    TcpFramer framer;
    CHECK(cut(framer, stream, piece) == "1 2 ");
  }
}

TEST_CASE("random damage: what comes out of one cut comes out of any, and memory stays bounded") {
  std::mt19937 random(3);
  for (int round = 0; round < 30; ++round) {
    Bytes stream;
    for (int n = 0; n < 60; ++n) add_frame(stream, packet(n, random() % 1400));
    for (int n = 0; n < 4; ++n) {
      const auto at = static_cast<std::ptrdiff_t>(random() % (stream.size() - 300));
      stream.erase(stream.begin() + at, stream.begin() + at + static_cast<int>(random() % 300));
    }
    TcpFramer framer;
    std::vector<Slice> out;
    for (std::size_t at = 0; at < stream.size();) {
      const auto n = std::min<std::size_t>(1 + random() % 3000, stream.size() - at);
      REQUIRE(framer.push(Slice::copy_of({&stream[at], n}), out).has_value());
      REQUIRE(framer.pending_bytes() <= 65536 + 4 + 16);
      at += n;
    }
    // Each cut damages two packets at most; one may hide a few behind a wrong length.
    CHECK(out.size() >= 40);
    CHECK(framer.counters().resyncs <= 4);
  }
}

}  // namespace
