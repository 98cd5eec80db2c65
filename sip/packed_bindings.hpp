// One address of record and its bindings in one block of memory: a million of them must fit.
// Bindings lie in the order in which they are given out: by q, equal ones newest first.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "sip/location.hpp"

namespace sip {

class PackedBindings {
 public:
  PackedBindings() = default;
  explicit PackedBindings(std::string_view aor);

  explicit operator bool() const { return block_ != nullptr; }
  std::string_view aor() const;
  std::size_t count() const;

  // What is kept beside a binding.
  struct Marks {
    std::uint32_t link = 0;  // of ConnectionIndex; 0: none
    bool dirty = false;      // changed since the store was told
  };
  // Walks: for (auto at = first(); at != end(); at = next(at)). An offset is valid until a change.
  std::uint32_t first() const;
  std::uint32_t end() const;
  std::uint32_t next(std::uint32_t at) const;
  BindingView read(std::uint32_t at) const;
  TimePoint expires_at(std::uint32_t at) const;
  std::string_view contact(std::uint32_t at) const;
  Marks marks(std::uint32_t at) const;
  void set_marks(std::uint32_t at, Marks marks);
  void forget_connection(std::uint32_t at);

  // `binding` must not point into this block; its size is at most max_size.
  void insert(const BindingView& binding, Marks marks);
  void erase(std::uint32_t at);

  static constexpr std::size_t max_size = 8192;
  static std::size_t size_of(const BindingView& binding);

  // For the walk without the class.
  static const char* read(const char* at, BindingView& out);
  const char* data(std::uint32_t at) const { return block_.get() + at; }

 private:
  struct Head;
  Head head() const;
  void set_head(const Head& head);
  void reallocate(std::size_t capacity);
  std::uint32_t place_for(std::uint16_t q_1000) const;

  std::unique_ptr<char[]> block_;
};

}  // namespace sip
