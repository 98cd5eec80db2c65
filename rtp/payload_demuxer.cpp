#include "rtp/payload_demuxer.hpp"

#include <cstring>

#include "rtp/payload/h264.hpp"
#include "rtp/payload/h265.hpp"
#include "rtp/ps/codec_guess.hpp"
#include "rtp/ps/pes.hpp"

namespace rtp {
namespace {

using Bytes = std::span<const std::uint8_t>;

bool begins_program(Bytes b) {
  if (b.size() < 4) return false;
  const bool vendor = !std::memcmp(b.data(), "IMKH", 4) || !std::memcmp(b.data(), "DHAV", 4);
  return vendor || (b[0] == 0 && b[1] == 0 && b[2] == 1 && ps::is_system_id(b[3]));
}

// The first NAL unit of an aggregate, else the payload itself.
Bytes first_nal(Bytes b) {
  constexpr std::uint8_t stap_a = 24, h265_aggregation = 48;
  if (b.size() > 4 && payload::h264::nal_type(b[0]) == stap_a && !(b[0] & 0x80))
    return b.subspan(3);
  if (b.size() > 6 && payload::h265::nal_type(b[0]) == h265_aggregation && b[1] == 1)
    return b.subspan(4);
  return b;
}

// Two bytes could be chance; an SPS that can be read to its picture size is none.
Codec parameter_set(Bytes nal) {
  if (nal.size() < 4) return Codec::unknown;
  const Codec codec = ps::prove_video(nal[0], nal[1]);
  if (codec == Codec::h264) {
    const auto sps = payload::h264::parse_sps(nal);
    return sps && sps->width > 0 && sps->height > 0 ? codec : Codec::unknown;
  }
  if (codec != Codec::h265) return Codec::unknown;
  // The VPS has 0xffff behind its first bytes (vps_reserved_0xffff_16bits).
  if (payload::h265::nal_type(nal[0]) == payload::h265::vps)
    return nal.size() > 6 && nal[4] == 0xff && nal[5] == 0xff ? codec : Codec::unknown;
  if (payload::h265::nal_type(nal[0]) != payload::h265::sps) return Codec::unknown;
  const auto sps = payload::h265::parse_sps(nal);
  return sps && sps->width > 0 ? codec : Codec::unknown;
}

bool is_nal_codec(Codec codec) {
  return codec == Codec::h264 || codec == Codec::h265;
}
bool is_relayed(Codec codec) {
  return is_nal_codec(codec) || codec == Codec::g711a || codec == Codec::g711u ||
         codec == Codec::aac;
}

}  // namespace

PayloadDemuxer::Finding PayloadDemuxer::look_at(const Packet& packet) const {
  const auto bytes = packet.payload.bytes();
  if (begins_program(bytes)) return {Kind::program, Codec::unknown};
  const auto declared = formats_.find(packet.payload_type);
  const bool is_audio =
      declared && declared->codec != Codec::unknown && kind_of(declared->codec) == MediaKind::audio;
  if (const Codec codec = is_audio ? Codec::unknown : parameter_set(first_nal(bytes));
      codec != Codec::unknown)
    return {Kind::elementary, codec};
  if (declared && declared->codec != Codec::unknown) return {Kind::elementary, Codec::unknown};
  return {};
}

void PayloadDemuxer::decide(const Packet& packet) {
  const auto found = look_at(packet);
  if (found.kind == Kind::unknown) return;
  const bool elementary = found.kind == Kind::elementary;
  if (found.codec != Codec::unknown) proven_ = {packet.payload_type, found.codec, 90000};
  // What nobody could relay may yet prove to be something else: 99 is used for H.265, too.
  decided_ = !elementary || is_relayed(format_of(packet.payload_type).codec);
  if (elementary == is_elementary()) return;
  version_base_ = tracks_version() + 1;
  ps_ = ps::Demuxer();
  es_ = elementary ? std::make_unique<es::Demuxer>() : nullptr;
}

es::Format PayloadDemuxer::format_of(std::uint8_t payload_type) const {
  const auto declared = formats_.find(payload_type);
  const bool is_proven = proven_ && proven_->payload_type == payload_type;
  if (is_proven && (!declared || !is_nal_codec(declared->codec))) return *proven_;
  return declared.value_or(es::Format{payload_type, Codec::unknown, 90000});
}

void PayloadDemuxer::push(const Packet& packet, const ps::PushInfo& info,
                          std::vector<EsChunk>& out) {
  // A program stream shows itself again and again; while there is none, proof is looked for.
  if (!decided_ || (is_elementary() && begins_program(packet.payload.bytes()))) decide(packet);
  if (!is_elementary()) return ps_.push(packet.payload, info, out);
  es_->push(packet.payload, format_of(packet.payload_type), info, out);
}

std::optional<std::int64_t> PayloadDemuxer::next_deadline() const {
  return es_ ? es_->next_deadline() : ps_.next_deadline();
}
void PayloadDemuxer::on_deadline(std::int64_t now_ns, std::vector<EsChunk>& out) {
  es_ ? es_->on_deadline(now_ns, out) : ps_.on_deadline(now_ns, out);
}
std::span<const Track> PayloadDemuxer::tracks() const {
  return es_ ? es_->tracks() : ps_.tracks();
}
std::uint32_t PayloadDemuxer::tracks_version() const {
  return version_base_ + (es_ ? es_->tracks_version() : ps_.tracks_version());
}
const ps::DemuxerCounters& PayloadDemuxer::counters() const {
  return es_ ? es_->counters() : ps_.counters();
}
const std::string& PayloadDemuxer::diagnosis() const {
  return es_ ? es_->diagnosis() : ps_.diagnosis();
}
std::string PayloadDemuxer::describe() const {
  return es_ ? es_->describe() : ps_.describe();
}

}  // namespace rtp
