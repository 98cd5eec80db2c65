#include "rtp/ps/codec_guess.hpp"

#include "rtp/payload/h264.hpp"
#include "rtp/payload/h265.hpp"

namespace rtp::ps {
namespace {

namespace h264 = payload::h264;
namespace h265 = payload::h265;

// nuh_layer_id 0 and TemporalId 0, which all parameter sets and most pictures have.
bool is_h265_header(std::uint8_t first, std::uint8_t second) {
  return (first & 0x81) == 0 && second == 1;
}

bool is_h265_type(std::uint8_t type) {
  return type <= 1 || (type >= h265::first_irap && type <= 21) ||
         (type >= h265::vps && type <= h265::aud) || type == h265::prefix_sei;
}

bool is_h264_type(std::uint8_t first) {
  const std::uint8_t reference = first & 0x60;
  switch (h264::nal_type(first)) {
    case h264::slice:
      return true;
    case h264::idr:
    case h264::sps:
    case h264::pps:
      return reference != 0;
    case h264::sei:
    case h264::aud:
      return reference == 0;
    default:
      return false;
  }
}

}  // namespace

Codec guess_video(std::uint8_t first, std::uint8_t second) {
  if (first & 0x80) return Codec::unknown;
  if (is_h265_header(first, second) && is_h265_type(h265::nal_type(first))) return Codec::h265;
  return is_h264_type(first) ? Codec::h264 : Codec::unknown;
}

Codec prove_video(std::uint8_t first, std::uint8_t second) {
  const std::uint8_t type = h265::nal_type(first);
  if (is_h265_header(first, second) && type >= h265::vps && type <= h265::aud) return Codec::h265;
  if (first == h264::aud) return Codec::h264;
  if ((first & 0x80) || (first & 0x60) == 0 || h264::nal_type(first) != h264::sps)
    return Codec::unknown;
  switch (second) {  // profile_idc
    case 66:
    case 77:
    case 88:
    case 100:
    case 110:
    case 122:
    case 244:
      return Codec::h264;
    default:
      return Codec::unknown;
  }
}

std::optional<payload::AdtsHeader> guess_adts(std::span<const std::uint8_t> bytes,
                                              std::size_t payload_bytes) {
  auto header = payload::parse_adts(bytes);
  if (header && header->frame_bytes > payload_bytes) header.reset();
  return header;
}

bool is_mpeg_audio(std::span<const std::uint8_t> b) {
  if (b.size() < 4 || b[0] != 0xff || (b[1] & 0xe0) != 0xe0) return false;
  const int version = b[1] >> 3 & 3, layer = b[1] >> 1 & 3, bitrate = b[2] >> 4;
  const int sampling = b[2] >> 2 & 3;
  return version != 1 && layer != 0 && bitrate != 0 && bitrate != 15 && sampling != 3;
}

}  // namespace rtp::ps
