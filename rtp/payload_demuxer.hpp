// Takes the RTP payloads of one sender apart, whatever they hold: a program stream, as GB/T 28181
// wants it, or elementary streams sent directly. Which it is, the payload type suggests and the
// content decides. Pure.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "rtp/es/demuxer.hpp"
#include "rtp/es/format.hpp"
#include "rtp/packet.hpp"
#include "rtp/ps/demuxer.hpp"

namespace rtp {

// A payload that begins a program stream makes it one, whatever was announced: no NAL unit begins
// like that. Without one, the declared formats count (SDP, then annex C); where they say "program
// stream" or nothing, a parameter set of H.264 or H.265 proves an elementary stream. As long as
// nothing is proven, payloads are read as a program stream.
class PayloadDemuxer {
 public:
  static constexpr std::size_t max_streams = ps::Demuxer::max_streams;

  // An a=rtpmap of the sender's SDP.
  void declare(const es::Format& format) { formats_.declare(format); }
  // What comes next is another sender's, and may be of the other kind.
  void reconsider() { decided_ = false; }

  // As the two demuxers do. After a change of kind tracks() begins anew, with a new version.
  void push(const Packet& packet, const ps::PushInfo& info, std::vector<EsChunk>& out);
  // As ps::Demuxer::take_more().
  bool take_more(const Packet& packet, std::size_t track, std::int64_t arrival_ns) {
    return decided_ && !is_elementary() && ps_.take_more(packet.payload, track, arrival_ns);
  }
  std::optional<std::int64_t> next_deadline() const;
  void on_deadline(std::int64_t now_ns, std::vector<EsChunk>& out);

  bool is_elementary() const { return es_ != nullptr; }
  std::span<const Track> tracks() const;
  std::uint32_t tracks_version() const;
  // Empty for elementary streams.
  const ps::StreamMap& map() const { return ps_.map(); }
  const ps::DemuxerCounters& counters() const;
  const std::string& diagnosis() const;
  std::string describe() const;

 private:
  enum class Kind : std::uint8_t { unknown, program, elementary };
  struct Finding {
    Kind kind = Kind::unknown;
    Codec codec = Codec::unknown;  // of elementary, where the content told
  };

  Finding look_at(const Packet& packet) const;
  void decide(const Packet& packet);
  es::Format format_of(std::uint8_t payload_type) const;

  es::Formats formats_;
  ps::Demuxer ps_;
  std::unique_ptr<es::Demuxer> es_;
  std::uint32_t version_base_ = 0;  // of tracks_version(), from before the newest change of kind
  bool decided_ = false;
  // The content proved this payload type to be something else than was declared.
  std::optional<es::Format> proven_;
};

}  // namespace rtp
