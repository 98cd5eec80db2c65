#include "rtp/payload/sdp_attributes.hpp"

#include <span>
#include <string_view>

#include "rtp/payload/h264.hpp"
#include "rtp/payload/h265.hpp"

namespace rtp::payload {
namespace {

std::string base64(std::span<const std::uint8_t> bytes) {
  constexpr std::string_view alphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t group = static_cast<std::uint32_t>(bytes[i]) << 16;
    if (i + 1 < bytes.size()) group |= static_cast<std::uint32_t>(bytes[i + 1]) << 8;
    if (i + 2 < bytes.size()) group |= bytes[i + 2];
    text += alphabet[group >> 18];
    text += alphabet[(group >> 12) & 63];
    text += i + 1 < bytes.size() ? alphabet[(group >> 6) & 63] : '=';
    text += i + 2 < bytes.size() ? alphabet[group & 63] : '=';
  }
  return text;
}

std::string hex(std::span<const std::uint8_t> bytes) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string text;
  for (const std::uint8_t byte : bytes) {
    text += digits[byte >> 4];
    text += digits[byte & 15];
  }
  return text;
}

std::string h264_fmtp(const ParameterSets& sets) {
  std::string text = "packetization-mode=1";
  if (sets.sps.size() < 4 || sets.pps.empty()) return text;
  text += ";profile-level-id=" + hex(std::span(sets.sps).subspan(1, 3));
  return text + ";sprop-parameter-sets=" + base64(sets.sps) + "," + base64(sets.pps);
}

// RFC 7798 7.1: from the general part of profile_tier_level.
std::string h265_fmtp(const ParameterSets& sets) {
  std::string text;
  if (const auto sps = h265::parse_sps(sets.sps)) {
    const auto& ptl = sps->profile_tier_level;
    text += "profile-space=" + std::to_string(ptl[0] >> 6) +
            ";profile-id=" + std::to_string(ptl[0] & 31) +
            ";tier-flag=" + std::to_string((ptl[0] >> 5) & 1) +
            ";level-id=" + std::to_string(ptl[11]) +
            ";interop-constraints=" + hex(std::span(ptl).subspan(5, 6)) + ";";
  }
  if (sets.vps.empty() || sets.sps.empty() || sets.pps.empty()) return {};
  return text + "sprop-vps=" + base64(sets.vps) + ";sprop-sps=" + base64(sets.sps) +
         ";sprop-pps=" + base64(sets.pps);
}

std::string aac_fmtp(const ParameterSets& sets) {
  std::string text =
      "streamtype=5;profile-level-id=1;mode=AAC-hbr;sizelength=13;indexlength=3;"
      "indexdeltalength=3";
  return sets.config.empty() ? text : text + ";config=" + hex(sets.config);
}

}  // namespace

SdpAttributes sdp_attributes(const Track& track) {
  const std::string pt = std::to_string(track.payload_type) + " ";
  const std::string rate = "/" + std::to_string(track.clock_rate_hz);
  switch (track.codec) {
    case Codec::h264:
      return {pt + "H264/90000", pt + h264_fmtp(track.sets)};
    case Codec::h265: {
      const std::string fmtp = h265_fmtp(track.sets);
      return {pt + "H265/90000", fmtp.empty() ? fmtp : pt + fmtp};
    }
    case Codec::aac:
      return {pt + "MPEG4-GENERIC" + rate + "/" + std::to_string(track.channels),
              pt + aac_fmtp(track.sets)};
    case Codec::g711a:
      return {pt + "PCMA" + rate + "/1", {}};
    case Codec::g711u:
      return {pt + "PCMU" + rate + "/1", {}};
    default:
      return {};
  }
}

std::optional<VideoSize> video_size(const Track& track) {
  if (track.codec == Codec::h264) {
    if (const auto sps = h264::parse_sps(track.sets.sps)) return VideoSize{sps->width, sps->height};
  } else if (track.codec == Codec::h265) {
    if (const auto sps = h265::parse_sps(track.sets.sps)) return VideoSize{sps->width, sps->height};
  }
  return std::nullopt;
}

}  // namespace rtp::payload
