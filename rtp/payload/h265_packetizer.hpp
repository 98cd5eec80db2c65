// RTP payload format for H.265, RFC 7798, without DONL: single NAL unit packets and FUs.
#pragma once

#include "rtp/payload/nal_packetizer.hpp"

namespace rtp::payload {

struct H265Rules;
using H265Packetizer = NalPacketizer<H265Rules>;

extern template class NalPacketizer<H265Rules>;

}  // namespace rtp::payload
