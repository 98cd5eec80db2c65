// A camera with bad intentions, from its packets to what viewers are sent: RTP headers that lie,
// loss, repeats, jumps of numbers and times, senders that change, around a program stream that the
// fuzzer has spoilt. The first bytes of the input choose the lies, the rest is what the packets
// carry. Whatever comes, the stream stays within its limits, what viewers get is well formed, its
// numbers go on one by one, and what was published never changes.
#include <algorithm>
#include <cstdlib>
#include <deque>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "gateway/media_pipeline.hpp"

namespace {

using Bytes = std::span<const std::uint8_t>;
constexpr std::int64_t ms = 1'000'000;
constexpr std::size_t slab_bytes = 32 * 1024, ring_bytes = 48 * 1024, ring_packets = 64;
constexpr std::size_t headroom = 16, largest = 1400;

void require(bool condition) {
  if (!condition) std::abort();
}

// One slab after the other, datagrams behind each other as they lie after recvmmsg.
class Memory {
 public:
  rtp::Slice put(Bytes header, Bytes payload) {
    const auto size = header.size() + payload.size();
    if (!slab_ || used_ + headroom + size > slab_bytes) {
      slab_ = rtp::SlabRef::allocate(slab_bytes);
      used_ = 0;
    }
    auto* const at = slab_->data() + used_ + headroom;
    std::ranges::copy(payload, std::ranges::copy(header, at).out);
    used_ += (headroom + size + 15) / 16 * 16;
    rtp::Slice slice{slab_, at, static_cast<std::uint32_t>(size)};
    slice.headroom = headroom;
    return slice;
  }

 private:
  rtp::SlabRef slab_;
  std::size_t used_ = 0;
};

// A viewer that is never behind, and remembers what it was sent.
class Watcher final : public gateway::Viewer {
 public:
  explicit Watcher(gateway::Stream& stream) : stream_(stream) { stream.attach(*this); }
  ~Watcher() { stream_.detach(*this); }

  void on_packets() override {
    if (position_ < stream_.begin()) {  // more than the ring holds came at once
      next_ = {};
      position_ = stream_.begin();
    }
    for (; position_ < stream_.end(); ++position_) {
      check(stream_.packet(position_));
      seen_.push_back({position_, sum(stream_.packet(position_))});
    }
    check_seen();
  }
  void on_end(const std::string&) override {}

  // What others may be sending just now is what this one was sent.
  void check_seen() {
    while (!seen_.empty() && seen_.front().index < stream_.begin()) seen_.pop_front();
    for (const auto& [index, sum_then] : seen_) require(sum(stream_.packet(index)) == sum_then);
  }

 private:
  struct Seen {
    std::uint64_t index, sum;
  };

  static std::uint64_t sum(const rtp::OutPacket& packet) {
    std::uint64_t hash = 1469598103934665603u;
    packet.for_each_piece(0, [&](const std::uint8_t* data, std::size_t size) {
      for (const auto byte : Bytes(data, size)) hash = (hash ^ byte) * 1099511628211u;
    });
    return hash;
  }

  void check(const rtp::OutPacket& packet) {
    require(packet.track < stream_.tracks().size());
    std::size_t size = 0;
    packet.for_each_piece(0, [&](const std::uint8_t*, std::size_t bytes) { size += bytes; });
    require(size == packet.size_bytes + rtp::OutPacket::prefix_size);
    require(packet.size_bytes > 12 && packet.size_bytes <= 12 + largest);
    auto& next = next_[packet.track];
    require(!next || *next == packet.sequence);
    next = static_cast<std::uint16_t>(packet.sequence + 1);
  }

  gateway::Stream& stream_;
  std::uint64_t position_ = 0;
  std::deque<Seen> seen_;
  std::array<std::optional<std::uint16_t>, rtp::PayloadDemuxer::max_streams> next_;
};

class Camera {
 public:
  Camera(std::uint32_t seed, bool tcp) : random_(seed), pipeline_(stream_, config(tcp), ssrcs_) {}

  void send(Bytes payload) {
    step();
    const auto header = rtp_header();
    for (auto copies = one_in(40) ? 2 : one_in(40) ? 0 : 1; copies > 0; --copies) {
      auto packet = rtp::parse_packet(memory_.put(header, payload));
      if (!packet) continue;
      if (packet->ssrc != ssrc_) pipeline_.on_source_switched();
      ssrc_ = packet->ssrc;
      pipeline_.on_packet(std::move(*packet), now_ns_);
    }
    if (!one_in(4)) pipeline_.end_of_batch(now_ns_, wall_ns());
    require(stream_.end() - stream_.begin() <= ring_packets);
    require(pipeline_.diagnosis().size() < 300);
  }

  void finish() {
    now_ns_ += 1000 * ms;
    let_time_pass();
    pipeline_.end_of_batch(now_ns_, wall_ns());
    watcher_.check_seen();
    require(!pipeline_.describe().empty());
    stream_.end("over");
  }

  std::size_t packet_bytes() { return 1 + below(one_in(3) ? 40 : 1400); }

 private:
  static gateway::PipelineConfig config(bool tcp) {
    gateway::PipelineConfig config;
    config.max_payload_bytes = largest;
    config.in_order = tcp;
    return config;
  }
  std::uint32_t below(std::uint32_t n) { return static_cast<std::uint32_t>(random_() % n); }
  bool one_in(std::uint32_t n) { return below(n) == 0; }
  std::int64_t wall_ns() const { return 1'700'000'000'000 * ms + now_ns_; }

  void step() {
    now_ns_ += one_in(200) ? std::int64_t{below(20'000)} * ms : std::int64_t{below(20)} * ms;
    let_time_pass();
    sequence_ = static_cast<std::uint16_t>(sequence_ + (one_in(60)   ? below(65536)
                                                        : one_in(20) ? 2
                                                                     : 1));
    if (one_in(30)) sequence_ = static_cast<std::uint16_t>(sequence_ - below(5));
    timestamp_ += one_in(100) ? static_cast<std::uint32_t>(random_()) : one_in(3) ? 3600 : 0;
    if (one_in(500)) wire_ssrc_ = below(3);
  }

  // No deadline may stay due: the caller would ask again and again.
  void let_time_pass() {
    for (int turns = 0; pipeline_.next_deadline() && *pipeline_.next_deadline() <= now_ns_;
         ++turns) {
      require(turns < 1000);
      pipeline_.on_deadline(now_ns_, wall_ns());
    }
  }

  std::vector<std::uint8_t> rtp_header() {
    static constexpr std::uint8_t types[] = {96, 96, 96, 96, 98, 99, 100, 8, 0, 102, 97, 127};
    std::vector<std::uint8_t> h(12);
    const std::uint8_t csrcs = one_in(50) ? static_cast<std::uint8_t>(below(16)) : 0;
    h[0] =
        static_cast<std::uint8_t>(0x80 | csrcs | (one_in(50) ? 0x10 : 0) | (one_in(50) ? 0x20 : 0));
    const auto type = one_in(10) ? types[below(std::size(types))] : types[0];
    h[1] = static_cast<std::uint8_t>(type | (one_in(4) ? 0x80 : 0));
    h[2] = static_cast<std::uint8_t>(sequence_ >> 8);
    h[3] = static_cast<std::uint8_t>(sequence_);
    for (int i = 0; i < 4; ++i) h[4 + i] = static_cast<std::uint8_t>(timestamp_ >> 8 * (3 - i));
    h[11] = static_cast<std::uint8_t>(wire_ssrc_);
    if (one_in(2)) h.resize(h.size() + 4u * csrcs);  // else the payload's begin is taken for them
    return h;
  }

  std::minstd_rand random_;
  std::int64_t now_ns_ = 1000 * ms;
  std::uint16_t sequence_ = 65500;
  std::uint32_t timestamp_ = 0xffff0000, wire_ssrc_ = 7, ssrc_ = 7;
  Memory memory_;
  rtp::SsrcGenerator ssrcs_{1};
  gateway::Stream stream_{
      "s", {.ring_bytes = ring_bytes, .ring_packets = ring_packets, .backlog_ns = 300 * ms}};
  Watcher watcher_{stream_};
  gateway::MediaPipeline pipeline_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Bytes bytes(data, size);
  const auto seed = std::accumulate(bytes.begin(), bytes.end(), std::uint32_t{1},
                                    [](std::uint32_t all, std::uint8_t b) { return all * 31 + b; });
  Camera camera(seed | 1, seed & 2);
  while (!bytes.empty()) {
    const auto n = std::min(camera.packet_bytes(), bytes.size());
    camera.send(bytes.first(n));
    bytes = bytes.subspan(n);
  }
  camera.finish();
  return 0;
}
