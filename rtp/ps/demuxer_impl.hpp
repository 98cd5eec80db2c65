// The inside of Demuxer: a state machine over the bytes of a program stream. Internal to rtp/ps;
// its parts are in demuxer.cpp (packets, time), demuxer_sync.cpp (start codes), demuxer_headers.cpp
// and demuxer_pes.cpp.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "rtp/ps/audio_stream.hpp"
#include "rtp/ps/demux_context.hpp"
#include "rtp/ps/demuxer.hpp"
#include "rtp/ps/pes.hpp"
#include "rtp/ps/stream_map.hpp"
#include "rtp/ps/video_stream.hpp"

namespace rtp::ps {

constexpr std::size_t start_code_bytes = 3;

// A part of a start code at the end of what was read: how many zeros, and the 01 behind them. Its
// bytes are known, so they need not be held.
struct PartialStartCode {
  std::size_t zeros = 0;  // 2 stands for more
  bool one = false;
  bool empty() const { return zeros == 0; }
  std::size_t size() const { return zeros + (one ? 1 : 0); }
  // Of the bytes behind `from`.
  static PartialStartCode at_end(std::span<const std::uint8_t> bytes, std::size_t from);
};

class Demuxer::Impl {
 public:
  explicit Impl(DemuxerLimits limits) : limits_(limits) {
    streams_.reserve(max_streams);
    tracks_.reserve(max_streams);
    stream_of_id_.fill(no_stream);
    static constexpr std::uint8_t code[] = {0, 0, 1};
    start_code_ = Slice::copy_of(code);
  }

  void push(const Slice& payload, const PushInfo& info, std::vector<EsChunk>& out);
  bool take_more(const Slice& payload, std::size_t track, std::int64_t arrival_ns);
  std::optional<std::int64_t> next_deadline() const;
  void on_deadline(std::int64_t now_ns, std::vector<EsChunk>& out);
  std::string describe() const;

  std::vector<Track> tracks_;
  std::uint32_t tracks_version_ = 0;
  StreamMap map_;
  DemuxerCounters counters_;
  std::string diagnosis_;

 private:
  enum class State : std::uint8_t {
    lost,       // looking for a pack or PES
    between,    // a start code should come
    header,     // of a pack, map or PES, not all there yet
    payload,    // of a PES, of known length
    unbounded,  // of a PES, until the next start code
    skip,       // over something by its length
  };
  struct Stream {
    std::uint8_t id = 0;
    std::variant<VideoStream, AudioStream> is;
  };
  static constexpr std::int8_t no_stream = -1;
  static constexpr std::size_t no_current = max_streams;

  DemuxContext context(const PushInfo& info, std::vector<EsChunk>& out) {
    return {out, out.size(), info, counters_, limits_, tracks_, tracks_version_, diagnosis_};
  }

  void begin_packet(const Slice& payload, DemuxContext& context);
  void lose(DemuxContext& context);
  void cut_short(DemuxContext& context);

  Slice step(Slice&& rest, DemuxContext& context);
  Slice in_lost(const Slice& rest);
  Slice in_between(const Slice& rest, DemuxContext& context);
  Slice in_header(const Slice& rest, DemuxContext& context);
  Slice collect_header(const Slice& rest, DemuxContext& context);
  Slice in_payload(Slice&& rest, DemuxContext& context);
  Slice in_unbounded(const Slice& rest, DemuxContext& context);
  Slice in_skip(const Slice& rest);

  std::optional<std::uint8_t> advance_partial(std::uint8_t byte);
  void begin_header(std::uint8_t id);
  void bad_header();
  void take_header(const Header& header, std::span<const std::uint8_t> bytes,
                   DemuxContext& context);
  void take_map(std::span<const std::uint8_t> bytes);
  void begin_pes(const Header& header, DemuxContext& context);
  void end_pes(DemuxContext& context);
  std::size_t stream_for(std::uint8_t id);
  bool is_elementary(std::uint8_t id) const;
  void deliver(Slice&& bytes, DemuxContext& context);
  void deliver_partial(DemuxContext& context);
  bool overruns() const;
  bool is_target(std::uint8_t id) const;

  template <class F>
  void visit(std::size_t stream, F&& f) {
    std::visit(std::forward<F>(f), streams_[stream].is);
  }

  DemuxerLimits limits_;
  std::vector<Stream> streams_;
  std::array<std::int8_t, 256> stream_of_id_{};
  Slice start_code_;  // 00 00 01, for when a partial start code proves to be payload

  State state_ = State::lost;
  PartialStartCode partial_;
  std::array<std::uint8_t, max_header_bytes> header_{};  // a header that straddles packets
  std::size_t header_size_ = 0;
  std::uint32_t remaining_ = 0;       // of payload or skip
  std::size_t current_ = no_current;  // stream of the newest PES
  bool mpeg1_ = false;                // the newest pack was MPEG-1
};

}  // namespace rtp::ps
