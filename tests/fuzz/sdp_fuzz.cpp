// Printing settles a description: read again and printed again, it stays the same.
#include <cstdlib>
#include <string_view>

#include "rtp/sdp.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto read = rtp::parse_sdp({reinterpret_cast<const char*>(data), size});
  if (!read) return 0;
  for (const auto& medium : read->media) {
    (void)medium.rtpmaps();
    (void)medium.fmtp(96);
    (void)read->direction_of(medium);
  }
  const auto printed = rtp::print_sdp(*read);
  const auto again = rtp::parse_sdp(printed);
  // Default lines and CRLF may carry a description over a limit that it just kept.
  if (!again && again.error() == rtp::Errc::too_large) return 0;
  if (!again || rtp::print_sdp(*again) != printed) std::abort();
  return 0;
}
