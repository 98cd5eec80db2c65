#include "rtp/ps/demuxer.hpp"

#include <cstring>
#include <string_view>

#include "rtp/ps/demuxer_impl.hpp"

namespace rtp::ps {
namespace {

bool begins_with(const Slice& payload, const char* word) {
  return payload.size >= 4 && !std::memcmp(payload.data, word, 4);
}

bool is_plausible_pack(std::span<const std::uint8_t> b) {
  return b.size() >= 5 && b[0] == 0 && b[1] == 0 && b[2] == 1 && b[3] == pack_header &&
         ((b[4] & 0xc4) == 0x44 || (b[4] & 0xf1) == 0x21);
}

}  // namespace

// ---- the packet ----

void Demuxer::Impl::push(const Slice& payload, const PushInfo& info, std::vector<EsChunk>& out) {
  DemuxContext here = context(info, out);
  ++counters_.packets;
  counters_.bytes += payload.size;
  begin_packet(payload, here);
  Slice rest = payload;
  while (!rest.empty()) rest = step(std::move(rest), here);
  for (auto& stream : streams_) std::visit([&](auto& is) { is.end_packet(here); }, stream.is);
}

// A pack or a vendor's header would hold a start code, or be no NAL unit's bytes.
bool Demuxer::Impl::take_more(const Slice& payload, std::size_t track, std::int64_t arrival_ns) {
  if (state_ != State::payload || payload.size == 0 || remaining_ <= payload.size) return false;
  auto* const video = std::get_if<VideoStream>(&streams_[current_].is);
  if (!video || video->track() != track || begins_with(payload, "IMKH") ||
      begins_with(payload, "DHAV") || !video->take_more(payload, arrival_ns, limits_))
    return false;
  ++counters_.packets;
  counters_.bytes += payload.size;
  remaining_ -= payload.size;
  return true;
}

void Demuxer::Impl::begin_packet(const Slice& payload, DemuxContext& here) {
  if (here.info.lost_before) lose(here);
  if (begins_with(payload, "IMKH") || begins_with(payload, "DHAV")) {
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

Slice Demuxer::Impl::step(Slice&& rest, DemuxContext& here) {
  switch (state_) {
    case State::lost:
      return in_lost(rest);
    case State::between:
      return in_between(rest, here);
    case State::header:
      return in_header(rest, here);
    case State::payload:
      return in_payload(std::move(rest), here);
    case State::unbounded:
      return in_unbounded(rest, here);
    default:
      return in_skip(rest);
  }
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
bool Demuxer::take_more(const Slice& rtp_payload, std::size_t track, std::int64_t arrival_ns) {
  return impl_->take_more(rtp_payload, track, arrival_ns);
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
