#include "gateway/rtsp/sdp_description.hpp"

#include "rtp/payload/sdp_attributes.hpp"

namespace gateway::rtsp {
namespace {

// A line of its own, whatever the name holds.
std::string one_line(std::string text) {
  for (char& c : text)
    if (static_cast<unsigned char>(c) < ' ') c = ' ';
  return text.empty() ? "-" : text;
}

std::string describe_track(const rtp::Track& track, unsigned index, const Target& target) {
  const auto attributes = rtp::payload::sdp_attributes(track);
  if (attributes.rtpmap.empty()) return {};  // a codec that we cannot send
  const bool video = rtp::kind_of(track.codec) == rtp::MediaKind::video;
  std::string out = video ? "m=video 0 RTP/AVP " : "m=audio 0 RTP/AVP ";
  out += std::to_string(track.payload_type) + "\r\na=rtpmap:" + attributes.rtpmap + "\r\n";
  if (!attributes.fmtp.empty()) out += "a=fmtp:" + attributes.fmtp + "\r\n";
  const auto control =
      target.query.empty() ? "trackID=" + std::to_string(index) : target.track_url(index);
  return out + "a=control:" + control + "\r\n";
}

}  // namespace

std::string describe(const Stream& stream, const Target& target) {
  std::string out = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=" + one_line(stream.name()) +
                    "\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\na=control:";
  out += (target.query.empty() ? "*" : target.presentation_url()) + "\r\na=range:npt=now-\r\n";
  unsigned index = 0;
  for (const auto& track : stream.tracks()) out += describe_track(track, index++, target);
  return out;
}

}  // namespace gateway::rtsp
