#include "rtp/payload/packetizer.hpp"

#include <cassert>

namespace rtp::payload {

bool Packetizer::supports(Codec codec) {
  switch (codec) {
    case Codec::h264:
    case Codec::h265:
    case Codec::aac:
    case Codec::g711a:
    case Codec::g711u:
      return true;
    default:
      return false;
  }
}

Packetizer::Format Packetizer::make(Codec codec, const PacketizerConfig& config) {
  assert(supports(codec));
  switch (codec) {
    case Codec::h265:
      return Format(std::in_place_type<H265Packetizer>, config);
    case Codec::aac:
      return Format(std::in_place_type<AacPacketizer>, config);
    case Codec::g711a:
    case Codec::g711u:
      return Format(std::in_place_type<G711Packetizer>, codec, config);
    default:
      return Format(std::in_place_type<H264Packetizer>, config);
  }
}

Packetizer::Packetizer(Codec codec, const PacketizerConfig& config)
    : codec_(codec), format_(make(codec, config)) {}

void Packetizer::push(const EsChunk& chunk, std::int64_t arrival_ns, std::vector<OutPacket>& out) {
  std::visit([&](auto& format) { format.push(chunk, arrival_ns, out); }, format_);
}

bool Packetizer::takes_more() const {
  if (const auto* h264 = std::get_if<H264Packetizer>(&format_)) return h264->takes_more();
  const auto* h265 = std::get_if<H265Packetizer>(&format_);
  return h265 && h265->takes_more();
}

void Packetizer::take_more(const Slice& bytes, std::int64_t arrival_ns,
                           std::vector<OutPacket>& out) {
  if (auto* h264 = std::get_if<H264Packetizer>(&format_))
    h264->take_more(bytes, arrival_ns, out);
  else if (auto* h265 = std::get_if<H265Packetizer>(&format_))
    h265->take_more(bytes, arrival_ns, out);
}

const ParameterSets& Packetizer::parameter_sets() const {
  return std::visit(
      [](const auto& format) -> const ParameterSets& { return format.parameter_sets(); }, format_);
}
std::uint32_t Packetizer::version() const {
  return std::visit([](const auto& format) { return format.version(); }, format_);
}
bool Packetizer::ready() const {
  return std::visit([](const auto& format) { return format.ready(); }, format_);
}
void Packetizer::describe(Track& track) const {
  std::visit([&](const auto& format) { format.describe(track); }, format_);
}
std::uint16_t Packetizer::next_sequence() const {
  return std::visit([](const auto& format) { return format.next_sequence(); }, format_);
}
const PacketizerCounters& Packetizer::counters() const {
  return std::visit(
      [](const auto& format) -> const PacketizerCounters& { return format.counters(); }, format_);
}

}  // namespace rtp::payload
