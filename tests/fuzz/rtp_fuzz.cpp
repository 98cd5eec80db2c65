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
  sequence({data, size});
  return 0;
}
