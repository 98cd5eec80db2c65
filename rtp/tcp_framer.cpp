#include "rtp/tcp_framer.hpp"

#include <algorithm>
#include <cstring>

#include "rtp/bytes.hpp"
#include "rtp/packet.hpp"

namespace rtp {
namespace {

constexpr std::size_t min_rtcp = 8;
constexpr std::size_t longest_prefix = 4;
constexpr std::size_t look = longest_prefix + rtp_header_size;  // surely enough to judge a head
// Longer RTCP does not exist in the field, but random bytes do.
constexpr std::size_t longest_rtcp = 2048;
// While looking for the next frame, how much is looked at in one go across two slabs.
constexpr std::size_t search_step = 1500;
// A frame of an unknown source is waited for up to this length.
constexpr std::size_t longest_unclear = 16 * 1024;

std::uint32_t ssrc_of(const std::uint8_t* packet) {
  return load_be32(packet + (is_rtcp({packet, 4}) ? 4 : 8));
}

// A plain RTP header with the start of a program stream pack behind it.
bool begins_pack(const std::uint8_t* packet, std::size_t n) {
  return n >= rtp_header_size + 4 && packet[0] == 0x80 &&
         load_be32(packet + rtp_header_size) == 0x0000'01ba;
}

bool adjoins(const Slice& a, const Slice& b) {
  return a.owner && b.owner && &*a.owner == &*b.owner && a.data + a.size == b.data;
}

}  // namespace

// Whether a frame can begin at `p`, by its head alone: good, more or bad.
TcpFramer::Verdict TcpFramer::frame_at(const std::uint8_t* p, std::size_t n, Frame& frame) {
  if (n < longest_prefix + 2) return Verdict::more;
  frame = {2, load_be16(p)};
  if (p[0] == '$' && p[2] >> 6 != 2) frame = {4, load_be16(p + 2)};
  const auto* packet = p + frame.prefix;
  if (packet[0] >> 6 != 2) return Verdict::bad;
  const bool rtcp = packet[1] >= 192 && packet[1] <= 223;
  if (frame.length < (rtcp ? min_rtcp : rtp_header_size)) return Verdict::bad;
  if (rtcp && frame.length > longest_rtcp) return Verdict::bad;
  return n < frame.prefix + (rtcp ? min_rtcp : rtp_header_size) ? Verdict::more : Verdict::good;
}

// Whether another frame of the same source comes right after this one: good, unclear or bad.
TcpFramer::Verdict TcpFramer::follow_up(const std::uint8_t* p, std::size_t n, const Frame& frame) {
  if (n < frame.size() + look) return Verdict::unclear;
  Frame next;
  const auto* after = p + frame.size();
  if (frame_at(after, n - frame.size(), next) != Verdict::good) return Verdict::bad;
  const bool same = ssrc_of(p + frame.prefix) == ssrc_of(after + next.prefix);
  return same ? Verdict::good : Verdict::bad;
}

// In step, a frame of the known source is taken at its word, and so is RTCP; but one that is much
// longer than any before may have a wrong length, which would swallow others: it is waited for only
// as long as no other of its source lies within. Another SSRC may be a sender that changed it, or
// garbage: the frame after it decides. Out of step, only the SSRC, a pack header or a second frame
// count.
TcpFramer::Verdict TcpFramer::judge(const std::uint8_t* p, std::size_t n, Frame& frame) const {
  const auto head = frame_at(p, n, frame);
  if (head != Verdict::good) return head;
  const auto* packet = p + frame.prefix;
  if (ssrc_ && ssrc_of(packet) == *ssrc_) {
    if (frame.length <= longest_ || !ssrc_seen_) return Verdict::good;
    const auto inside = std::min(n, frame.size());
    return known_frame_within(p + 1, inside - 1) ? Verdict::bad : Verdict::good;
  }
  if (in_sync_ && (!ssrc_seen_ || is_rtcp({packet, 4}))) return Verdict::good;
  if (begins_pack(packet, n - frame.prefix)) return Verdict::good;
  const auto verdict = follow_up(p, n, frame);
  if (verdict != Verdict::unclear) return verdict;
  // Out of step every fourth byte could be a version: waiting for each would never end.
  if (!in_sync_ || frame.length > longest_unclear) return Verdict::bad;
  if (known_frame_within(p + 1, n - 1)) return Verdict::bad;
  return Verdict::unclear;
}

bool TcpFramer::known_frame_within(const std::uint8_t* p, std::size_t n) const {
  Frame frame;
  for (; n >= look; ++p, --n)
    if (frame_at(p, n, frame) == Verdict::good && ssrc_of(p + frame.prefix) == *ssrc_) return true;
  return false;
}

void TcpFramer::accept(Slice packet, std::size_t prefix, std::vector<Slice>& out) {
  ++counters_.packets;
  interleaved_ = prefix == longest_prefix;
  if (!is_rtcp(packet.bytes())) {
    longest_ = std::max<std::size_t>(longest_, packet.size);
    ssrc_ = ssrc_of(packet.data);
    ssrc_seen_ = true;
  }
  in_sync_ = true;
  skipped_in_a_row_ = 0;
  if (++good_in_a_row_ >= limits_.good_packets) recent_resyncs_ = 0;
  out.push_back(std::move(packet));
}

void TcpFramer::skip_byte() {
  if (in_sync_) {
    in_sync_ = false;
    ++counters_.resyncs;
    ++recent_resyncs_;
    good_in_a_row_ = 0;
  }
  ++counters_.skipped_bytes;
  ++skipped_in_a_row_;
}

// Cuts what can be cut; returns how many bytes are done with.
std::size_t TcpFramer::consume(const Slice& area, bool copied, std::vector<Slice>& out) {
  std::size_t at = 0;
  while (at < area.size) {
    const auto* p = area.data + at;
    const auto n = area.size - at;
    if (in_sync_ && n >= 2 && load_be16(p) == 0) {
      ++counters_.empty_frames;
      at += 2;
      continue;
    }
    Frame frame;
    const auto verdict = judge(p, n, frame);
    if (verdict == Verdict::bad) {
      skip_byte();
      ++at;
      continue;
    }
    if (verdict != Verdict::good || n < frame.size()) break;
    if (copied) ++counters_.copied_packets;
    accept(area.sub(at + frame.prefix, frame.length), frame.prefix, out);
    at += frame.size();
  }
  return at;
}

// How many bytes after tail_ would let consume() go on.
std::size_t TcpFramer::missing() const {
  if (!in_sync_) return search_step;
  Frame frame;
  const auto verdict = judge(tail_.data, tail_.size, frame);
  if (verdict == Verdict::more) return look - std::min<std::size_t>(tail_.size, look - 1);
  const auto wanted = frame.size() + (verdict == Verdict::unclear ? look : 0);
  return wanted > tail_.size ? wanted - tail_.size : 1;
}

// Appends to tail_ in memory of our own, with room for `room` bytes.
void TcpFramer::append(std::span<const std::uint8_t> bytes, std::size_t room) {
  if (tail_room_ < bytes.size()) {
    const auto capacity = tail_.size + std::max<std::size_t>(room, search_step);
    auto slab = SlabRef::allocate(capacity);
    std::memcpy(slab->data(), tail_.data, tail_.size);
    const auto* start = slab->data();
    tail_room_ = capacity - tail_.size;
    tail_ = {std::move(slab), start, tail_.size};
  }
  auto* end = tail_.owner->data() + (tail_.data + tail_.size - tail_.owner->data());
  std::memcpy(end, bytes.data(), bytes.size());
  tail_.size += static_cast<std::uint32_t>(bytes.size());
  tail_room_ -= bytes.size();
}

// The one copy on the way of a packet: its parts lie in two receive slabs. Takes from `received`
// what completes it.
void TcpFramer::push_split(Slice& received, std::vector<Slice>& out) {
  while (!tail_.empty() && !received.empty()) {
    const auto wanted = missing();
    const auto n = std::min<std::size_t>(wanted, received.size);
    append(received.bytes().first(n), wanted);
    received = received.sub(n);
    tail_ = tail_.sub(consume(tail_, true, out));
  }
}

Result<void> TcpFramer::push(Slice received, std::vector<Slice>& out) {
  if (failed_) return Errc::out_of_sync;
  if (adjoins(tail_, received)) {
    received = {std::move(received.owner), tail_.data, tail_.size + received.size};
    tail_ = {};
  } else if (!tail_.empty()) {
    push_split(received, out);
  }
  if (!received.empty()) {
    tail_ = received.sub(consume(received, false, out));
    tail_room_ = 0;
  }
  if (tail_.empty()) {
    tail_ = {};
    tail_room_ = 0;
  }
  failed_ = skipped_in_a_row_ > limits_.skip_bytes || recent_resyncs_ > limits_.resyncs;
  if (!failed_) return {};
  tail_ = {};
  return Errc::out_of_sync;
}

std::string TcpFramer::describe() const {
  const auto& c = counters_;
  return std::to_string(c.packets) + " packets, " + std::to_string(c.copied_packets) + " copied, " +
         std::to_string(c.resyncs) + " resyncs, " + std::to_string(c.skipped_bytes) +
         " bytes skipped";
}

}  // namespace rtp
