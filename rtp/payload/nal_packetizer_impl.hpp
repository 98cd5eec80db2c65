// The body of NalPacketizer, for the two files that instantiate it.
#pragma once

#include <algorithm>
#include <utility>

#include "rtp/payload/nal_packetizer.hpp"

namespace rtp::payload {

template <class Rules>
NalPacketizer<Rules>::NalPacketizer(const PacketizerConfig& config) : writer_(config) {
  pieces_.reserve(16);
  formed_.reserve(16);
  set_bytes_.reserve(max_set_bytes);
}

template <class Rules>
bool NalPacketizer<Rules>::ready() const {
  return Rules::complete(sets_);
}

template <class Rules>
void NalPacketizer<Rules>::describe(Track& track) const {
  track.codec = Rules::codec;
  track.clock_rate_hz = 90000;
  track.payload_type = writer_.config().payload_type;
  track.ssrc = writer_.config().ssrc;
  track.sets = sets_;
}

template <class Rules>
void NalPacketizer<Rules>::push(const EsChunk& chunk, std::int64_t arrival_ns,
                                std::vector<OutPacket>& out) {
  arrival_ns_ = arrival_ns;
  out_ = &out;
  if (chunk.unit_begin) {
    if (in_unit_) end_unit();
    begin_unit(chunk);
  } else if (chunk.damaged && in_unit_ && !skipping_) {
    abandon_unit();
  }
  if (!in_unit_) return;
  if (!skipping_) {
    splitter_.push(chunk.bytes, pieces_, chunk.plain);
    for (const NalPiece& piece : pieces_) take(piece);
    pieces_.clear();
    release(false);
  }
  if (chunk.unit_end) end_unit();
}

template <class Rules>
void NalPacketizer<Rules>::take_more(const Slice& bytes, std::int64_t arrival_ns,
                                     std::vector<OutPacket>& out) {
  arrival_ns_ = arrival_ns;
  out_ = &out;
  add_to_fragment(bytes);
}

template <class Rules>
void NalPacketizer<Rules>::begin_unit(const EsChunk& chunk) {
  in_unit_ = true;
  skipping_ = chunk.damaged;  // its beginning is missing
  if (skipping_) ++writer_.counters.damaged_units;
  decided_ = key_ = any_sent_ = false;
  for (auto& set : learnt_) set.in_unit = false;
  pts_90khz_ = chunk.pts_90khz;
  splitter_.reset();
}

template <class Rules>
void NalPacketizer<Rules>::end_unit() {
  in_unit_ = false;
  if (skipping_) return;
  splitter_.finish(pieces_);
  for (const NalPiece& piece : pieces_) take(piece);
  pieces_.clear();
  if (decided_) {
    release(true);
    ++writer_.counters.units;
    if (key_) ++writer_.counters.keys;
  }
  formed_.clear();
}

// What is formed are whole NAL units, but no longer the last of a whole unit.
template <class Rules>
void NalPacketizer<Rules>::abandon_unit() {
  ++writer_.counters.damaged_units;
  skipping_ = true;
  nal_ = {};
  held_ = {};
  held_bytes_ = 0;
  splitter_.reset();
  if (decided_)
    for (OutPacket& packet : formed_) send(std::move(packet), false);
  formed_.clear();
}

template <class Rules>
void NalPacketizer<Rules>::take(const NalPiece& piece) {
  if (piece.begin) {
    nal_ = {};
    nal_.open = true;
    set_bytes_.clear();
  }
  if (!nal_.open) return;
  if (!piece.bytes.empty()) {
    if (!nal_.known) read_head(piece.bytes);
    add(piece.bytes);
  }
  if (piece.end) end_nal();
}

template <class Rules>
void NalPacketizer<Rules>::read_head(const Slice& bytes) {
  const std::size_t n = std::min<std::size_t>(Rules::decide_bytes - nal_.head_size, bytes.size);
  std::copy_n(bytes.data, n, nal_.head.data() + nal_.head_size);
  nal_.head_size = static_cast<std::uint8_t>(nal_.head_size + n);
  if (nal_.head_size >= Rules::decide_bytes) know_nal();
}

template <class Rules>
void NalPacketizer<Rules>::know_nal() {
  nal_.known = true;
  const std::span<const std::uint8_t> head(nal_.head.data(), nal_.head_size);
  nal_.role = head.size() < Rules::nal_header_bytes ? NalRole::dropped : Rules::role(head);
  if (nal_.role == NalRole::dropped) {
    ++writer_.counters.dropped_nals;
    held_ = {};
    held_bytes_ = 0;
  }
  if (nal_.role == NalRole::picture && !decided_) decide();
}

// Cut-through: of the NAL's bytes, at most one packet's worth is held.
template <class Rules>
void NalPacketizer<Rules>::add(Slice bytes) {
  if (nal_.known && nal_.role == NalRole::dropped) return;
  if (nal_.role == NalRole::vps || nal_.role == NalRole::sps || nal_.role == NalRole::pps ||
      !nal_.known) {
    const std::size_t n = std::min<std::size_t>(max_set_bytes - set_bytes_.size(), bytes.size);
    set_bytes_.insert(set_bytes_.end(), bytes.data, bytes.data + n);
  }
  if (!nal_.fragmented) {
    if (held_bytes_ + bytes.size <= writer_.config().max_payload_bytes && append(held_, bytes)) {
      held_bytes_ += bytes.size;
      return;
    }
    begin_fragments();
  }
  add_to_fragment(std::move(bytes));
}

template <class Rules>
void NalPacketizer<Rules>::add_to_fragment(Slice bytes) {
  const std::size_t limit = writer_.config().max_payload_bytes - Rules::fu_header_bytes;
  const std::size_t skipped = std::min<std::size_t>(nal_.to_skip, bytes.size);
  nal_.to_skip = static_cast<std::uint8_t>(nal_.to_skip - skipped);
  if (skipped > 0) bytes = bytes.sub(skipped);
  if (!fills_up(bytes)) form_fragment(false);
  while (!bytes.empty()) {
    const std::size_t n = std::min<std::size_t>(limit - held_bytes_, bytes.size);
    if (n == 0 || !append(held_, bytes.sub(0, n))) {
      form_fragment(false);
      continue;
    }
    held_bytes_ += n;
    bytes = bytes.sub(n);
  }
}

// A packet of the camera becomes a packet of ours where that makes no more of them: it need not be
// cut, and nothing of it waits for the next one.
template <class Rules>
bool NalPacketizer<Rules>::fills_up(const Slice& bytes) const {
  const std::size_t limit = writer_.config().max_payload_bytes - Rules::fu_header_bytes;
  return held_bytes_ < limit / 2 || held_bytes_ + bytes.size <= limit;
}

// What was held for a single NAL unit packet goes into fragments instead.
template <class Rules>
void NalPacketizer<Rules>::begin_fragments() {
  nal_.fragmented = true;
  nal_.to_skip = Rules::nal_header_bytes;
  OutPacket held = std::exchange(held_, {});
  held_bytes_ = 0;
  for (std::size_t i = 0; i < held.slice_count; ++i) add_to_fragment(std::move(held.slices[i]));
}

template <class Rules>
void NalPacketizer<Rules>::form_fragment(bool last) {
  std::array<std::uint8_t, 4> header;
  Rules::write_fu_header(nal_.head, nal_.first_fragment, last, header);
  nal_.first_fragment = false;
  const auto payload_header = std::span(header).first(Rules::fu_header_bytes);
  decided_ && !last ? send_fragment(payload_header) : form(payload_header);
}

// More of its NAL unit follows, so that it cannot be the last packet of the unit and may leave.
template <class Rules>
void NalPacketizer<Rules>::send_fragment(std::span<const std::uint8_t> payload_header) {
  if (!formed_.empty()) release(false);
  OutPacket& packet = out_->emplace_back();
  fill(packet, payload_header);
  packet.key = key_;
  packet.unit_begin = !std::exchange(any_sent_, true);
  writer_.seal(packet, false);
}

// A fragment must not be first and last at once (RFC 6184 5.8, RFC 7798 4.4.3). Happens when a
// small NAL unit came in more pieces than a packet can refer to.
template <class Rules>
void NalPacketizer<Rules>::split_only_fragment() {
  if (!nal_.first_fragment || held_.slice_count < 2) return;
  Slice rest = std::move(held_.slices[--held_.slice_count]);
  form_fragment(false);
  held_bytes_ = rest.size;
  append(held_, rest);
}

template <class Rules>
void NalPacketizer<Rules>::form_single() {
  form({});
}

// Moves what is held into the packet.
template <class Rules>
void NalPacketizer<Rules>::fill(OutPacket& packet, std::span<const std::uint8_t> payload_header) {
  writer_.begin(packet, timestamp(), pts_90khz_, payload_header);
  packet.arrival_ns = arrival_ns_;
  packet.slice_count = std::exchange(held_.slice_count, std::uint8_t{0});
  for (std::size_t i = 0; i < packet.slice_count; ++i)
    packet.slices[i] = std::move(held_.slices[i]);
  held_bytes_ = 0;
}

// A packet that waits for its release.
template <class Rules>
void NalPacketizer<Rules>::form(std::span<const std::uint8_t> payload_header) {
  fill(formed_.emplace_back(), payload_header);
  if (decided_ || formed_.size() <= max_waiting_packets) return;
  formed_.clear();  // so much in front of a picture is not worth its memory
  nal_.role = NalRole::dropped;
  ++writer_.counters.dropped_nals;
}

template <class Rules>
void NalPacketizer<Rules>::end_nal() {
  if (!nal_.known) know_nal();
  if (nal_.role != NalRole::dropped) {
    if (nal_.fragmented) split_only_fragment();
    nal_.fragmented ? form_fragment(true) : form_single();
    learn();
  }
  nal_ = {};
}

template <class Rules>
void NalPacketizer<Rules>::learn() {
  std::vector<std::uint8_t>* sets[] = {&sets_.vps, &sets_.sps, &sets_.pps};
  const auto index = static_cast<std::size_t>(nal_.role) - static_cast<std::size_t>(NalRole::vps);
  if (index >= learnt_.size() || set_bytes_.size() >= max_set_bytes) return;
  Learnt& learnt = learnt_[index];
  // Of several in one unit the first counts: it has the lowest id.
  if (std::exchange(learnt.in_unit, true) || *sets[index] == set_bytes_) return;
  *sets[index] = set_bytes_;
  learnt.nal = Slice::copy_of(set_bytes_);
  ++version_;
}

// The first slice header is there: what waited may leave.
template <class Rules>
void NalPacketizer<Rules>::decide() {
  const std::span<const std::uint8_t> head(nal_.head.data(), nal_.head_size);
  const bool sets_in_front = learnt_[1].in_unit && learnt_[2].in_unit;
  decided_ = true;
  key_ = Rules::complete(sets_) &&
         (Rules::is_random_access(head) || (sets_in_front && Rules::is_intra(head)));
  if (key_) insert_sets();
}

template <class Rules>
void NalPacketizer<Rules>::insert_sets() {
  const bool missing = std::any_of(learnt_.begin(), learnt_.end(), [](const Learnt& set) {
    return !set.nal.empty() && !set.in_unit;
  });
  if (!missing) return;
  ++writer_.counters.sets_inserted;
  std::ptrdiff_t at = 0;
  for (const Learnt& set : learnt_) {
    if (set.nal.empty()) continue;
    OutPacket packet;
    writer_.begin(packet, timestamp(), pts_90khz_, {});
    append(packet, set.nal);
    packet.arrival_ns = arrival_ns_;
    formed_.insert(formed_.begin() + at++, std::move(packet));
  }
}

// All but the one that may turn out to be the unit's last, unless more of the unit is here already.
template <class Rules>
void NalPacketizer<Rules>::release(bool unit_ends) {
  if (!decided_ || formed_.empty()) return;
  const bool more = !unit_ends && sends_nal();
  const std::size_t count = formed_.size() - (unit_ends || more ? 0 : 1);
  for (std::size_t i = 0; i < count; ++i) send(std::move(formed_[i]), unit_ends && i + 1 == count);
  formed_.erase(formed_.begin(), formed_.begin() + static_cast<std::ptrdiff_t>(count));
}

template <class Rules>
void NalPacketizer<Rules>::send(OutPacket&& packet, bool unit_end) {
  packet.key = key_;
  packet.unit_begin = !std::exchange(any_sent_, true);
  packet.unit_end = unit_end;
  writer_.seal(packet, unit_end);
  out_->push_back(std::move(packet));
}

template <class Rules>
std::uint32_t NalPacketizer<Rules>::timestamp() const {
  return writer_.config().timestamp_offset + static_cast<std::uint32_t>(pts_90khz_);
}

}  // namespace rtp::payload
