#include "rtp/payload/nal_depacketizer.hpp"

#include <cassert>
#include <utility>

#include "rtp/bytes.hpp"
#include "rtp/payload/h264.hpp"
#include "rtp/payload/h265.hpp"

namespace rtp::payload {
namespace {

constexpr std::size_t start_code_bytes = 3, entry_bytes = start_code_bytes + 1;
// RFC 6184 table 1
constexpr std::uint8_t stap_a = 24, stap_b = 25;
// RFC 7798 4.4.2
constexpr std::uint8_t aggregation = 48;
constexpr std::uint8_t start_bit = 0x80, end_bit = 0x40;

Slice make_codes() {
  Slice codes{SlabRef::allocate(256 * entry_bytes), nullptr, 256 * entry_bytes};
  codes.data = codes.owner->data();
  for (std::size_t i = 0; i < 256; ++i) {
    auto* entry = codes.owner->data() + i * entry_bytes;
    store_be24(entry, 1);
    entry[start_code_bytes] = static_cast<std::uint8_t>(i);
  }
  return codes;
}

bool has_start_code(std::span<const std::uint8_t> b) {
  return b.size() > 4 && b[0] == 0 && b[1] == 0 && (b[2] == 1 || (b[2] == 0 && b[3] == 1));
}

}  // namespace

NalDepacketizer::NalDepacketizer(Codec codec) : codec_(codec), codes_(make_codes()) {
  assert(codec == Codec::h264 || codec == Codec::h265);
}

void NalDepacketizer::set_codec(Codec codec) {
  if (codec == codec_) return;
  break_off();
  codec_ = codec;
}

void NalDepacketizer::break_off() {
  if (std::exchange(in_fragment_, false)) ++counters_.broken;
}

void NalDepacketizer::push(const Slice& payload, bool lost_before, std::vector<Piece>& out) {
  if (lost_before) break_off();
  if (payload.size <= header_bytes()) {
    ++counters_.malformed;
    return;
  }
  if (has_start_code(payload.bytes())) {
    break_off();
    ++counters_.nals;
    out.push_back({payload, true, true});
    return;
  }
  const bool h265 = codec_ == Codec::h265;
  const auto type = h265 ? h265::nal_type(payload.data[0]) : h264::nal_type(payload.data[0]);
  const std::uint8_t fragment = h265 ? std::uint8_t{h265::fu} : std::uint8_t{h264::fu_a};
  if (type == fragment) return take_fragment(payload, out);
  break_off();
  const std::uint8_t first_special = h265 ? aggregation : stap_a;
  if (type < first_special) {
    take_whole(Slice(payload), out);
  } else if (type == first_special) {
    take_aggregate(payload.sub(header_bytes()), out);
  } else if (!h265 && type == stap_b && payload.size > 3) {
    take_aggregate(payload.sub(3), out);  // a decoding order number that order of sending repeats
  } else {
    ++counters_.unsupported;
  }
}

void NalDepacketizer::take_whole(Slice&& nal, std::vector<Piece>& out) {
  ++counters_.nals;
  out.push_back({codes_.sub(0, start_code_bytes), true, false});
  out.push_back({std::move(nal), false, true});
}

// Each unit with two bytes of size in front. Of a damaged aggregate what can be read counts.
void NalDepacketizer::take_aggregate(const Slice& units, std::vector<Piece>& out) {
  Slice rest = units;
  while (rest.size >= 2) {
    const std::size_t size = load_be16(rest.data);
    if (size < header_bytes() || size > rest.size - 2) break;
    take_whole(rest.sub(2, size), out);
    rest = rest.sub(2 + size);
  }
  if (!rest.empty()) ++counters_.malformed;
}

void NalDepacketizer::take_fragment(const Slice& payload, std::vector<Piece>& out) {
  const std::size_t content = header_bytes() + 1;
  if (payload.size <= content) {
    ++counters_.malformed;
    return break_off();
  }
  const std::uint8_t header = payload.data[content - 1];
  const auto type = static_cast<std::uint8_t>(header & (codec_ == Codec::h265 ? 0x3f : 0x1f));
  if (header & start_bit) {
    begin_fragment(payload, type, out);
  } else if (!in_fragment_ || type != fragment_type_) {
    break_off();
    ++counters_.orphans;
    return;
  }
  const bool ends = header & end_bit;
  out.push_back({payload.sub(content), false, ends});
  in_fragment_ = !ends;
}

// The NAL unit's header: its type is in the FU header, the rest in the payload header.
void NalDepacketizer::begin_fragment(const Slice& payload, std::uint8_t type,
                                     std::vector<Piece>& out) {
  break_off();
  ++counters_.nals;
  in_fragment_ = true;
  fragment_type_ = type;
  const bool h265 = codec_ == Codec::h265;
  const auto first = static_cast<std::size_t>(h265 ? (payload.data[0] & 0x81) | type << 1
                                                   : (payload.data[0] & 0xe0) | type);
  out.push_back({codes_.sub(first * entry_bytes, entry_bytes), true, false});
  if (h265) out.push_back({payload.sub(1, 1), false, false});
}

}  // namespace rtp::payload
