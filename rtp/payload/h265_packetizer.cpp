#include "rtp/payload/h265_packetizer.hpp"

#include "rtp/payload/h265.hpp"
#include "rtp/payload/nal_packetizer_impl.hpp"

namespace rtp::payload {

struct H265Rules {
  static constexpr Codec codec = Codec::h265;
  static constexpr std::size_t nal_header_bytes = 2;
  static constexpr std::size_t decide_bytes = 2;
  static constexpr std::size_t fu_header_bytes = 3;  // payload header, FU header

  static NalRole role(std::span<const std::uint8_t> head) {
    const std::uint8_t type = h265::nal_type(head[0]);
    // 48 and above are RFC 7798's own packets, or unspecified
    if ((head[0] & 0x80) || type >= 48) return NalRole::dropped;
    if (h265::is_picture(type)) return NalRole::picture;
    switch (type) {
      case h265::vps:
        return NalRole::vps;
      case h265::sps:
        return NalRole::sps;
      case h265::pps:
        return NalRole::pps;
      case h265::aud:
      case h265::filler:
        return NalRole::dropped;
      default:
        return NalRole::other;
    }
  }
  static bool is_random_access(std::span<const std::uint8_t> head) {
    const std::uint8_t type = h265::nal_type(head[0]);
    return type >= h265::first_irap && type <= h265::last_irap;
  }
  static bool is_intra(std::span<const std::uint8_t>) { return false; }  // IRAP says it all
  static bool complete(const ParameterSets& sets) {
    return !sets.vps.empty() && !sets.sps.empty() && !sets.pps.empty();
  }

  static void write_fu_header(std::span<const std::uint8_t> nal_header, bool first, bool last,
                              std::span<std::uint8_t> out) {
    out[0] = static_cast<std::uint8_t>((nal_header[0] & 0x81) | h265::fu << 1);
    out[1] = nal_header[1];
    out[2] = static_cast<std::uint8_t>((first ? 0x80 : 0) | (last ? 0x40 : 0) |
                                       h265::nal_type(nal_header[0]));
  }
};

template class NalPacketizer<H265Rules>;

}  // namespace rtp::payload
