// Cuts RTP and RTCP packets out of a TCP stream: RFC 4571 (two bytes of length, then the packet),
// and the four-byte "$ channel length" of RTSP that some devices send instead. Pure.
//
// Survives senders that break the framing (short writes ignored, lengths wrong): it looks for the
// next place where length, version and SSRC make sense, drops what lies before it and counts.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "rtp/error.hpp"
#include "rtp/slab.hpp"

namespace rtp {

struct TcpFramerLimits {
  std::size_t skip_bytes = 1 << 20;   // dropped in a row before the stream is given up
  std::uint32_t resyncs = 100;        // repairs without `good_packets` in a row between them
  std::uint32_t good_packets = 1000;  // so many in a row pay off the repairs so far
};

class TcpFramer {
 public:
  explicit TcpFramer(TcpFramerLimits limits = {}) : limits_(limits) {}

  // The SSRC that the SDP agreed on, when there is one. Without it, it is learnt.
  void set_expected_ssrc(std::uint32_t ssrc) { ssrc_ = ssrc; }

  // Appends each whole packet (without framing) to `out`. A packet that lies whole in `received`,
  // or whose parts follow each other in one slab, is a view of it; one that straddles two slabs
  // is copied. Errc::out_of_sync: a limit is exceeded; close the connection.
  Result<void> push(Slice received, std::vector<Slice>& out);

  struct Counters {
    std::uint64_t packets = 0;
    std::uint64_t empty_frames = 0;    // length 0: some use them to keep the connection alive
    std::uint64_t copied_packets = 0;  // straddled two slabs
    std::uint64_t resyncs = 0;
    std::uint64_t skipped_bytes = 0;
  };
  const Counters& counters() const { return counters_; }
  // True when the peer frames with "$": answer in kind.
  bool interleaved() const { return interleaved_; }
  // Bytes of an unfinished packet that wait for the rest; at most 64 KiB + 4 and look-ahead.
  std::size_t pending_bytes() const { return tail_.size; }
  std::string describe() const;

 private:
  struct Frame {
    std::size_t prefix = 0, length = 0;
    std::size_t size() const { return prefix + length; }
  };
  enum class Verdict : std::uint8_t { good, suspicious, more, bad };

  Slice join(Slice received);
  std::size_t consume(const Slice& area, std::vector<Slice>& out);
  static std::optional<Frame> frame_at(const std::uint8_t* p, std::size_t n);
  Verdict judge(const std::uint8_t* p, std::size_t n, Frame& frame) const;
  bool followed_up(const std::uint8_t* p, std::size_t n, const Frame& frame, bool& more) const;
  void accept(const Slice& area, std::size_t at, const Frame& frame, std::vector<Slice>& out);
  void skip(std::size_t n);

  TcpFramerLimits limits_;
  std::optional<std::uint32_t> ssrc_;
  Slice tail_;
  bool tail_owned_ = false;  // tail_ is our own copy with room to grow
  bool in_sync_ = true, interleaved_ = false, failed_ = false;
  std::size_t skipped_in_a_row_ = 0;
  std::uint32_t recent_resyncs_ = 0, good_in_a_row_ = 0;
  Counters counters_;
};

}  // namespace rtp
