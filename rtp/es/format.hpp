// What an RTP payload type stands for: GB/T 28181-2022 annex C, or the a=rtpmap of an answer. Pure.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "rtp/media.hpp"

namespace rtp::es {

struct Format {
  std::uint8_t payload_type = 0;
  Codec codec = Codec::unknown;  // unknown: a program stream, or what nobody knows
  std::uint32_t clock_rate_hz = 90000;
};

// The encoding name of a=rtpmap, in any letter case: "H264", "PCMA", "MP4V-ES", ...; unknown for
// "PS" and all others.
Codec codec_of_encoding(std::string_view name);

// The formats of one sender: what its SDP said first, then the recommendations of annex C.
class Formats {
 public:
  static constexpr std::size_t max_declared = 16;  // more are ignored

  // An a=rtpmap of the sender's.
  void declare(const Format& format);
  // Nothing: a payload type that neither SDP nor annex C knows.
  std::optional<Format> find(std::uint8_t payload_type) const;

 private:
  std::array<Format, max_declared> declared_{};
  std::size_t count_ = 0;
};

}  // namespace rtp::es
