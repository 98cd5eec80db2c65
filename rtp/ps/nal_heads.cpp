#include "rtp/ps/nal_heads.hpp"

#include <algorithm>
#include <utility>

#include "rtp/payload/start_code.hpp"

namespace rtp::ps {

void NalHeads::push(const Slice& bytes, std::vector<Item>& out) {
  std::size_t at = 0;
  while (held_count_ > 0 && at < bytes.size) feed(bytes.sub(at++, 1), out);
  if (at < bytes.size) scan(bytes, at, out);
}

void NalHeads::scan(const Slice& bytes, std::size_t from, std::vector<Item>& out) {
  const auto b = bytes.bytes();
  Item item;
  std::size_t run = from, at = from;
  const auto put = [&](std::size_t end) {
    if (end == run) return;
    item.bytes = bytes.sub(run, end - run);
    out.push_back(std::move(item));
    run = end;
  };
  for (;;) {
    const std::size_t code = payload::find_start_code(b, at);
    if (code == b.size()) break;
    put(code);
    item = {};
    if (code + start_code_bytes + head_bytes_ > b.size()) {
      hold(bytes.sub(code));
      return;
    }
    item.is_nal = true;
    std::copy_n(b.begin() + static_cast<std::ptrdiff_t>(code + start_code_bytes), head_bytes_,
                item.head.begin());
    at = code + start_code_bytes;
  }
  std::size_t end = b.size();
  while (end > at && b.size() - end < 2 && b[end - 1] == 0) --end;
  put(end);
  if (end < b.size()) hold(bytes.sub(end));
}

// One byte more behind those held: they are 0, 00, 00 00 01 and some of the head.
void NalHeads::feed(Slice&& byte, std::vector<Item>& out) {
  const std::uint8_t value = *byte.data;
  const bool fits = held_count_ < 2 ? value == 0 : held_count_ > 2 || value <= 1;
  if (!fits) {
    flush(out);
    out.push_back({std::move(byte), false, {}});
    return;
  }
  if (held_count_ == 2 && value == 0) {  // 00 00 00: the first is in front of a start code
    out.push_back({std::move(held_[0]), false, {}});
    held_[0] = std::move(held_[1]);
    held_count_ = 1;
  }
  held_[held_count_++] = std::move(byte);
  if (held_count_ >= start_code_bytes + head_bytes_) complete(out);
}

// Zeros at the end of the head may begin the next start code, when the NAL unit is that short.
void NalHeads::complete(std::vector<Item>& out) {
  std::size_t keep = 0;
  while (keep < 2 && keep + 1 < head_bytes_ && held(held_count_ - 1 - keep) == 0) ++keep;
  Item first{held_[0], true, {}};
  for (std::size_t i = 0; i < head_bytes_; ++i) first.head[i] = held(start_code_bytes + i);
  const std::size_t give = std::exchange(held_count_, 0) - keep;
  out.push_back(std::move(first));
  for (std::size_t i = 1; i < give; ++i) out.push_back({std::move(held_[i]), false, {}});
  held_[0] = {};
  for (; held_count_ < keep; ++held_count_)
    held_[held_count_] = std::move(held_[give + held_count_]);
}

void NalHeads::hold(const Slice& bytes) {
  for (std::size_t i = 0; i < bytes.size; ++i) held_[held_count_++] = bytes.sub(i, 1);
}

void NalHeads::flush(std::vector<Item>& out) {
  for (std::size_t i = 0; i < held_count_; ++i) out.push_back({std::move(held_[i]), false, {}});
  held_count_ = 0;
}

void NalHeads::drop() {
  for (auto& slice : held_) slice = {};
  held_count_ = 0;
}

}  // namespace rtp::ps
