#include "rtp/payload/h264_packetizer.hpp"

#include "rtp/payload/h264.hpp"
#include "rtp/payload/nal_packetizer_impl.hpp"

namespace rtp::payload {

struct H264Rules {
  static constexpr Codec codec = Codec::h264;
  static constexpr std::size_t nal_header_bytes = 1;
  static constexpr std::size_t decide_bytes = 2;     // first_mb_in_slice and slice_type of slice 0
  static constexpr std::size_t fu_header_bytes = 2;  // FU indicator, FU header

  static NalRole role(std::span<const std::uint8_t> head) {
    const std::uint8_t type = h264::nal_type(head[0]);
    if ((head[0] & 0x80) || type == 0 || type >= h264::first_unsendable) return NalRole::dropped;
    if (h264::is_picture(type)) return NalRole::picture;
    switch (type) {
      case h264::sps:
        return NalRole::sps;
      case h264::pps:
        return NalRole::pps;
      case h264::aud:
      case h264::filler:
        return NalRole::dropped;
      default:
        return NalRole::other;
    }
  }
  static bool is_random_access(std::span<const std::uint8_t> head) {
    return h264::nal_type(head[0]) == h264::idr;
  }
  static bool is_intra(std::span<const std::uint8_t> head) { return h264::is_intra_slice(head); }
  static bool complete(const ParameterSets& sets) { return !sets.sps.empty() && !sets.pps.empty(); }

  static void write_fu_header(std::span<const std::uint8_t> nal_header, bool first, bool last,
                              std::span<std::uint8_t> out) {
    out[0] = static_cast<std::uint8_t>((nal_header[0] & 0xe0) | h264::fu_a);
    out[1] = static_cast<std::uint8_t>((first ? 0x80 : 0) | (last ? 0x40 : 0) |
                                       h264::nal_type(nal_header[0]));
  }
};

template class NalPacketizer<H264Rules>;

}  // namespace rtp::payload
