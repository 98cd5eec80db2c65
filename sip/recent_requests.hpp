// Finds requests that came by two ways (RFC 3261 8.2.2.2): a fixed table of what came last, by
// From tag, Call-ID and CSeq. When two share a place the older is forgotten: a merged request is
// then taken for a new one, which is what happens without the table. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "sip/transactions.hpp"

namespace sip {

class RecentRequests {
 public:
  // The transaction of an equal request that came before; this one takes its place.
  TransactionId exchange(std::uint64_t hash, TransactionId id) {
    if (places_.empty()) places_.resize(size);
    auto& place = places_[hash & (size - 1)];
    const auto known = place.hash == hash ? place.id : TransactionId{};
    if (!known) place = {hash, id};
    return known;
  }
  void replace(std::uint64_t hash, TransactionId id) { places_[hash & (size - 1)] = {hash, id}; }

  static std::uint64_t hash(std::string_view text, std::uint64_t seed) {
    std::uint64_t h = 0xcbf29ce484222325u ^ seed;
    for (const char c : text) h = (h ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
    return h ^ h >> 32;
  }

 private:
  static constexpr std::size_t size = 4096;
  struct Place {
    std::uint64_t hash = 0;
    TransactionId id;
  };
  std::vector<Place> places_;  // made when first used
};

}  // namespace sip
