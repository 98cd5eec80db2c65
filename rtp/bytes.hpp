// Bounded reading and writing of big-endian fields. Neither ever touches a byte outside its span.
// Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace rtp {

inline std::uint16_t load_be16(const std::uint8_t* p) {
  return static_cast<std::uint16_t>(p[0] << 8 | p[1]);
}
inline std::uint32_t load_be24(const std::uint8_t* p) {
  return std::uint32_t{p[0]} << 16 | std::uint32_t{p[1]} << 8 | p[2];
}
inline std::uint32_t load_be32(const std::uint8_t* p) {
  return std::uint32_t{p[0]} << 24 | load_be24(p + 1);
}
inline std::uint64_t load_be64(const std::uint8_t* p) {
  return std::uint64_t{load_be32(p)} << 32 | load_be32(p + 4);
}
inline void store_be16(std::uint8_t* p, std::uint16_t v) {
  p[0] = static_cast<std::uint8_t>(v >> 8);
  p[1] = static_cast<std::uint8_t>(v);
}
inline void store_be24(std::uint8_t* p, std::uint32_t v) {
  p[0] = static_cast<std::uint8_t>(v >> 16);
  store_be16(p + 1, static_cast<std::uint16_t>(v));
}
inline void store_be32(std::uint8_t* p, std::uint32_t v) {
  store_be16(p, static_cast<std::uint16_t>(v >> 16));
  store_be16(p + 2, static_cast<std::uint16_t>(v));
}
inline void store_be64(std::uint8_t* p, std::uint64_t v) {
  store_be32(p, static_cast<std::uint32_t>(v >> 32));
  store_be32(p + 4, static_cast<std::uint32_t>(v));
}

// Reads from the front. A read past the end yields zeros (an empty span) and makes ok() false for
// good, so that a grammar reads its fields first and checks once.
class ByteReader {
 public:
  explicit ByteReader(std::span<const std::uint8_t> bytes) : rest_(bytes) {}

  bool ok() const { return ok_; }
  std::size_t remaining() const { return rest_.size(); }
  bool empty() const { return rest_.empty(); }
  std::span<const std::uint8_t> rest() const { return rest_; }

  std::uint8_t u8() { return has(1) ? *take(1) : std::uint8_t{0}; }
  std::uint16_t u16() { return has(2) ? load_be16(take(2)) : std::uint16_t{0}; }
  std::uint32_t u24() { return has(3) ? load_be24(take(3)) : 0; }
  std::uint32_t u32() { return has(4) ? load_be32(take(4)) : 0; }
  std::uint64_t u64() { return has(8) ? load_be64(take(8)) : 0; }
  std::span<const std::uint8_t> bytes(std::size_t n) {
    if (!has(n)) return {};
    return {take(n), n};
  }
  void skip(std::size_t n) {
    if (has(n)) take(n);
  }

 private:
  bool has(std::size_t n) {
    if (n > rest_.size()) {
      ok_ = false;
      rest_ = {};
    }
    return ok_;
  }
  const std::uint8_t* take(std::size_t n) {
    const auto* at = rest_.data();
    rest_ = rest_.subspan(n);
    return at;
  }
  std::span<const std::uint8_t> rest_;
  bool ok_ = true;
};

// Writes to the front of a span that it does not own. A write that does not fit writes nothing and
// makes ok() false for good.
class ByteWriter {
 public:
  explicit ByteWriter(std::span<std::uint8_t> space) : space_(space) {}

  bool ok() const { return ok_; }
  std::size_t size() const { return used_; }
  std::span<std::uint8_t> written() const { return space_.first(used_); }

  void u8(std::uint8_t v) {
    if (auto* p = grow(1)) *p = v;
  }
  void u16(std::uint16_t v) {
    if (auto* p = grow(2)) store_be16(p, v);
  }
  void u24(std::uint32_t v) {
    if (auto* p = grow(3)) store_be24(p, v);
  }
  void u32(std::uint32_t v) {
    if (auto* p = grow(4)) store_be32(p, v);
  }
  void u64(std::uint64_t v) {
    if (auto* p = grow(8)) store_be64(p, v);
  }
  void bytes(std::span<const std::uint8_t> b) {
    if (b.empty()) return;
    if (auto* p = grow(b.size())) std::memcpy(p, b.data(), b.size());
  }

 private:
  std::uint8_t* grow(std::size_t n) {
    if (!ok_ || n > space_.size() - used_) {
      ok_ = false;
      return nullptr;
    }
    used_ += n;
    return space_.data() + used_ - n;
  }
  std::span<std::uint8_t> space_;
  std::size_t used_ = 0;
  bool ok_ = true;
};

}  // namespace rtp
