#include "rtp/es/format.hpp"

#include <algorithm>

namespace rtp::es {
namespace {

// Table of annex C (reference 9.1), with G.711 mu-law beside it.
constexpr Format annex_c[] = {
    {0, Codec::g711u, 8000},   {4, Codec::g723_1, 8000}, {8, Codec::g711a, 8000},
    {9, Codec::g722_1, 8000},  {18, Codec::g729, 8000},  {96, Codec::unknown, 90000},
    {97, Codec::mpeg4, 90000}, {98, Codec::h264, 90000}, {99, Codec::svac, 90000},
    {100, Codec::h265, 90000}, {102, Codec::aac, 8000},
};

struct Encoding {
  std::string_view name;
  Codec codec;
};
constexpr Encoding encodings[] = {
    {"H264", Codec::h264},    {"H265", Codec::h265},         {"HEVC", Codec::h265},
    {"MPEG4", Codec::mpeg4},  {"MP4V-ES", Codec::mpeg4},     {"SVAC", Codec::svac},
    {"PCMA", Codec::g711a},   {"PCMU", Codec::g711u},        {"G722", Codec::g722_1},
    {"G7221", Codec::g722_1}, {"G723", Codec::g723_1},       {"G729", Codec::g729},
    {"AAC", Codec::aac},      {"MPEG4-GENERIC", Codec::aac},
};

char upper(char c) {
  return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
}

}  // namespace

Codec codec_of_encoding(std::string_view name) {
  for (const auto& encoding : encodings) {
    const auto same = [](char a, char b) { return upper(a) == b; };
    if (std::ranges::equal(name, encoding.name, same)) return encoding.codec;
  }
  return Codec::unknown;
}

void Formats::declare(const Format& format) {
  for (auto& known : std::span(declared_).first(count_)) {
    if (known.payload_type != format.payload_type) continue;
    known = format;
    return;
  }
  if (count_ < max_declared) declared_[count_++] = format;
}

std::optional<Format> Formats::find(std::uint8_t payload_type) const {
  const auto is_it = [&](const Format& format) { return format.payload_type == payload_type; };
  const auto declared = std::span(declared_).first(count_);
  if (const auto it = std::ranges::find_if(declared, is_it); it != declared.end()) return *it;
  if (const auto* it = std::ranges::find_if(annex_c, is_it); it != std::end(annex_c)) return *it;
  return std::nullopt;
}

}  // namespace rtp::es
