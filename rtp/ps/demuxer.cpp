#include "rtp/ps/demuxer.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>
#include <utility>
#include <variant>

#include "rtp/payload/start_code.hpp"
#include "rtp/ps/audio_stream.hpp"
#include "rtp/ps/demux_context.hpp"
#include "rtp/ps/pes.hpp"
#include "rtp/ps/stream_map.hpp"
#include "rtp/ps/video_stream.hpp"

namespace rtp::ps {
namespace {

constexpr std::size_t start_code_bytes = 3;

// A part of a start code at the end of what was read: how many zeros, and the 01 behind them. Its
// bytes are known, so they need not be held.
struct PartialStartCode {
  std::size_t zeros = 0;  // 2 stands for more
  bool one = false;
  bool empty() const { return zeros == 0; }
  std::size_t size() const { return zeros + (one ? 1 : 0); }
};

PartialStartCode partial_at_end(std::span<const std::uint8_t> b, std::size_t from) {
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

bool is_plausible_pack(std::span<const std::uint8_t> b) {
  return b.size() >= 5 && b[0] == 0 && b[1] == 0 && b[2] == 1 && b[3] == pack_header &&
         ((b[4] & 0xc4) == 0x44 || (b[4] & 0xf1) == 0x21);
}

}  // namespace

class Demuxer::Impl {
 public:
  explicit Impl(DemuxerLimits limits) : limits_(limits) {
    streams_.reserve(max_streams);
    tracks_.reserve(max_streams);
    stream_of_id_.fill(no_stream);
    static constexpr std::uint8_t code[] = {0, 0, 1};
    start_code_ = Slice::copy_of(code);
  }

  void push(const Slice& payload, const PushInfo& info, std::vector<EsChunk>& out);
  std::optional<std::int64_t> next_deadline() const;
  void on_deadline(std::int64_t now_ns, std::vector<EsChunk>& out);
  std::string describe() const;

  std::vector<Track> tracks_;
  std::uint32_t tracks_version_ = 0;
  StreamMap map_;
  DemuxerCounters counters_;
  std::string diagnosis_;

 private:
  enum class State : std::uint8_t {
    lost,       // looking for a pack or PES
    between,    // a start code should come
    header,     // of a pack, map or PES, not all there yet
    payload,    // of a PES, of known length
    unbounded,  // of a PES, until the next start code
    skip,       // over something by its length
  };
  struct Stream {
    std::uint8_t id = 0;
    std::variant<VideoStream, AudioStream> is;
  };
  static constexpr std::int8_t no_stream = -1;
  static constexpr std::size_t no_current = max_streams;

  DemuxContext context(const PushInfo& info, std::vector<EsChunk>& out) {
    return {out, out.size(), info, counters_, limits_, tracks_, tracks_version_, diagnosis_};
  }

  void begin_packet(const Slice& payload, DemuxContext& context);
  void lose(DemuxContext& context);
  void cut_short(DemuxContext& context);

  Slice step(const Slice& rest, DemuxContext& context);
  Slice in_lost(const Slice& rest);
  Slice in_between(const Slice& rest, DemuxContext& context);
  Slice in_header(const Slice& rest, DemuxContext& context);
  Slice collect_header(const Slice& rest, DemuxContext& context);
  Slice in_payload(const Slice& rest, DemuxContext& context);
  Slice in_unbounded(const Slice& rest, DemuxContext& context);
  Slice in_skip(const Slice& rest);

  std::optional<std::uint8_t> advance_partial(std::uint8_t byte);
  void begin_header(std::uint8_t id);
  void bad_header();
  void take_header(const Header& header, std::span<const std::uint8_t> bytes,
                   DemuxContext& context);
  void take_map(std::span<const std::uint8_t> bytes);
  void begin_pes(const Header& header, DemuxContext& context);
  void end_pes(DemuxContext& context);
  std::size_t stream_for(std::uint8_t id);
  bool is_elementary(std::uint8_t id) const;
  void deliver(Slice&& bytes, DemuxContext& context);
  void deliver_partial(DemuxContext& context);
  bool overruns() const;
  bool is_target(std::uint8_t id) const;

  template <class F>
  void visit(std::size_t stream, F&& f) {
    std::visit(std::forward<F>(f), streams_[stream].is);
  }

  DemuxerLimits limits_;
  std::vector<Stream> streams_;
  std::array<std::int8_t, 256> stream_of_id_{};
  Slice start_code_;  // 00 00 01, for when a partial start code proves to be payload

  State state_ = State::lost;
  PartialStartCode partial_;
  std::array<std::uint8_t, max_header_bytes> header_{};  // a header that straddles packets
  std::size_t header_size_ = 0;
  std::uint32_t remaining_ = 0;       // of payload or skip
  std::size_t current_ = no_current;  // stream of the newest PES
  bool mpeg1_ = false;                // the newest pack was MPEG-1
};

// ---- the packet ----

void Demuxer::Impl::push(const Slice& payload, const PushInfo& info, std::vector<EsChunk>& out) {
  DemuxContext here = context(info, out);
  ++counters_.packets;
  counters_.bytes += payload.size;
  begin_packet(payload, here);
  Slice rest = payload;
  while (!rest.empty()) rest = step(rest, here);
  for (auto& stream : streams_) std::visit([&](auto& is) { is.end_packet(here); }, stream.is);
}

void Demuxer::Impl::begin_packet(const Slice& payload, DemuxContext& here) {
  if (here.info.lost_before) lose(here);
  if (payload.size >= 4 &&
      (!std::memcmp(payload.data, "IMKH", 4) || !std::memcmp(payload.data, "DHAV", 4))) {
    if (++counters_.vendor_headers == 1)
      diagnosis_ = std::string("private vendor stream (") +
                   std::string(reinterpret_cast<const char*>(payload.data), 4) +
                   " header) instead of an MPEG program stream";
    if (state_ == State::between) state_ = State::lost;
  }
  // Every sender begins a frame with a packet; if a pack begins here, what was open is over,
  // whatever its length said.
  if (is_plausible_pack(payload.bytes()) && state_ != State::between && state_ != State::lost &&
      (state_ != State::unbounded || !partial_.empty()))
    cut_short(here);
}

void Demuxer::Impl::cut_short(DemuxContext& here) {
  if (state_ == State::payload) {
    ++counters_.pes_cut_short;
    end_pes(here);
  } else if (state_ == State::unbounded) {
    end_pes(here);
  } else if (state_ == State::header) {
    ++counters_.bad_headers;
  }
  partial_ = {};
  header_size_ = 0;
  state_ = State::between;
}

void Demuxer::Impl::lose(DemuxContext& here) {
  ++counters_.lost_gaps;
  for (auto& stream : streams_) std::visit([&](auto& is) { is.lose(here); }, stream.is);
  partial_ = {};
  header_size_ = 0;
  remaining_ = 0;
  current_ = no_current;
  state_ = State::lost;
}

Slice Demuxer::Impl::step(const Slice& rest, DemuxContext& here) {
  switch (state_) {
    case State::lost:
      return in_lost(rest);
    case State::between:
      return in_between(rest, here);
    case State::header:
      return in_header(rest, here);
    case State::payload:
      return in_payload(rest, here);
    case State::unbounded:
      return in_unbounded(rest, here);
    default:
      return in_skip(rest);
  }
}

// ---- start codes ----

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
  if (partial_.empty()) partial_ = partial_at_end(rest.bytes(), at);
  counters_.bytes_dropped += rest.size;
  return {};
}

// More video than the PES length said: a length that wrapped at 65536.
bool Demuxer::Impl::overruns() const {
  return current_ != no_current && std::holds_alternative<VideoStream>(streams_[current_].is);
}

Slice Demuxer::Impl::in_between(const Slice& rest, DemuxContext& here) {
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

// ---- headers ----

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

// ---- PES ----

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

Slice Demuxer::Impl::in_payload(const Slice& rest, DemuxContext& here) {
  const std::size_t n = std::min<std::size_t>(remaining_, rest.size);
  remaining_ -= static_cast<std::uint32_t>(n);
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
  partial_ = partial_at_end(rest.bytes(), at);
  deliver(rest.sub(begin, rest.size - begin - partial_.size()), here);
  return {};
}

Slice Demuxer::Impl::in_skip(const Slice& rest) {
  const std::size_t n = std::min<std::size_t>(remaining_, rest.size);
  remaining_ -= static_cast<std::uint32_t>(n);
  if (remaining_ == 0) state_ = State::between;
  return rest.sub(n);
}

// ---- time, figures ----

std::optional<std::int64_t> Demuxer::Impl::next_deadline() const {
  std::optional<std::int64_t> next;
  for (const auto& stream : streams_) {
    const auto deadline = std::visit([](const auto& is) { return is.deadline(); }, stream.is);
    if (deadline && (!next || *deadline < *next)) next = deadline;
  }
  return next;
}

void Demuxer::Impl::on_deadline(std::int64_t now_ns, std::vector<EsChunk>& out) {
  DemuxContext here = context({.arrival_ns = now_ns}, out);
  for (auto& stream : streams_)
    std::visit([&](auto& is) { is.on_deadline(now_ns, here); }, stream.is);
}

std::string Demuxer::Impl::describe() const {
  static constexpr std::string_view names[] = {"lost",    "between",   "header",
                                               "payload", "unbounded", "skip"};
  std::string text = "ps " + std::string(names[static_cast<std::size_t>(state_)]);
  for (const auto& track : tracks_) text += std::string(" ") + to_string(track.codec);
  text += ", " + std::to_string(counters_.packets) + " packets, " +
          std::to_string(counters_.units) + " units, " + std::to_string(counters_.damaged_units) +
          " damaged";
  return diagnosis_.empty() ? text : text + ": " + diagnosis_;
}

// ---- the front ----

Demuxer::Demuxer(DemuxerLimits limits) : impl_(std::make_unique<Impl>(limits)) {}
Demuxer::~Demuxer() = default;
Demuxer::Demuxer(Demuxer&&) noexcept = default;
Demuxer& Demuxer::operator=(Demuxer&&) noexcept = default;

void Demuxer::push(const Slice& rtp_payload, const PushInfo& info, std::vector<EsChunk>& out) {
  impl_->push(rtp_payload, info, out);
}
std::optional<std::int64_t> Demuxer::next_deadline() const {
  return impl_->next_deadline();
}
void Demuxer::on_deadline(std::int64_t now_ns, std::vector<EsChunk>& out) {
  impl_->on_deadline(now_ns, out);
}
std::span<const Track> Demuxer::tracks() const {
  return impl_->tracks_;
}
const StreamMap& Demuxer::map() const {
  return impl_->map_;
}
std::uint32_t Demuxer::tracks_version() const {
  return impl_->tracks_version_;
}
const DemuxerCounters& Demuxer::counters() const {
  return impl_->counters_;
}
const std::string& Demuxer::diagnosis() const {
  return impl_->diagnosis_;
}
std::string Demuxer::describe() const {
  return impl_->describe();
}

}  // namespace rtp::ps
