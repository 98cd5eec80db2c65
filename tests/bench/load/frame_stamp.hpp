// What a sender writes into the pictures that it sends, so that a receiver can tell how long a byte
// was under way and whether a frame is missing: nothing that a start code can be mistaken for.
#pragma once

#include <cstdint>
#include <cstring>
#include <optional>
#include <span>

namespace load {

struct FrameStamp {
  std::int64_t sent_ns = 0;  // CLOCK_MONOTONIC
  std::uint32_t frame = 0;   // counted from 0 by each camera
  bool first = false;  // in the first packet of its frame, whole in whatever packets come of it
};

// Noise around stamps does not have this byte.
inline constexpr std::uint8_t stamp_sign = 0x7e;
inline constexpr std::size_t stamp_bytes = 19;

namespace stamp {
inline constexpr std::uint8_t magic[] = {stamp_sign, 'G', 'B', 'T'};

inline void put(std::uint64_t value, int bytes, std::uint8_t* to) {
  for (int i = 0; i < bytes; ++i) to[i] = static_cast<std::uint8_t>(0x80 | (value >> (7 * i)));
}
inline std::uint64_t get(const std::uint8_t* from, int bytes) {
  std::uint64_t value = 0;
  for (int i = 0; i < bytes; ++i) value |= std::uint64_t{from[i] & 0x7fu} << (7 * i);
  return value;
}
}  // namespace stamp

inline void write_stamp(const FrameStamp& stamp, std::uint8_t* to) {
  std::memcpy(to, stamp::magic, sizeof stamp::magic);
  stamp::put(static_cast<std::uint64_t>(stamp.sent_ns), 9, to + 4);
  stamp::put(stamp.frame, 5, to + 13);
  to[18] = stamp.first ? 0x81 : 0x80;
}

// The next whole stamp; `bytes` is shortened to what follows it.
inline std::optional<FrameStamp> next_stamp(std::span<const std::uint8_t>& bytes) {
  while (bytes.size() >= stamp_bytes) {
    const auto* at = static_cast<const std::uint8_t*>(
        std::memchr(bytes.data(), stamp_sign, bytes.size() - stamp_bytes + 1));
    if (!at) break;
    const bool found = std::memcmp(at, stamp::magic, sizeof stamp::magic) == 0;
    bytes = bytes.last(static_cast<std::size_t>(bytes.data() + bytes.size() - at) -
                       (found ? stamp_bytes : 1));
    if (found)
      return FrameStamp{.sent_ns = static_cast<std::int64_t>(stamp::get(at + 4, 9)),
                        .frame = static_cast<std::uint32_t>(stamp::get(at + 13, 5)),
                        .first = at[18] == 0x81};
  }
  bytes = {};
  return {};
}

}  // namespace load
