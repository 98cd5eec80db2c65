// What PES carry.
#include <algorithm>

#include "rtp/payload/start_code.hpp"
#include "rtp/ps/demuxer_impl.hpp"

namespace rtp::ps {

std::size_t Demuxer::Impl::stream_for(std::uint8_t id) {
  if (stream_of_id_[id] != no_stream) return static_cast<std::size_t>(stream_of_id_[id]);
  if (streams_.size() == max_streams) return no_current;
  const std::uint8_t type = map_.type_of(id);
  const bool video =
      is_video_id(id) || (id == private_1 && kind_of(codec_of(type)) == MediaKind::video);
  stream_of_id_[id] = static_cast<std::int8_t>(streams_.size());
  Stream& stream = streams_.emplace_back();
  stream.id = id;
  if (!video) stream.is.emplace<AudioStream>();
  std::visit([&](auto& is) { is.set_mapped(type); }, stream.is);
  return streams_.size() - 1;
}

void Demuxer::Impl::begin_pes(const Header& header, DemuxContext& here) {
  ++counters_.pes;
  current_ = stream_for(header.id);
  if (current_ == no_current) {
    ++counters_.streams_refused;
    if (!header.payload_bytes) state_ = State::lost;
    return;
  }
  visit(current_, [&](auto& is) { is.begin_pes(header, here); });
  state_ = header.payload_bytes ? State::payload : State::unbounded;
  if (header.payload_bytes && remaining_ == 0) end_pes(here);
}

void Demuxer::Impl::end_pes(DemuxContext& here) {
  state_ = State::between;
  visit(current_, [&](auto& is) { is.end_pes(here); });
}

void Demuxer::Impl::deliver(Slice&& bytes, DemuxContext& here) {
  visit(current_, [&](auto& is) { is.data(std::move(bytes), here); });
}

void Demuxer::Impl::deliver_partial(DemuxContext& here) {
  const PartialStartCode partial = std::exchange(partial_, {});
  if (partial.empty()) return;
  deliver(start_code_.sub(2 - partial.zeros, partial.size()), here);
}

Slice Demuxer::Impl::in_payload(Slice&& rest, DemuxContext& here) {
  const std::size_t n = std::min<std::size_t>(remaining_, rest.size);
  remaining_ -= static_cast<std::uint32_t>(n);
  if (n == rest.size) {
    deliver(std::move(rest), here);
    if (remaining_ == 0) end_pes(here);
    return {};
  }
  deliver(rest.sub(0, n), here);
  if (remaining_ == 0) end_pes(here);
  return rest.sub(n);
}

Slice Demuxer::Impl::in_unbounded(const Slice& rest, DemuxContext& here) {
  std::size_t at = 0;
  while (!partial_.empty() && at < rest.size) {
    const std::uint8_t byte = rest.data[at];
    const bool fits =
        partial_.one ? is_system_id(byte) : byte == 0 || (byte == 1 && partial_.zeros == 2);
    if (!fits) {
      deliver_partial(here);
      break;
    }
    ++at;
    if (const auto id = advance_partial(byte)) {
      end_pes(here);
      begin_header(*id);
      return rest.sub(at);
    }
  }
  const std::size_t begin = at;
  for (;;) {
    const std::size_t code = payload::find_start_code(rest.bytes(), at);
    if (code + start_code_bytes >= rest.size) break;
    if (is_system_id(rest.data[code + start_code_bytes])) {
      deliver(rest.sub(begin, code - begin), here);
      end_pes(here);
      return rest.sub(code);
    }
    at = code + start_code_bytes;
  }
  if (at == rest.size) return {};
  partial_ = PartialStartCode::at_end(rest.bytes(), at);
  deliver(rest.sub(begin, rest.size - begin - partial_.size()), here);
  return {};
}

Slice Demuxer::Impl::in_skip(const Slice& rest) {
  const std::size_t n = std::min<std::size_t>(remaining_, rest.size);
  remaining_ -= static_cast<std::uint32_t>(n);
  if (remaining_ == 0) state_ = State::between;
  return rest.sub(n);
}

}  // namespace rtp::ps
