// One address of record and its bindings in one block of memory: a million of them must fit, and a
// look-up shall touch little. Bindings lie in the order in which they are given out: by q, equal
// ones newest first.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "sip/location.hpp"

namespace sip {

// A reference to such a block; the table of records owns it.
class PackedBindings {
 public:
  using Block = std::unique_ptr<char[]>;

  PackedBindings() = default;
  explicit PackedBindings(char* block) : block_(block) {}
  explicit PackedBindings(const Block& block) : block_(block.get()) {}
  // `record`: its number in the table. `room`: for bindings that come at once.
  static Block make(std::string_view aor, std::uint32_t hash, std::uint32_t record,
                    std::size_t room = 0);
  // A larger copy, for one more binding.
  Block grown_by(std::size_t size) const;

  // What all bindings of the address share. It stands at the block's begin.
  struct Head {
    std::uint32_t hash = 0;  // of the address
    std::uint32_t record = 0;
    std::uint32_t used = 0;  // bytes of the block
    std::uint32_t capacity = 0;
    std::uint32_t scheduled = 0;  // the second at which the wheel will look at it; 0: not at all
    std::uint16_t aor_size = 0;
    std::uint16_t count : 15 = 0;
    std::uint16_t listed : 1 = 0;  // among those that the store must be told of
  };
  Head& head() const { return *reinterpret_cast<Head*>(block_); }

  explicit operator bool() const { return block_ != nullptr; }
  bool operator==(const PackedBindings&) const = default;
  std::string_view aor() const { return {block_ + sizeof(Head), head().aor_size}; }
  std::size_t count() const { return head().count; }
  char* block() const { return block_; }

  // Walks: for (auto at = first(); at != end(); at = next(at)). An offset is valid until a change.
  std::uint32_t first() const { return static_cast<std::uint32_t>(sizeof(Head)) + head().aor_size; }
  std::uint32_t end() const { return head().used; }
  std::uint32_t next(std::uint32_t at) const;
  BindingView read(std::uint32_t at) const;
  TimePoint expires_at(std::uint32_t at) const;
  std::string_view contact(std::uint32_t at) const;
  std::uint32_t link(std::uint32_t at) const;  // of ConnectionIndex; 0: none
  void forget_connection(std::uint32_t at);    // and its link

  static std::size_t size_of(const BindingView& binding);  // at most max_size
  static constexpr std::size_t max_size = 8192;
  bool has_room(std::size_t size) const { return head().used + size <= head().capacity; }
  // `binding` must not point into this block, which must have room.
  void insert(const BindingView& binding, std::uint32_t link);
  void erase(std::uint32_t at);

  // For a walk without the class.
  static const char* read(const char* at, BindingView& out);
  const char* data(std::uint32_t at) const { return block_ + at; }

 private:
  std::uint32_t place_for(std::uint16_t q_1000) const;

  char* block_ = nullptr;
};

}  // namespace sip
