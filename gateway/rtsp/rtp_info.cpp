#include "gateway/rtsp/rtp_info.hpp"

namespace gateway::rtsp {

std::string print_rtp_info(std::span<const RtpInfo> infos) {
  std::string out;
  for (const auto& info : infos) {
    if (!out.empty()) out += ',';
    out += "url=" + info.url + ";seq=" + std::to_string(info.sequence) +
           ";rtptime=" + std::to_string(info.rtptime);
  }
  return out;
}

}  // namespace gateway::rtsp
