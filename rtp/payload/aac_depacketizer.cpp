#include "rtp/payload/aac_depacketizer.hpp"

#include <algorithm>
#include <utility>

#include "rtp/bytes.hpp"

namespace rtp::payload {
namespace {

constexpr std::size_t headers_per_slab = 64;
constexpr std::size_t longest_raw = 0x1fff - adts_header_bytes;  // what ADTS can say

}  // namespace

Slice AacDepacketizer::header_for(std::size_t raw_bytes) {
  if (!headers_ || headers_used_ == headers_per_slab) {
    headers_ = SlabRef::allocate(headers_per_slab * adts_header_bytes);
    headers_used_ = 0;
  }
  auto* at = headers_->data() + headers_used_++ * adts_header_bytes;
  const auto header = write_adts(format_, raw_bytes);
  std::copy(header.begin(), header.end(), at);
  return {headers_, at, adts_header_bytes};
}

// RFC 3640 3.2: AU-headers-length in bits, then 16 bits for each frame, then the frames.
bool AacDepacketizer::push(const Slice& payload, bool lost_before, std::vector<Piece>& out) {
  if (lost_before) missing_ = 0;
  if (payload.size < 4) return false;
  const std::size_t header_bits = load_be16(payload.data);
  const std::size_t count = header_bits / 16;
  if (count == 0 || header_bits % 16 != 0 || 2 + 2 * count >= payload.size) return false;
  const auto* sizes = payload.data + 2;
  Slice rest = payload.sub(2 + 2 * count);
  const std::size_t first = load_be16(sizes) >> 3;
  if (missing_ > 0 || (count == 1 && first > rest.size)) return take_fragment(rest, first, out);
  for (std::size_t i = 0; i < std::min(count, max_frames); ++i) {
    const std::size_t size = load_be16(sizes + 2 * i) >> 3;
    if (size == 0 || size > rest.size || size > longest_raw) return false;
    const auto frame = static_cast<std::uint32_t>(i);
    out.push_back({header_for(size), frame, true, false});
    out.push_back({rest.sub(0, size), frame, false, true});
    rest = rest.sub(size);
  }
  return true;
}

// Each fragment says the size of the whole (3.2.3).
bool AacDepacketizer::take_fragment(const Slice& bytes, std::size_t size, std::vector<Piece>& out) {
  if (missing_ == 0) {
    if (size > longest_raw) return false;
    out.push_back({header_for(size), 0, true, false});
    missing_ = size;
  }
  const auto n = std::min<std::size_t>(missing_, bytes.size);
  missing_ -= n;
  out.push_back({bytes.sub(0, n), 0, false, missing_ == 0});
  return n == bytes.size;
}

}  // namespace rtp::payload
