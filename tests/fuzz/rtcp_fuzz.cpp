// What is read of a compound can be written, and is read back the same.
#include <cstdlib>

#include "rtp/rtcp_session.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto compound = rtp::parse_rtcp({data, size});
  if (compound && !compound->packets.empty()) {
    std::vector<std::uint8_t> bytes;
    rtp::write_rtcp(*compound, bytes);
    const auto again = rtp::parse_rtcp(bytes);
    if (!again || again->packets != compound->packets) std::abort();
  }
  rtp::RtcpReceiver receiver({.own_ssrc = 1, .cname = "fuzz"});
  rtp::RtcpSender sender({.ssrc = 7, .cname = "fuzz"});
  (void)receiver.on_rtcp({data, size}, 0);
  (void)sender.on_rtcp({data, size}, 0);
  return 0;
}
