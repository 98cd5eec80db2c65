// For tests only: access units that look like H.264 or H.265 as far as a relay reads them. Their
// content is noise from a fixed seed, with emulation prevention, so that a wrong byte shows.
#pragma once

#include <algorithm>
#include <cstdint>
#include <random>
#include <vector>

#include "rtp/media.hpp"

namespace rtp::testing {

using Bytes = std::vector<std::uint8_t>;

// Those of tests/data/ps/ffmpeg-vob-*: 160x120, 25 frames per second.
inline const Bytes h264_sps = {0x67, 0x64, 0x00, 0x0b, 0xac, 0xd9, 0x42, 0x84, 0x7e,
                               0x5c, 0x04, 0x40, 0x00, 0x00, 0x03, 0x00, 0x40, 0x00,
                               0x00, 0x0c, 0x83, 0xc5, 0x0a, 0x65, 0x80};
inline const Bytes h264_pps = {0x68, 0xef, 0xbc, 0xb0};
inline const Bytes h265_vps = {0x40, 0x01, 0x0c, 0x01, 0xff, 0xff, 0x01, 0x60,
                               0x00, 0x00, 0x03, 0x00, 0x90, 0x00, 0x00, 0x03,
                               0x00, 0x00, 0x03, 0x00, 0x1e, 0xba, 0x02, 0x40};
inline const Bytes h265_sps = {0x42, 0x01, 0x01, 0x01, 0x60, 0x00, 0x00, 0x03, 0x00, 0x90, 0x00,
                               0x00, 0x03, 0x00, 0x00, 0x03, 0x00, 0x1e, 0xa0, 0x14, 0x20, 0x79,
                               0x65, 0xba, 0x92, 0x4c, 0xaf, 0x01, 0x68, 0x08, 0x00, 0x00, 0x03,
                               0x00, 0x08, 0x00, 0x00, 0x03, 0x00, 0xc8, 0x40};
inline const Bytes h265_pps = {0x44, 0x01, 0xc1, 0x72, 0xb4, 0x62, 0x40};

// Noise that holds no 00 00 0x and does not end with a zero.
inline Bytes noise(std::mt19937& random, std::size_t size) {
  Bytes bytes;
  while (bytes.size() < size) {
    // Small values often: zeros and ones are where splitters go wrong.
    const auto value = static_cast<std::uint32_t>(random());
    std::uint8_t byte = static_cast<std::uint8_t>(value % 4 ? value >> 8 : (value >> 8) & 3);
    const std::size_t n = bytes.size();
    if (n >= 2 && bytes[n - 1] == 0 && bytes[n - 2] == 0 && byte < 3) byte = 3;
    bytes.push_back(byte);
  }
  if (!bytes.empty() && bytes.back() == 0) bytes.back() = 0x80;
  return bytes;
}

struct CodedUnit {
  std::vector<Bytes> nals;
  bool key = false;

  Bytes annex_b(std::size_t zeros = 3) const {
    Bytes bytes;
    for (const auto& nal : nals) {
      bytes.insert(bytes.end(), zeros, 0);
      bytes.push_back(1);
      bytes.insert(bytes.end(), nal.begin(), nal.end());
    }
    return bytes;
  }
};

inline Bytes slice_nal(Codec codec, bool key, bool first, std::size_t size, std::mt19937& random) {
  Bytes nal = codec == Codec::h265 ? Bytes{static_cast<std::uint8_t>(key ? 0x26 : 0x02), 0x01}
                                   : Bytes{static_cast<std::uint8_t>(key ? 0x65 : 0x41)};
  nal.push_back(first ? 0x9a : 0x4a);
  const Bytes body = noise(random, size);
  nal.insert(nal.end(), body.begin(), body.end());
  return nal;
}

// One picture in `slices` slices of `bytes` in all.
inline CodedUnit coded_unit(Codec codec, bool key, std::size_t bytes, std::size_t slices,
                            std::mt19937& random) {
  CodedUnit unit;
  unit.key = key;
  if (key && codec == Codec::h264) unit.nals = {h264_sps, h264_pps, {0x06, 0x05, 0x02, 0x11, 0x80}};
  if (key && codec == Codec::h265)
    unit.nals = {h265_vps, h265_sps, h265_pps, {0x4e, 0x01, 0x05, 0x80}};
  for (std::size_t i = 0; i < slices; ++i)
    unit.nals.push_back(slice_nal(codec, key, i == 0, bytes / slices, random));
  return unit;
}

}  // namespace rtp::testing
