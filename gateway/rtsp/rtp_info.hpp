// The RTP-Info header of a PLAY answer (RFC 2326 12.33). Pure.
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace gateway::rtsp {

// The first RTP packet that will be sent for a track.
struct RtpInfo {
  std::string url;  // the track's control URL
  std::uint16_t sequence = 0;
  std::uint32_t rtptime = 0;  // printed unsigned: a negative one breaks players
};

std::string print_rtp_info(std::span<const RtpInfo> infos);

}  // namespace gateway::rtsp
