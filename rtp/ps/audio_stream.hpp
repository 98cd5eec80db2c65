// The audio of a program stream: PES payloads in, a unit per PES out. Internal to rtp/ps.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>

#include "rtp/ps/demux_context.hpp"
#include "rtp/ps/pes.hpp"

namespace rtp::ps {

// The first bytes of a PES decide the codec, together with the map: ADTS is AAC whatever the map
// says, and without any hint it is G.711 A-law, which GB/T 28181 demands of every device.
class AudioStream {
 public:
  void set_mapped(std::uint8_t stream_type);

  void begin_pes(const Header& header, DemuxContext& context);
  void data(Slice&& bytes, DemuxContext& context);
  void end_pes(DemuxContext& context);
  void end_packet(DemuxContext& context);
  void lose(DemuxContext& context);

  std::optional<std::int64_t> deadline() const { return deadline_ns_; }
  void on_deadline(std::int64_t now_ns, DemuxContext& context);

 private:
  static constexpr std::size_t probe_bytes = 7;  // an ADTS header
  enum class Verdict : std::uint8_t { open, accepted, refused };

  void probe(Slice&& bytes, DemuxContext& context);
  void decide(DemuxContext& context);
  Codec judge(DemuxContext& context);
  Codec judge_unsynced(DemuxContext& context);
  void accept(Codec codec, DemuxContext& context);
  void check(std::span<const std::uint8_t> bytes, DemuxContext& context);
  void open_unit(DemuxContext& context);
  std::int64_t pts_of_pes(const PushInfo& info);

  UnitWriter unit_;
  Verdict verdict_ = Verdict::open;
  Codec codec_ = Codec::unknown;
  std::uint8_t mapped_ = 0;
  bool announced_ = false, after_loss_ = false;
  int strange_pes_ = 0;  // PES in a row that do not look like the codec

  std::uint32_t strange_size_ = 0;
  bool one_size_ = false;  // all of them have it

  bool fresh_ = false;  // no byte of this PES yet
  std::optional<std::int64_t> pes_pts_90khz_;
  std::uint32_t pes_bytes_ = 0;
  bool unbounded_ = false;
  std::array<std::uint8_t, probe_bytes> head_{};
  std::array<Slice, probe_bytes> held_;  // while the codec is not decided
  std::size_t head_size_ = 0, held_count_ = 0;

  bool any_pts_ = false;
  std::int64_t last_pts_90khz_ = 0;
  std::uint32_t last_rtp_timestamp_ = 0;
  std::int64_t unit_bytes_ = 0;
  std::optional<std::int64_t> deadline_ns_;
};

}  // namespace rtp::ps
