// RTP from the wire: one packet; a TCP stream in two different cuts; a run of sequence numbers.
#include <algorithm>
#include <cstdlib>
#include <string>
#include <vector>

#include "rtp/bytes.hpp"
#include "rtp/packet.hpp"
#include "rtp/reorder_buffer.hpp"
#include "rtp/tcp_framer.hpp"

namespace {

using Bytes = std::span<const std::uint8_t>;

void require(bool condition) {
  if (!condition) std::abort();
}

void packet(Bytes bytes) {
  const auto datagram = rtp::Slice::copy_of(bytes);
  const auto p = rtp::parse_packet(datagram);
  if (!p) return;
  const auto* end = datagram.data + datagram.size;
  require(p->payload.data >= datagram.data + 12 && p->payload.data + p->payload.size <= end);
}

struct Cut {
  std::vector<rtp::Slice> packets;
  rtp::TcpFramer::Counters counters;
};

Cut cut(Bytes bytes, std::size_t piece) {
  Cut result;
  rtp::TcpFramer framer;
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    const auto n = std::min(piece, bytes.size() - at);
    if (!framer.push(rtp::Slice::copy_of(bytes.subspan(at, n)), result.packets)) break;
    require(framer.pending_bytes() <= 65536 + 20);
  }
  result.counters = framer.counters();
  return result;
}

// The place of a cut may decide how a damaged stream is repaired, but not how a sound one is read.
void stream(Bytes bytes) {
  const auto whole = cut(bytes, bytes.size() + 1), pieces = cut(bytes, 1 + bytes.size() % 97);
  std::size_t framed = whole.counters.skipped_bytes + 2 * whole.counters.empty_frames;
  for (const auto& p : whole.packets) framed += p.size + 2;
  require(framed <= bytes.size());
  if (whole.counters.resyncs + pieces.counters.resyncs > 0) return;
  require(whole.packets.size() == pieces.packets.size());
  for (std::size_t i = 0; i < whole.packets.size(); ++i)
    require(std::ranges::equal(whole.packets[i].bytes(), pieces.packets[i].bytes()));
}

constexpr std::uint32_t ssrc = 0x0beb'c211;
constexpr std::size_t damaged_until = 30, packets_sent = 60;

std::vector<std::uint8_t> frame(std::size_t sequence) {
  std::vector<std::uint8_t> b(2 + rtp::rtp_header_size + 100 + 37 * (sequence % 20), 0x5a);
  rtp::store_be16(b.data(), static_cast<std::uint16_t>(b.size() - 2));
  rtp::write_header({false, 96, static_cast<std::uint16_t>(sequence), 0, ssrc},
                    std::span<std::uint8_t, rtp::rtp_header_size>(&b[2], rtp::rtp_header_size));
  return b;
}

// Three bytes of input spoil a frame: one that is written short, with another length, with bytes
// inserted behind it, or overwritten.
void spoil(std::vector<std::uint8_t>& b, std::uint8_t how, Bytes with) {
  const std::size_t at = 2 + with[0] % (b.size() - 2);
  if (how % 4 == 0) b.resize(at);
  if (how % 4 == 1) rtp::store_be16(b.data(), rtp::load_be16(with.data()));
  if (how % 4 == 2) b.insert(b.end(), with.begin(), with.end());
  if (how % 4 == 3) b[at] = with[1];
}

// Whatever a sender does to its framing, it is found again once it has come to its senses.
void repair(Bytes bytes) {
  std::vector<std::uint8_t> wire;
  for (std::size_t n = 0; n < packets_sent; ++n) {
    auto b = frame(n);
    const bool spoilt = n > 0 && n < damaged_until && bytes.size() >= 3 && bytes[0] % 3 == 0;
    if (spoilt)
      spoil(b, bytes[0] / 3, bytes.subspan(1, std::min<std::size_t>(bytes.size() - 1, 40)));
    if (n > 0 && bytes.size() >= 3) bytes = bytes.subspan(3);
    wire.insert(wire.end(), b.begin(), b.end());
  }
  rtp::TcpFramer framer;
  std::vector<rtp::Slice> packets;
  for (std::size_t at = 0; at < wire.size(); at += 1460) {
    const auto n = std::min<std::size_t>(1460, wire.size() - at);
    require(framer.push(rtp::Slice::copy_of({&wire[at], n}), packets).has_value());
  }
  // The frame behind the last damage may have been swallowed, or serve as proof.
  require(packets.size() >= packets_sent - damaged_until - 2);
  const auto last = packets.back().bytes();
  const auto sent = frame(packets_sent - 1);
  require(std::ranges::equal(last, Bytes(sent).subspan(2)));
}

void sequence(Bytes bytes) {
  rtp::ReorderBuffer buffer({.window = 64});
  std::vector<rtp::Ordered> out;
  std::int64_t now_ns = 0;
  for (std::size_t at = 0; at + 2 <= bytes.size(); at += 2) {
    rtp::Packet p;
    p.sequence = rtp::load_be16(&bytes[at]);
    buffer.push(std::move(p), now_ns += 7'000'000, out);
    if (const auto due = buffer.next_deadline(); due && *due <= now_ns)
      buffer.on_deadline(now_ns, out);
    require(buffer.held() < 64);
  }
  buffer.flush(out);
  for (std::size_t i = 1; i < out.size(); ++i) {
    const auto step =
        static_cast<std::uint16_t>(out[i].packet.sequence - out[i - 1].packet.sequence);
    require(out[i].restarted || step == out[i].lost_before + 1u);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  packet({data, size});
  stream({data, size});
  repair({data, size});
  sequence({data, size});
  return 0;
}
