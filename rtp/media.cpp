#include "rtp/media.hpp"

namespace rtp {

const char* to_string(Codec codec) {
  switch (codec) {
    case Codec::h264:
      return "H.264";
    case Codec::h265:
      return "H.265";
    case Codec::mpeg4:
      return "MPEG-4";
    case Codec::svac:
      return "SVAC";
    case Codec::g711a:
      return "G.711A";
    case Codec::g711u:
      return "G.711U";
    case Codec::g722_1:
      return "G.722.1";
    case Codec::g723_1:
      return "G.723.1";
    case Codec::g729:
      return "G.729";
    case Codec::aac:
      return "AAC";
    case Codec::unknown:
      break;
  }
  return "unknown";
}

}  // namespace rtp
