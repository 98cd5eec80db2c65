// Packs, maps and PES headers, also when they straddle packets.
#include <algorithm>

#include "rtp/ps/demuxer_impl.hpp"

namespace rtp::ps {

void Demuxer::Impl::bad_header() {
  ++counters_.bad_headers;
  header_size_ = 0;
  state_ = State::lost;
}

bool Demuxer::Impl::is_elementary(std::uint8_t id) const {
  if (is_audio_id(id) || is_video_id(id)) return true;
  return id == private_1 && codec_of(map_.type_of(id)) != Codec::unknown;
}

Slice Demuxer::Impl::in_header(const Slice& rest, DemuxContext& here) {
  if (header_size_ > 0) return collect_header(rest, here);
  const bool private_is_pes = is_elementary(private_1);
  const HeaderResult result = parse_header(rest.bytes(), private_is_pes);
  if (result.status == HeaderResult::Status::need_more) {
    std::copy_n(rest.data, rest.size, header_.data());
    header_size_ = rest.size;
    return {};
  }
  if (result.status == HeaderResult::Status::bad) {
    bad_header();
    return rest.sub(start_code_bytes);
  }
  take_header(result.header, rest.bytes(), here);
  return rest.sub(result.header.header_bytes);
}

// A header that straddles packets, or whose start code did.
Slice Demuxer::Impl::collect_header(const Slice& rest, DemuxContext& here) {
  const bool private_is_pes = is_elementary(private_1);
  std::size_t at = 0;
  for (;;) {
    const HeaderResult result =
        parse_header(std::span(header_).first(header_size_), private_is_pes);
    if (result.status == HeaderResult::Status::bad) {
      bad_header();
      return rest.sub(at);
    }
    if (result.status == HeaderResult::Status::done) {
      const std::size_t size = std::exchange(header_size_, 0);
      take_header(result.header, std::span(header_).first(size), here);
      return rest.sub(at);
    }
    const std::size_t n = std::min(result.need - header_size_, rest.size - at);
    if (n == 0) return {};
    std::copy_n(rest.data + at, n, header_.data() + header_size_);
    header_size_ += n;
    at += n;
  }
}

void Demuxer::Impl::take_header(const Header& header, std::span<const std::uint8_t> bytes,
                                DemuxContext& here) {
  remaining_ = header.payload_bytes.value_or(0);
  state_ = remaining_ > 0 ? State::skip : State::between;
  current_ = no_current;
  if (header.id == pack_header) {
    ++counters_.packs;
    mpeg1_ = header.mpeg1;
  } else if (header.id == stream_map_id) {
    take_map(bytes.first(header.header_bytes));
  } else if (is_elementary(header.id)) {
    // Without this, noise after a loss would pass for MPEG-1.
    if (header.mpeg1 && !mpeg1_) return bad_header();
    begin_pes(header, here);
  } else if (header.id == private_1 || header.id == private_2 || header.id > last_video) {
    counters_.private_bytes += remaining_;
  }
}

void Demuxer::Impl::take_map(std::span<const std::uint8_t> bytes) {
  ++counters_.maps;
  const auto map = parse_stream_map(bytes);
  if (!map) return;
  map_ = *map;
  for (auto& stream : streams_)
    std::visit([&](auto& is) { is.set_mapped(map_.type_of(stream.id)); }, stream.is);
}

}  // namespace rtp::ps
