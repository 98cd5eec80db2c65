#include "gateway/rtsp/satip.hpp"

#include <algorithm>

namespace gateway::rtsp {
namespace {

constexpr std::size_t datagram_cells_bytes = rtp::ts::cell_bytes * rtp::ts::cells_per_datagram;

void put_be(std::vector<std::uint8_t>& out, std::uint32_t value, int bytes) {
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8)
    out.push_back(static_cast<std::uint8_t>(value >> shift));
}

}  // namespace

void TsStream::push(const rtp::OutPacket& packet, TsDatagrams& out) {
  timestamp_ = static_cast<std::uint32_t>(packet.pts_90khz);  // RFC 2250 2: a 90 kHz clock
  muxer_.push(packet, cells_);
  std::size_t done = 0;
  while (cells_.size() - done >= datagram_cells_bytes ||
         (packet.unit_end && done < cells_.size())) {
    const auto size = std::min(cells_.size() - done, datagram_cells_bytes);
    write_datagram(done, size, out);
    done += size;
  }
  cells_.erase(cells_.begin(), cells_.begin() + static_cast<std::ptrdiff_t>(done));
}

void TsStream::write_datagram(std::size_t cells_begin, std::size_t size, TsDatagrams& out) {
  out.bytes.push_back(0x80);
  out.bytes.push_back(payload_type);
  put_be(out.bytes, sequence_++, 2);
  put_be(out.bytes, timestamp_, 4);
  put_be(out.bytes, ssrc_, 4);
  const auto first = cells_.begin() + static_cast<std::ptrdiff_t>(cells_begin);
  out.bytes.insert(out.bytes.end(), first, first + static_cast<std::ptrdiff_t>(size));
  out.sizes.push_back(static_cast<std::uint16_t>(12 + size));
  ++packets_;
  octets_ += static_cast<std::uint32_t>(size);
}

}  // namespace gateway::rtsp
