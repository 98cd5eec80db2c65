#include "rtp/payload/nal_splitter.hpp"

#include "rtp/payload/start_code.hpp"

namespace rtp::payload {
namespace {

constexpr std::size_t start_code_bytes = 3;

std::size_t leading_zeros(std::span<const std::uint8_t> bytes) {
  std::size_t count = 0;
  while (count < bytes.size() && bytes[count] == 0) ++count;
  return count;
}
std::size_t trailing_zeros(std::span<const std::uint8_t> bytes) {
  std::size_t count = 0;
  while (count < bytes.size() && bytes[bytes.size() - 1 - count] == 0) ++count;
  return count;
}

}  // namespace

void NalSplitter::push(const Slice& bytes, std::vector<NalPiece>& out, bool plain) {
  std::size_t at = zeros_ > 0 ? resolve_zeros(bytes, out) : 0;
  while (at < bytes.size) {
    const std::size_t code = plain ? bytes.size : find_start_code(bytes.bytes(), at);
    const auto run = bytes.bytes().subspan(at, code - at);
    const std::size_t zeros = trailing_zeros(run);
    keep(bytes, at, run.size() - zeros, out);
    if (code == bytes.size) {
      hold_zeros(bytes, zeros);
      return;
    }
    begin_nal(out);
    at = code + start_code_bytes;
  }
}

// Zeros ended the previous slice: what follows tells what they were. Returns where to go on.
std::size_t NalSplitter::resolve_zeros(const Slice& bytes, std::vector<NalPiece>& out) {
  const std::size_t more = leading_zeros(bytes.bytes());
  if (more == bytes.size) {
    hold_zeros(bytes, more);
    return bytes.size;
  }
  const std::size_t total = zeros_ + more;
  zeros_ = 0;
  if (total >= 2 && bytes.data[more] == 1) {
    drop_held();
    begin_nal(out);
    return more + 1;
  }
  if (total > 2) {  // not allowed inside a NAL unit: they were behind it
    drop_held();
    return more;
  }
  for (std::size_t i = 0; i < held_count_; ++i) keep(held_[i], 0, held_[i].size, out);
  drop_held();
  return 0;
}

void NalSplitter::hold_zeros(const Slice& bytes, std::size_t zeros) {
  if (zeros == 0) return;
  zeros_ += zeros;
  if (zeros_ > 2) {
    zeros_ = 3;
    drop_held();
  } else if (in_nal_) {
    held_[held_count_++] = bytes.sub(bytes.size - zeros);
  }
}

void NalSplitter::keep(const Slice& bytes, std::size_t at, std::size_t size,
                       std::vector<NalPiece>& out) {
  if (size == 0) return;
  if (!in_nal_) {
    dropped_bytes_ += size;
    return;
  }
  out.push_back({bytes.sub(at, size), !begun_, false});
  begun_ = true;
}

void NalSplitter::end_nal(std::vector<NalPiece>& out) {
  if (begun_) out.push_back({{}, false, true});
  in_nal_ = begun_ = false;
}

void NalSplitter::begin_nal(std::vector<NalPiece>& out) {
  end_nal(out);
  in_nal_ = true;
}

void NalSplitter::finish(std::vector<NalPiece>& out) {
  end_nal(out);
  reset();
}

void NalSplitter::reset() {
  in_nal_ = begun_ = false;
  zeros_ = 0;
  drop_held();
}

// Held slices would keep their slabs from being used again.
void NalSplitter::drop_held() {
  for (; held_count_ > 0; --held_count_) held_[held_count_ - 1] = {};
}

}  // namespace rtp::payload
