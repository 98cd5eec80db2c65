// Cuts RTP and RTCP packets out of a TCP stream: RFC 4571 (two bytes of length, then the packet),
// and the four-byte "$ channel length" of RTSP that some devices send instead. Pure.
//
// Survives senders that break the framing (short writes ignored, lengths wrong): it looks for the
// next place where length, version and SSRC make sense, drops what lies before it and counts.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
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
  enum class Verdict : std::uint8_t {
    good,
    more,     // too few bytes to tell
    unclear,  // the frame after it will tell; it is not there yet
    bad,
  };

  static Verdict frame_at(const std::uint8_t* p, std::size_t n, Frame& frame);
  static Verdict follow_up(const std::uint8_t* p, std::size_t n, const Frame& frame);
  Verdict judge(const std::uint8_t* p, std::size_t n, Frame& frame) const;
  bool known_frame_within(const std::uint8_t* p, std::size_t n) const;
  std::size_t consume(const Slice& area, bool copied, std::vector<Slice>& out);
  void accept(Slice packet, std::size_t prefix, std::vector<Slice>& out);
  void skip_byte();
  void push_split(Slice& received, std::vector<Slice>& out);
  std::size_t missing() const;
  void append(std::span<const std::uint8_t> bytes, std::size_t room);

  TcpFramerLimits limits_;
  std::optional<std::uint32_t> ssrc_;
  bool ssrc_seen_ = false;      // ssrc_ came in a packet of this connection
  std::size_t longest_ = 1500;  // no packet of it has been longer
  Slice tail_;                  // what is not cut yet
  std::size_t tail_room_ = 0;   // bytes after tail_ that may be written: it is our own copy
  bool in_sync_ = true, interleaved_ = false, failed_ = false;
  std::size_t skipped_in_a_row_ = 0;
  std::uint32_t recent_resyncs_ = 0, good_in_a_row_ = 0;
  Counters counters_;
};

}  // namespace rtp
