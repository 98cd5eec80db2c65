// Memory for the texts that transactions keep for half a minute: cut to size out of slabs, so that
// a steady state allocates nothing, wastes little, and gives back what a burst has needed.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sip {

// A text in a TextPool. Reads as a std::string_view; its owner releases it.
class PooledText {
 public:
  const char* data() const { return data_; }
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  operator std::string_view() const { return {data_, size_}; }

 private:
  friend class TextPool;
  char* data_ = nullptr;
  std::uint32_t size_ = 0;
};

class TextPool {
 public:
  TextPool() = default;
  ~TextPool();
  TextPool(const TextPool&) = delete;
  TextPool& operator=(const TextPool&) = delete;

  // `to` becomes a copy of `text`; what it held is released first. All must be released before the
  // pool ends.
  void assign(PooledText& to, std::string_view text);
  void release(PooledText& text);

  std::size_t slab_count() const { return slabs_; }  // in use or kept for the next need

 private:
  struct Slab;
  static constexpr std::size_t step = 64;
  static constexpr std::size_t largest = 4096;  // longer texts are allocated one by one
  static constexpr std::size_t classes = largest / step;

  char* take(std::size_t size_class);
  void give_back(char* block);
  Slab* open_slab(std::size_t size_class);
  void close_slab(Slab* slab);
  void link(Slab* slab);
  void unlink(Slab* slab);

  std::array<Slab*, classes> open_{};  // slabs with room, by size class
  Slab* spare_ = nullptr;              // empty, for any size
  std::size_t spares_ = 0;
  std::size_t slabs_ = 0;
};

}  // namespace sip
