// Where the parts of a program stream begin.
#include <algorithm>

#include "rtp/payload/start_code.hpp"
#include "rtp/ps/demuxer_impl.hpp"

namespace rtp::ps {

PartialStartCode PartialStartCode::at_end(std::span<const std::uint8_t> b, std::size_t from) {
  PartialStartCode partial;
  std::size_t end = b.size();
  if (end >= from + start_code_bytes && b[end - 1] == 1 && b[end - 2] == 0 && b[end - 3] == 0)
    return {2, true};
  while (end > from && partial.zeros < 2 && b[end - 1] == 0) {
    --end;
    ++partial.zeros;
  }
  return partial;
}

// One byte more behind a partial start code. Yields the id when it is complete; when the byte does
// not continue it, partial_ stays as it is and `byte` is not part of it.
std::optional<std::uint8_t> Demuxer::Impl::advance_partial(std::uint8_t byte) {
  if (partial_.one) return byte;
  if (byte == 0) partial_.zeros = std::min<std::size_t>(partial_.zeros + 1, 2);
  if (byte == 1 && partial_.zeros == 2) partial_.one = true;
  return std::nullopt;
}

void Demuxer::Impl::begin_header(std::uint8_t id) {
  header_ = {};
  header_[2] = 1;
  header_[3] = id;
  header_size_ = start_code_bytes + 1;
  partial_ = {};
  state_ = State::header;
}

// What may be taken for a beginning after bytes were lost.
bool Demuxer::Impl::is_target(std::uint8_t id) const {
  return id == pack_header || id == system_header || id == stream_map_id || is_audio_id(id) ||
         is_video_id(id);
}

Slice Demuxer::Impl::in_lost(const Slice& rest) {
  std::size_t at = 0;
  while (!partial_.empty() && at < rest.size) {
    const std::uint8_t byte = rest.data[at++];
    const bool fits = partial_.one || byte == 0 || (byte == 1 && partial_.zeros == 2);
    const auto id = advance_partial(byte);
    if (id && is_target(*id)) {
      begin_header(*id);
      return rest.sub(at);
    }
    if (id || !fits) partial_ = {};
  }
  for (;;) {
    const std::size_t code = payload::find_start_code(rest.bytes(), at);
    if (code + start_code_bytes >= rest.size) break;
    if (is_target(rest.data[code + start_code_bytes])) {
      counters_.bytes_dropped += code;
      state_ = State::header;
      return rest.sub(code);
    }
    at = code + start_code_bytes;
  }
  if (partial_.empty()) partial_ = PartialStartCode::at_end(rest.bytes(), at);
  counters_.bytes_dropped += rest.size;
  return {};
}

// More video than the PES length said: a length that wrapped at 65536.
bool Demuxer::Impl::overruns() const {
  return current_ != no_current && std::holds_alternative<VideoStream>(streams_[current_].is);
}

Slice Demuxer::Impl::in_between(const Slice& rest, DemuxContext& here) {
  const auto* const b = rest.data;
  if (partial_.empty() && rest.size > start_code_bytes && b[0] == 0 && b[1] == 0 && b[2] == 1 &&
      is_system_id(b[3])) {
    state_ = State::header;
    return rest;
  }
  std::size_t at = 0;
  while (at < rest.size) {
    const std::uint8_t byte = rest.data[at];
    const bool fits =
        partial_.one ? is_system_id(byte) : byte == 0 || (byte == 1 && partial_.zeros == 2);
    if (!fits) break;
    ++at;
    if (const auto id = advance_partial(byte)) {
      begin_header(*id);
      return rest.sub(at);
    }
  }
  if (at == rest.size) return {};
  if (overruns()) {
    ++counters_.pes_overruns;
    state_ = State::unbounded;
    deliver_partial(here);
  } else {
    partial_ = {};
    state_ = State::lost;
  }
  return rest.sub(at);
}

}  // namespace rtp::ps
