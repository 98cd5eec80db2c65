#include "rtp/ts/muxer.hpp"

#include <algorithm>
#include <cstdlib>

#include "rtp/payload/h264.hpp"
#include "rtp/payload/h265.hpp"
#include "rtp/ts/psi.hpp"

namespace rtp::ts {
namespace {

constexpr std::size_t cell_header_bytes = 4;
constexpr std::size_t payload_at = 16;  // of OutPacket::head: prefix and RTP header before it
constexpr std::size_t pcr_bytes = 6;
// Room for the reordering of two B frames, and for PTS that begin at 0.
constexpr std::int64_t pcr_lead_90khz = 18000, origin_90khz = 90000;
constexpr std::int64_t tables_every_90khz = 22500;
constexpr std::int64_t longest_step_back_90khz = 90000;

std::uint8_t byte(std::int64_t value) {
  return static_cast<std::uint8_t>(value & 0xff);
}

std::array<std::uint8_t, 5> timestamp(std::int64_t time_90khz) {
  const std::int64_t t = time_90khz & 0x1ffffffff;
  return {byte(0x20 | (t >> 30 & 7) << 1 | 1), byte(t >> 22), byte((t >> 15 & 0x7f) << 1 | 1),
          byte(t >> 7), byte((t & 0x7f) << 1 | 1)};
}

std::array<std::uint8_t, pcr_bytes> clock_reference(std::int64_t time_90khz) {
  const std::int64_t t = time_90khz & 0x1ffffffff;
  return {byte(t >> 25), byte(t >> 17), byte(t >> 9), byte(t >> 1), byte((t & 1) << 7 | 0x7e), 0};
}

void write_header(std::uint16_t pid, bool start, bool adaptation, std::uint8_t continuity,
                  std::vector<std::uint8_t>& cells) {
  cells.insert(cells.end(), {0x47, byte((start ? 0x40 : 0) | pid >> 8), byte(pid),
                             byte((adaptation ? 0x30 : 0x10) | (continuity & 15))});
}

void write_section(std::uint16_t pid, std::uint8_t& continuity,
                   std::span<const std::uint8_t> section, std::vector<std::uint8_t>& cells) {
  const std::size_t begin = cells.size();
  write_header(pid, true, false, continuity++, cells);
  cells.push_back(0);  // pointer_field
  cells.insert(cells.end(), section.begin(), section.end());
  cells.resize(begin + cell_bytes, 0xff);
}

}  // namespace

Muxer::Muxer(std::span<const Track> tracks) {
  set_tracks(tracks);
}

void Muxer::set_tracks(std::span<const Track> tracks) {
  count_ = std::min(tracks.size(), max_tracks);
  pcr_track_ = no_track;
  for (std::size_t i = 0; i < count_; ++i) {
    set_track(elementaries_[i], tracks[i], i);
    const Elementary& es = elementaries_[i];
    const bool video = kind_of(es.codec) == MediaKind::video;
    // The clock goes with the first video, without one with the first audio.
    if (es.stream_type != 0 &&
        (pcr_track_ == no_track ||
         (video && kind_of(elementaries_[pcr_track_].codec) == MediaKind::audio)))
      pcr_track_ = i;
  }
  version_ = (version_ + 1) & 31;
  tables_pts_90khz_.reset();
}

void Muxer::set_track(Elementary& es, const Track& track, std::size_t index) {
  es.codec = track.codec;
  es.pid = static_cast<std::uint16_t>(first_elementary_pid + index);
  es.stream_type = stream_type_of(track.codec);
  if (track.codec != Codec::aac) return;
  const auto adts = payload::parse_audio_specific_config(track.sets.config);
  es.adts_known = adts.has_value();
  if (adts) es.adts = *adts;
}

bool Muxer::has_media() const {
  return pcr_track_ != no_track;
}

void Muxer::push(const OutPacket& packet, Cells& cells) {
  if (packet.track >= count_ || elementaries_[packet.track].stream_type == 0) return;
  Elementary& es = elementaries_[packet.track];
  if (packet.unit_begin) {
    if (es.open) end_unit(es, cells);
    if (tables_due(packet)) write_tables(packet.pts_90khz, cells);
    begin_unit(es, packet, cells);
  }
  if (!es.open) return;
  if (es.codec == Codec::aac)
    put_audio(es, packet, cells);
  else
    put_video(es, packet, cells);
  if (packet.unit_end) end_unit(es, cells);
}

// ---- tables ----

bool Muxer::tables_due(const OutPacket& packet) const {
  if (!tables_pts_90khz_ || (packet.key && packet.track == pcr_track_)) return true;
  return std::abs(packet.pts_90khz - *tables_pts_90khz_) >= tables_every_90khz;
}

void Muxer::write_tables(std::int64_t pts_90khz, Cells& cells) {
  std::array<ProgramElement, max_tracks> elements;
  std::size_t count = 0;
  for (std::size_t i = 0; i < count_; ++i)
    if (elementaries_[i].stream_type != 0)
      elements[count++] = {elementaries_[i].stream_type, elementaries_[i].pid};
  write_section(0, pat_continuity_, program_association(version_).view(), cells);
  const Section map =
      program_map(std::span(elements).first(count), elementaries_[pcr_track_].pid, version_);
  write_section(pmt_pid, pmt_continuity_, map.view(), cells);
  tables_pts_90khz_ = pts_90khz;
}

// ---- PES ----

void Muxer::begin_unit(Elementary& es, const OutPacket& packet, Cells& cells) {
  const bool audio = es.codec == Codec::aac;
  if (audio && (!es.adts_known || packet.head_size < payload_at + 4)) return;
  es.open = es.at_start = true;
  es.key = packet.key || audio;
  es.with_pcr = packet.track == pcr_track_;
  if (es.with_pcr) advance_pcr(es, packet.pts_90khz);
  // The length of video is left open (2.4.3.7), so that nothing waits for the unit's end.
  std::size_t length = 0;
  if (audio) {
    const std::size_t raw = static_cast<std::size_t>(packet.head[payload_at + 2] << 5 |
                                                     packet.head[payload_at + 3] >> 3);
    length = 3 + 5 + payload::adts_header_bytes + raw;
  }
  const std::array<std::uint8_t, 9> header = {0,
                                              0,
                                              1,
                                              static_cast<std::uint8_t>(audio ? 0xc0 : 0xe0),
                                              static_cast<std::uint8_t>(length >> 8),
                                              static_cast<std::uint8_t>(length),
                                              0x84,
                                              0x80,
                                              5};
  put(es, header, cells);
  put(es, timestamp(packet.pts_90khz + origin_90khz), cells);
  // 2.14.1, 2.17.1: each access unit begins with an access unit delimiter.
  static constexpr std::uint8_t aud_h264[] = {0, 0, 0, 1, payload::h264::aud, 0xf0};
  static constexpr std::uint8_t aud_h265[] = {0, 0, 0, 1, payload::h265::aud << 1, 1, 0x50};
  if (es.codec == Codec::h264) put(es, aud_h264, cells);
  if (es.codec == Codec::h265) put(es, aud_h265, cells);
}

void Muxer::end_unit(Elementary& es, Cells& cells) {
  if (es.used > 0) write_cell(es, cells);
  es.open = false;
}

// Never back, except when the stream's time line itself jumped.
void Muxer::advance_pcr(Elementary& es, std::int64_t pts_90khz) {
  const std::int64_t wanted = pts_90khz + origin_90khz - pcr_lead_90khz;
  es.discontinuity = pcr_90khz_ && wanted < *pcr_90khz_ - longest_step_back_90khz;
  pcr_90khz_ = pcr_90khz_ && !es.discontinuity ? std::max(*pcr_90khz_, wanted) : wanted;
}

// ---- payload ----

void Muxer::put_video(Elementary& es, const OutPacket& packet, Cells& cells) {
  static constexpr std::uint8_t start_code[] = {0, 0, 0, 1};
  const auto* fu = packet.head.data() + payload_at;
  if (packet.head_size == payload_at) {  // single NAL unit packet
    put(es, start_code, cells);
  } else if (es.codec == Codec::h264 && (fu[1] & 0x80)) {
    const std::uint8_t nal[] = {byte((fu[0] & 0xe0) | (fu[1] & 0x1f))};
    put(es, start_code, cells);
    put(es, nal, cells);
  } else if (es.codec == Codec::h265 && (fu[2] & 0x80)) {
    const std::uint8_t nal[] = {byte((fu[0] & 0x81) | (fu[2] & 0x3f) << 1), fu[1]};
    put(es, start_code, cells);
    put(es, nal, cells);
  }
  put_slices(es, packet, cells);
}

void Muxer::put_audio(Elementary& es, const OutPacket& packet, Cells& cells) {
  if (packet.unit_begin) {
    const auto* au = packet.head.data() + payload_at + 2;
    put(es, payload::write_adts(es.adts, static_cast<std::size_t>(au[0] << 5 | au[1] >> 3)), cells);
  }
  put_slices(es, packet, cells);
}

void Muxer::put_slices(Elementary& es, const OutPacket& packet, Cells& cells) {
  for (std::size_t i = 0; i < packet.slice_count; ++i) put(es, packet.slices[i].bytes(), cells);
}

void Muxer::put(Elementary& es, Bytes bytes, Cells& cells) {
  while (!bytes.empty()) {
    const std::size_t room = es.pending.size() - adaptation_bytes(es);
    const std::size_t n = std::min(room - es.used, bytes.size());
    std::copy_n(bytes.begin(), n, es.pending.begin() + static_cast<std::ptrdiff_t>(es.used));
    es.used += n;
    bytes = bytes.subspan(n);
    if (es.used == room) write_cell(es, cells);
  }
}

// ---- cells ----

// Of the cell that comes next, without stuffing.
std::size_t Muxer::adaptation_bytes(const Elementary& es) {
  if (!es.at_start) return 0;
  if (es.with_pcr) return 2 + pcr_bytes;
  return es.key ? 2 : 0;
}

void Muxer::write_cell(Elementary& es, Cells& cells) {
  const std::size_t wanted = adaptation_bytes(es);
  const std::size_t adaptation = es.pending.size() - es.used;  // what is left is stuffing
  write_header(es.pid, es.at_start, adaptation > 0, es.continuity++, cells);
  if (adaptation > 0) cells.push_back(static_cast<std::uint8_t>(adaptation - 1));
  if (adaptation > 1) {
    const bool pcr = es.at_start && es.with_pcr;
    cells.push_back(byte((pcr && es.discontinuity ? 0x80 : 0) | (es.at_start && es.key ? 0x40 : 0) |
                         (pcr ? 0x10 : 0)));
    if (pcr) {
      const auto reference = clock_reference(*pcr_90khz_);
      cells.insert(cells.end(), reference.begin(), reference.end());
    }
    cells.insert(cells.end(), adaptation - std::max<std::size_t>(wanted, 2), 0xff);
  }
  cells.insert(cells.end(), es.pending.begin(),
               es.pending.begin() + static_cast<std::ptrdiff_t>(es.used));
  es.used = 0;
  es.at_start = false;
}

}  // namespace rtp::ts
