// RTP payload format for H.264, RFC 6184, packetization mode 1: single NAL unit packets and FU-A.
#pragma once

#include "rtp/payload/nal_packetizer.hpp"

namespace rtp::payload {

struct H264Rules;
using H264Packetizer = NalPacketizer<H264Rules>;

extern template class NalPacketizer<H264Rules>;

}  // namespace rtp::payload
