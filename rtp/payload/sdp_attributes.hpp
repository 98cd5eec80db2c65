// How a track is written in SDP: rtpmap (RFC 8866 6.6) and fmtp (RFC 6184 8.2.1, RFC 7798 7.2.1,
// RFC 3640 4.4). Pure.
#pragma once

#include <optional>
#include <string>

#include "rtp/media.hpp"

namespace rtp::payload {

// The values of the attributes, payload type included: "a=rtpmap:" + rtpmap. fmtp is empty when
// there is nothing to say.
struct SdpAttributes {
  std::string rtpmap;
  std::string fmtp;
};

// Empty strings for a codec that has no RTP payload format here.
SdpAttributes sdp_attributes(const Track& track);

// Size of the picture as the SPS in `track.sets` says; nothing for audio or without SPS.
struct VideoSize {
  std::uint32_t width = 0, height = 0;
};
std::optional<VideoSize> video_size(const Track& track);

}  // namespace rtp::payload
