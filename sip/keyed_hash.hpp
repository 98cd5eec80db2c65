// SipHash-2-4: a 64-bit hash that nobody can foresee or forge without the key. For branches, tags
// and tokens that must be recognized when they come back. Pure; allocates nothing.
#pragma once

#include <cstdint>
#include <string_view>

namespace sip {

struct HashKey {
  std::uint64_t k0 = 0;
  std::uint64_t k1 = 0;
};

// Of several texts: where one ends and the next begins counts.
class KeyedHash {
 public:
  explicit KeyedHash(const HashKey& key);

  KeyedHash& add(std::string_view text);
  KeyedHash& add(std::uint64_t number);
  std::uint64_t finish();  // once

  struct State {
    std::uint64_t v0, v1, v2, v3;
  };

 private:
  void push(std::uint64_t bytes, unsigned count);  // up to 8, the first in the lowest

  State state_;
  std::uint64_t tail_ = 0;
  unsigned tail_bytes_ = 0;
  std::uint64_t total_ = 0;
};

}  // namespace sip
